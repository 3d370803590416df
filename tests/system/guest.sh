# shellcheck shell=bash
# Really booted Debians in systemd-nspawn, also where PID 1 is not systemd. To be sourced by bash.
#
#   guest_missing             says on one line what this machine lacks for it; nothing when it lacks nothing
#   guest_build SUITE         makes the root file system of a suite (bookworm, trixie, sid), once; it is kept
#   guest_boot SUITE DIR      boots a throw-away copy of it, with DIR read-only at /pkg
#   guest_run COMMAND...      runs a command in it
#   guest_end                 powers it off and removes the copy
#
# FIBRPC_SYSTEM_CACHE is where root file systems are kept.
#
# Never bind a node of the host's /dev, /proc or /sys into a guest, which would chown it; and never let a guest mount
# version 1 cgroup controllers: it is given the unified hierarchy alone.

# A change here makes new root file systems.
# shellcheck disable=SC2016 # hooks and formats are for others to expand
guest_packages=systemd,systemd-sysv,dbus,libpam-systemd,apt,iproute2,procps,python3,rabbitmq-server,ca-certificates,init-system-helpers
guest_masked="apt-daily.timer apt-daily-upgrade.timer console-getty.service getty@.service getty.target"
guest_cache=${FIBRPC_SYSTEM_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/fibrpc/system-test}
guest_name='' guest_dir='' guest_nspawn='' guest_leader='' guest_cgroups=()

guest_missing() {
    local tool
    [[ $(id -u) == 0 ]] || { echo "not root" && return; }
    for tool in systemd-nspawn mmdebstrap; do
        command -v "$tool" >/dev/null || { echo "no $tool (packaging/dev/install-deps.sh system-test)" && return; }
    done
    [[ -n $(guest_hierarchies) ]] || { echo "no cgroup version 2 hierarchy" && return; }
    unshare --mount --pid --fork true 2>/dev/null || echo "no right to make namespaces"
}

# Where a cgroup of our own is needed: the unified hierarchy, and beside it systemd's own of old layouts.
guest_hierarchies() {
    awk '$3 == "cgroup2" || ($3 == "cgroup" && $4 ~ /name=systemd/) { print $2 }' /proc/mounts
}

guest_build() {
    local suite=$1 dir=$guest_cache/$1 key
    key=$(printf '%s' "$guest_packages" | sha256sum | cut -c1-16)
    [[ -d $dir/root && $(cat "$dir/key" 2>/dev/null) == "$key" ]] && return
    mkdir -p "$dir"
    rm -rf --one-file-system "$dir/root" "$dir/key"
    guest_sources "$suite" >"$dir/sources" || return
    local options=(--variant=minbase --mode=root --include="$guest_packages"
        --aptopt='APT::Install-Recommends "false"' --aptopt='Acquire::Retries "3"'
        --aptopt='Acquire::Check-Valid-Until "false"'
        --dpkgopt='path-exclude=/usr/share/man/*' --dpkgopt='path-include=/usr/share/man/man?/fibrpc*'
        --dpkgopt='path-exclude=/usr/share/locale/*'
        --customize-hook='printf "127.0.0.1 localhost guest\n::1 localhost\n" >"$1/etc/hosts"'
        --customize-hook='echo guest >"$1/etc/hostname"; : >"$1/etc/machine-id"; mkdir "$1/pkg"'
        --customize-hook='chroot "$1" useradd --create-home plain'
        --customize-hook='chroot "$1" systemctl disable rabbitmq-server.service'
        --customize-hook="chroot \"\$1\" systemctl mask $guest_masked")
    if ! PATH=/usr/sbin:/usr/bin:/sbin:/bin nice mmdebstrap "${options[@]}" "$suite" "$dir/root" "$dir/sources" >"$dir/log" 2>&1; then
        tail -20 "$dir/log" >&2
        rm -rf --one-file-system "$dir/root"
        echo "guest: cannot make a root file system of $suite" >&2
        return 1
    fi
    echo "$key" >"$dir/key"
}

# apt's sources for a suite: this machine's mirror if it is a Debian, else the one DEBIAN_MIRROR names.
guest_sources() {
    local suite=$1 mirror
    mirror=$(apt-get indextargets --format '$(SITE)' 'Created-By: Packages' 'Origin: Debian' 'Label: Debian' 2>/dev/null |
        head -1) || true
    mirror=${DEBIAN_MIRROR:-$mirror}
    if [[ -z $mirror ]]; then
        echo "guest: apt knows no mirror of Debian here; name one in DEBIAN_MIRROR" >&2
        return 1
    fi
    echo "deb ${mirror%/} $suite main"
}

guest_boot() {
    local suite=$1 packages hierarchy tries
    packages=$(realpath "$2")
    guest_name=fibrpc-$$ guest_leader=''
    guest_dir=$(mktemp -d "$guest_cache/$suite/run.XXXXXX")
    mkdir "$guest_dir"/{upper,work,root}
    mount -t overlay "$guest_name" "$guest_dir/root" \
        -o "lowerdir=$guest_cache/$suite/root,upperdir=$guest_dir/upper,workdir=$guest_dir/work"
    guest_cgroups=()
    for hierarchy in $(guest_hierarchies); do
        mkdir -p "$hierarchy/$guest_name"
        guest_cgroups+=("$hierarchy/$guest_name")
    done
    guest_spawn "$packages" </dev/null >"$guest_dir/console" 2>&1 &
    guest_nspawn=$!
    for ((tries = 0; tries < 600; tries++)); do
        kill -0 "$guest_nspawn" 2>/dev/null || break
        guest_leader=$(pgrep -P "$guest_nspawn" | head -1)
        if [[ -n $guest_leader ]] && guest_cgroup >/dev/null; then
            case $(guest_run systemctl is-system-running 2>/dev/null) in
            running | degraded) return 0 ;;
            esac
        fi
        sleep 0.1
    done
    tail -20 "$guest_dir/console" >&2
    echo "guest: $suite did not boot" >&2
    return 1
}

guest_spawn() {
    local group
    for group in "${guest_cgroups[@]}"; do echo "$BASHPID" >"$group/cgroup.procs"; done
    SYSTEMD_NSPAWN_UNIFIED_HIERARCHY=1 exec systemd-nspawn --quiet --directory="$guest_dir/root" \
        --machine="$guest_name" --register=no --keep-unit --boot --console=pipe --private-network --link-journal=no \
        --resolv-conf=off --timezone=off --hostname=guest --system-call-filter='@keyring bpf' --bind-ro="$1:/pkg"
}

# The cgroup of commands that are run in the guest, inside the guest's own.
guest_cgroup() {
    local group
    for group in "${guest_cgroups[@]}"; do
        if [[ -d $group/payload/init.scope && -e $group/cgroup.controllers ]]; then
            mkdir -p "$group/payload/exec" && echo "$group/payload/exec"
            return
        fi
    done
    return 1
}

guest_run() {
    (
        echo "$BASHPID" >"$(guest_cgroup)/cgroup.procs"
        exec nsenter --target "$guest_leader" --mount --uts --ipc --net --pid --cgroup -- env -C / -i \
            PATH=/usr/sbin:/usr/bin:/sbin:/bin HOME=/root LANG=C.UTF-8 DEBIAN_FRONTEND=noninteractive "$@"
    )
}

guest_end() {
    local tries group status=0
    if [[ -n $guest_nspawn ]] && kill -0 "$guest_nspawn" 2>/dev/null; then
        if [[ -n $guest_leader ]]; then
            guest_run timeout 20 systemctl --no-block poweroff 2>/dev/null || kill -s RTMIN+4 "$guest_leader"
        fi
        for ((tries = 0; tries < 300; tries++)); do
            kill -0 "$guest_nspawn" 2>/dev/null || break
            sleep 0.1
        done
        if kill -0 "$guest_nspawn" 2>/dev/null; then
            echo "guest: did not power off in 30 s; killed" >&2
            kill -KILL ${guest_leader:+"$guest_leader"} "$guest_nspawn" 2>/dev/null
            status=1
        fi
        wait "$guest_nspawn" 2>/dev/null || true
    fi
    guest_nspawn=''
    [[ -z $guest_dir ]] && return "$status"
    mountpoint -q "$guest_dir/root" && umount "$guest_dir/root"
    for group in "${guest_cgroups[@]}"; do
        find "$group" -depth -type d -exec rmdir {} + 2>/dev/null || true
    done
    mountpoint -q "$guest_dir/root" || rm -rf --one-file-system "$guest_dir"
    guest_dir=''
    return "$status"
}
