#!/bin/bash
# A private, throw-away RabbitMQ node in the foreground, for tests and for `make run`.
#
#   broker.sh [--port N] [--dir DIR] [--definitions FILE] [--config FILE] [--plugin NAME] [--tls DIR]
#             [--epmd PORT [--join DIR]] [--until-eof]
#             [--graceful]
#   broker.sh --find      only print where RabbitMQ's scripts are; exit 1 if nowhere
#
#   --port N            AMQP port on 127.0.0.1; without it a free one is taken
#   --dir DIR           where everything is kept; without it a temporary directory, removed at the end. On a DIR that
#                       was used before, the same node starts again: same name, same ports, same data
#   --definitions FILE  vhosts, users, queues, ... to import (JSON, as `rabbitmqctl export_definitions` writes them)
#   --config FILE       lines to add to rabbitmq.conf
#   --plugin NAME       a plugin of RabbitMQ to enable; may be said more than once
#   --tls DIR           also listen with TLS, on a port that is said at the end of the line below (" tls=N"), with
#                       DIR's ca.pem, cert.pem and key.pem, which are copied to "tls" in the node's directory
#   --epmd PORT         use the epmd that listens on this port of 127.0.0.1, and leave it running: the nodes of a cluster
#                       share one, which must outlive each of them
#   --join DIR          at its first start the node joins the cluster of the node that was started in DIR, with its --epmd
#   --root DIR          the RabbitMQ of another root file system, as tests/system/guest.sh builds them; as root. The
#                       environment may say it instead, by FIBRPC_BROKER_ROOT, and so for the brokers of tests
#   --until-eof         also stop when stdin ends. Whoever holds the other end of that pipe need not be able to stop
#                       us: its death closes the pipe
#   --graceful          stop the node as an operator would (connections are closed, data is written); without it the
#                       node is killed, which is quick
#
# Once AMQP connections are accepted, this one line is on stdout, and never anything else:
#
#   ready port=N node=NAME dir=DIR epmd=PORT
#
# DIR/ctl is then rabbitmqctl for this node, DIR/node.pid its process id, DIR/log/node.log its log. SIGTERM, SIGINT and
# SIGHUP stop it: exit 0, and no process is left. A node that does not start, or ends unasked: exit 1, with the end of
# its log on stderr.
#
# It needs no privilege and touches nothing of a RabbitMQ that the machine may run as a service.
set -euo pipefail

readonly start_timeout=55 stop_timeout=30

say() { echo "broker.sh: $*" >&2; }
usage() {
    say "$1; --help has its usage"
    exit 2
}

# Debian's /usr/sbin/rabbitmq-server (and rabbitmqctl) refuses ordinary users and turns root into the user rabbitmq, who
# may not read our files. So: the scripts it wraps, wherever they are. Newest first.
find_sbin() {
    local dir candidates=()
    mapfile -t candidates < <(
        printf '%s\n' /usr/lib/rabbitmq/lib/rabbitmq_server-*/sbin /usr/local/lib/rabbitmq_server-*/sbin \
            /opt/rabbitmq/sbin /opt/rabbitmq_server-*/sbin /usr/local/opt/rabbitmq/sbin /opt/homebrew/opt/rabbitmq/sbin |
            sort -rV
        tr : '\n' <<<"$PATH"
    )
    for dir in "${candidates[@]}"; do
        # Through symbolic links: the scripts load rabbitmq-env from beside themselves, and a wrapper has none there.
        [[ -x $dir/rabbitmq-server ]] || continue
        dir=$(dirname -- "$(readlink -f -- "$dir/rabbitmq-server")")
        if [[ -f $dir/rabbitmq-env && -x $dir/rabbitmqctl ]]; then
            printf '%s\n' "$dir"
            return
        fi
    done
    say "no RabbitMQ found; packaging/dev/install-deps.sh run installs it"
    return 1
}

arguments=("$@")
plugins=()
port='' dir='' definitions='' config='' tls='' until_eof='' graceful='' shared_epmd='' join=''
root=${FIBRPC_BROKER_ROOT:-}
while (($#)); do
    case $1 in
    --find)
        find_sbin
        exit
        ;;
    --plugin)
        (($# > 1)) || usage "$1 needs a value"
        plugins+=("$2")
        shift
        ;;
    --port | --dir | --definitions | --config | --tls | --root)
        (($# > 1)) || usage "$1 needs a value"
        declare "${1#--}=$2"
        shift
        ;;
    --epmd | --join)
        (($# > 1)) || usage "$1 needs a value"
        [[ $1 == --epmd ]] && shared_epmd=$2 || join=$2
        shift
        ;;
    -h | --help)
        sed -n '2,/^set /s/^# \{0,1\}//p' "$0"
        exit
        ;;
    --until-eof) until_eof=yes ;;
    --graceful) graceful=yes ;;
    *) usage "unknown argument $1" ;;
    esac
    shift
done
if [[ -n $root && -z ${FIBRPC_BROKER_IN_ROOT:-} ]]; then
    # Everything is to happen in there, with our /tmp and our network. Mounts of a private namespace end with it.
    export FIBRPC_BROKER_IN_ROOT=yes
    here=$(dirname -- "$(readlink -f -- "$0")")
    # shellcheck disable=SC2016 # for the inner shell to expand
    exec unshare --mount --propagation private sh -c '
        root=$1 here=$2
        shift 2
        mount --bind "$root" "$root" && mount --rbind /proc "$root/proc" && mount --rbind /dev "$root/dev" &&
            mount --bind /tmp "$root/tmp" && mount --bind "$here" "$root/mnt" && exec chroot "$root" /mnt/broker.sh "$@"
    ' sh "$root" "$here" "${arguments[@]}"
fi
[[ -z $port || ($port =~ ^[1-9][0-9]{0,4}$ && $port -lt 65536) ]] || usage "--port $port is not a port"
for file in "$definitions" "$config" ${tls:+"$tls/ca.pem" "$tls/cert.pem" "$tls/key.pem"}; do
    [[ -z $file || -r $file ]] || usage "cannot read $file"
done
[[ -z $join || (-n $shared_epmd && -r $join/node) ]] || usage "--join wants --epmd, and a node that was started in $join"
[[ -z $definitions ]] || definitions=$(readlink -f -- "$definitions")
sbin=$(find_sbin)
epmd_program=$(command -v epmd) || {
    say "RabbitMQ is here, but Erlang's epmd is not on PATH"
    exit 1
}

# ---- the end, whichever it is -------------------------------------------------------------------------------------

made_dir='' node='' epmd='' is_up=''
stopping='' # set by the signals

gone() { ! kill -0 "$1" 2>/dev/null; }

# shellcheck disable=SC2329,SC2317 # called by the trap
cleanup() {
    local status=$?
    trap - EXIT
    trap '' TERM INT HUP
    set +e
    if [[ -n $node ]]; then
        # A node that is still starting has nothing to lose, and RabbitMQ may not heed the signal then.
        if [[ -n $graceful && -n $stopping && -n $is_up ]] && ! gone "$node"; then
            kill -TERM "$node"
            # The one that ends first; bash 5.0 has no `wait` with a time limit.
            sleep "$stop_timeout" &
            local limit=$!
            wait -n "$node" "$limit"
            gone "$limit" && say "the node did not stop within $stop_timeout s; killing it"
            kill -KILL "$limit" 2>/dev/null
        fi
    fi
    # All we started, also what a signal kept us from writing down. The node's session is its own (setsid), so that its
    # helper processes are reached as a group. (IFS: the trap may have come during a `read` with its own.)
    local pid IFS=$' \t\n'
    for pid in $(jobs -p); do
        kill -KILL -- "-$pid" "$pid" 2>/dev/null
    done
    wait 2>/dev/null
    [[ -n $node ]] && rm -f -- "$dir/node.pid"
    [[ -n $made_dir ]] && rm -rf -- "$dir"
    exit "$status"
}
trap cleanup EXIT
trap 'stopping=yes; exit 0' TERM INT HUP

if [[ -n $until_eof ]]; then
    # Reads until there is nothing more to read, then tells us. bash would give a background job /dev/null as stdin.
    exec {our_stdin}<&0
    {
        trap - EXIT
        trap '' INT HUP
        while IFS= read -r _; do :; done
        kill -TERM "$$"
    } <&"$our_stdin" >/dev/null &
    exec {our_stdin}<&-
fi
exec </dev/null

# ---- where it lives -----------------------------------------------------------------------------------------------

if [[ -z $dir ]]; then
    # A signal between these two would leave the directory behind.
    trap 'stopping=yes' TERM INT HUP
    dir=$(mktemp -d "${TMPDIR:-/tmp}/fibrpc-broker.XXXXXX")
    made_dir=yes
    trap 'stopping=yes; exit 0' TERM INT HUP
    [[ -z $stopping ]] || exit 0
else
    mkdir -p -- "$dir"
    dir=$(readlink -f -- "$dir")
fi
# The cookie is a password: nobody else in here.
chmod 700 "$dir"
mkdir -p -- "$dir"/{home,log,data,conf.d}

name='' epmd_port='' old_port='' imported='' tls_port=''
if [[ -r $dir/node ]]; then
    # Written below by ourselves: name, epmd_port, old_port, imported, tls_port.
    # shellcheck source=/dev/null
    . "$dir/node"
fi
name=${name:-fibrpc-$$@localhost}
# Its arguments and not only its id: that may be another process by now. (The node writes this file too, without an
# end of line.)
if [[ -r $dir/node.pid ]] && other=$(<"$dir/node.pid") && grep -qsF -- "$name" "/proc/$other/cmdline"; then
    say "$name is running in $dir already, as process $other"
    exit 1
fi
port_is_ours=''
if [[ -z $port ]]; then
    port=$old_port
    [[ -n $port ]] || port_is_ours=yes
fi

# A port nobody listens on, below the range the kernel gives to outgoing connections, so that nobody gets it by chance
# while the node is down for a restart. Somebody may still take it before our node does; that is noticed and repeated.
# The answer is in $free: a subshell would draw the same RANDOM numbers each time.
free_port() {
    local low=20000 high _
    read -r high _ </proc/sys/net/ipv4/ip_local_port_range 2>/dev/null || high=32768
    ((high > low + 1000)) || low=1024
    while :; do
        free=$((low + (RANDOM * 32768 + RANDOM) % (high - low)))
        (exec 3<>"/dev/tcp/127.0.0.1/$free") 2>/dev/null || return 0
    done
}

# Nodes know each other as friends by the cookie.
if [[ -n $join && ! -f $dir/home/.erlang.cookie ]]; then
    cp -p -- "$join/home/.erlang.cookie" "$dir/home/"
fi
[[ -f $dir/home/.erlang.cookie ]] || (
    umask 077
    set +o pipefail # tr ends by SIGPIPE
    LC_ALL=C tr -dc A-Za-z0-9 </dev/urandom | head -c 32 >"$dir/home/.erlang.cookie"
    chmod 400 "$dir/home/.erlang.cookie"
)
(IFS=, && echo "[${plugins[*]}]." >"$dir/enabled_plugins")
if [[ -n $tls ]]; then
    mkdir -p -- "$dir/tls"
    cp -- "$tls"/{ca,cert,key}.pem "$dir/tls/"
fi
echo '[].' >"$dir/advanced.config"

# Erlang looks for each of the 700 modules a broker loads in each library directory in turn, and RabbitMQ comes with 50
# plugins that we do not run: 50,000 failed opens, more than half of a start's time. So it gets a home in which they are missing.
# (The scripts find their home by the path they are called by.)
broker_home=$(dirname -- "$sbin")
if [[ -d $broker_home/plugins && -d $broker_home/escript ]]; then
    rm -rf -- "$dir/rabbitmq"
    mkdir -p -- "$dir/rabbitmq/plugins"
    ln -s -- "$sbin" "$broker_home/escript" "$dir/rabbitmq/"
    for path in "$broker_home"/plugins/*; do
        file=${path##*/}
        case $file in
        rabbitmq_prelaunch*) ;; # part of the broker in spite of its name
        rabbitmq_*) [[ " ${plugins[*]} " == *" ${file%%-*} "* ]] || continue ;; # only what is asked for
        esac
        ln -s -- "$path" "$dir/rabbitmq/plugins/"
    done
    sbin=$dir/rabbitmq/${sbin##*/}
    broker_home=$dir/rabbitmq
fi

# Whatever the caller's environment, /etc/rabbitmq or ~ say about some other node is not for this one.
unset "${!RABBITMQ_@}" ERL_LIBS ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ERL_INETRC NOTIFY_SOCKET
export HOME=$dir/home
export ERL_EPMD_ADDRESS=127.0.0.1
export ERL_CRASH_DUMP_SECONDS=0
export RABBITMQ_CONF_ENV_FILE=$dir/rabbitmq-env.conf # there is none
export RABBITMQ_CONFIG_FILE=$dir/rabbitmq.conf
export RABBITMQ_CONFIG_FILES=$dir/conf.d
export RABBITMQ_ADVANCED_CONFIG_FILE=$dir/advanced.config
export RABBITMQ_ENABLED_PLUGINS_FILE=$dir/enabled_plugins
export RABBITMQ_PLUGINS_DIR=$broker_home/plugins
export RABBITMQ_MNESIA_BASE=$dir/data
export RABBITMQ_PID_FILE=$dir/node.pid
export RABBITMQ_LOG_BASE=$dir/log
export RABBITMQ_LOGS=$dir/log/node.log
export RABBITMQ_NODENAME=$name
# rabbitmqctl is a node too, for a moment: any free port, on the loopback interface, and no more threads than it needs.
export RABBITMQ_CTL_DIST_PORT_MIN=0 RABBITMQ_CTL_DIST_PORT_MAX=0
export RABBITMQ_CTL_ERL_ARGS='-kernel inet_dist_use_interface {127,0,0,1} +S 1:1 +sbwt none -start_epmd false'
# Fewer schedulers, and no busy waiting: many nodes share a test machine's cores. With the node name given here, the
# node is distributed from the start; otherwise RabbitMQ would start a second Erlang VM only to see to an epmd.
# Its distribution port is any free one, told to our epmd alone.
export RABBITMQ_SERVER_ERL_ARGS='+S 2:2 +SDcpu 1:1 +P 65536 +t 1048576 +sbwt none +sbwtdcpu none +sbwtdio none'
export RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS="-sname $name -start_epmd false -kernel inet_dist_use_interface {127,0,0,1}"
# A node of a cluster that is frozen, not gone, is given up after this many seconds instead of 60.
[[ -z $shared_epmd ]] || RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS+=' -kernel net_ticktime 4'
# Makes rabbitmq-server become the node instead of waiting for it: the process we start is then the one to signal.
export RUNNING_UNDER_SYSTEMD=true

# ---- its processes ------------------------------------------------------------------------------------------------

# Starts a program in a session of its own, so that a Ctrl-C in the terminal is for us alone to deal with, and so that
# it dies with us even if we are killed. Its output is then on file descriptor $out, its process id in $pid.
spawn() {
    rm -f -- "$dir/output"
    mkfifo -m 600 -- "$dir/output"
    {
        trap - EXIT TERM INT HUP
        exec setsid setpriv --pdeathsig KILL "$@"
    } >"$dir/output" 2>&1 &
    pid=$!
    exec {out}<"$dir/output"
    rm -f -- "$dir/output"
}

# Hands $out to somebody who reads it to its end, so that the program is not held up by a full pipe.
leave_output_to() {
    {
        trap - EXIT TERM INT HUP
        exec cat >>"$1"
    } <&"$out" &
    exec {out}<&-
}

# ---- epmd ---------------------------------------------------------------------------------------------------------

# Erlang's name server, one for this node alone: sharing the machine's would leave it running behind us. Two -d make it
# say when it listens. Sets $epmd, or what it said instead in $epmd_said.
start_epmd() {
    local line
    epmd_said=''
    spawn "$epmd_program" -d -d -address 127.0.0.1 -port "$epmd_port"
    epmd=$pid
    while IFS= read -r -t 10 line <&"$out"; do
        if [[ $line == *'entering the main select() loop'* ]]; then
            leave_output_to /dev/null
            return 0
        fi
        epmd_said+=$line$'\n'
    done
    exec {out}<&-
    kill -KILL "$epmd" 2>/dev/null
    wait "$epmd" 2>/dev/null
    epmd=''
    return 1
}

for attempt in 1 2 3 4 5; do
    if [[ -n $shared_epmd ]]; then
        epmd_port=$shared_epmd
        export ERL_EPMD_PORT=$epmd_port
        break
    fi
    if [[ -z $epmd_port || $attempt -gt 1 ]]; then
        free_port
        epmd_port=$free
    fi
    export ERL_EPMD_PORT=$epmd_port
    start_epmd && break
done
if [[ -z $epmd && -z $shared_epmd ]]; then
    say "epmd does not start; the last attempt was on port $epmd_port, and it said:"
    printf '%s' "$epmd_said" >&2
    exit 1
fi

# ---- the node -----------------------------------------------------------------------------------------------------

write_files() {
    {
        echo "listeners.tcp.1 = 127.0.0.1:$port"
        if [[ -n $tls ]]; then
            echo "listeners.ssl.1 = 127.0.0.1:$tls_port"
            echo "ssl_options.cacertfile = $dir/tls/ca.pem"
            echo "ssl_options.certfile = $dir/tls/cert.pem"
            echo "ssl_options.keyfile = $dir/tls/key.pem"
        else
            echo 'listeners.ssl = none'
        fi
        echo 'disk_free_limit.absolute = 16MB'
        # Once: after that the node has them, and may have been told otherwise since.
        if [[ -n $definitions && $imported != "$definitions" ]]; then
            echo "load_definitions = $definitions"
        fi
        if [[ -n $join ]]; then
            echo 'cluster_formation.peer_discovery_backend = classic_config'
            # shellcheck source=/dev/null
            echo "cluster_formation.classic_config.nodes.1 = $(. "$join/node" && echo "$name")"
            echo "cluster_formation.classic_config.nodes.2 = $name"
        fi
        if [[ -n $config ]]; then
            cat -- "$config"
        fi
    } >"$dir/rabbitmq.conf"
    {
        echo '#!/bin/bash'
        echo "# rabbitmqctl for $name"
        # shellcheck disable=SC2016 # for the wrapper to expand
        echo 'unset "${!RABBITMQ_@}" ERL_LIBS ERL_FLAGS ERL_AFLAGS ERL_ZFLAGS ERL_INETRC'
        local variable
        for variable in HOME ERL_EPMD_PORT ERL_EPMD_ADDRESS "${!RABBITMQ_@}"; do
            [[ $variable == RABBITMQ_SERVER_* ]] || printf 'export %s=%q\n' "$variable" "${!variable}"
        done
        # Where the node lives, which may be another root file system.
        [[ -z $root ]] || printf 'exec nsenter --target "$(<%q)" --mount --root -- env -C / %q "$@"\n' \
            "$dir/node.pid" "$sbin/rabbitmqctl"
        printf 'exec %q "$@"\n' "$sbin/rabbitmqctl"
    } >"$dir/ctl"
    chmod 700 "$dir/ctl"
}

# Starts the node and waits until it says it is up. 0: it is; 1: it is not.
start_node() {
    local line left deadline=$((SECONDS + start_timeout))
    spawn "$sbin/rabbitmq-server"
    node=$pid
    echo "$node" >"$dir/node.pid"
    : >"$dir/log/stdout.log"
    while left=$((deadline - SECONDS)) && ((left > 0)) && IFS= read -r -t "$left" line <&"$out"; do
        printf '%s\n' "$line" >>"$dir/log/stdout.log"
        # The banner's last line, written when the listeners are open.
        if [[ $line == *'completed with '*plugins* ]]; then
            leave_output_to "$dir/log/stdout.log"
            return 0
        fi
    done
    exec {out}<&-
    timed_out=yes
    ! gone "$node" || timed_out=''
    kill -KILL -- "-$node" 2>/dev/null
    wait "$node" 2>/dev/null
    return 1
}

tails() {
    local log
    for log in "$dir/log/stdout.log" "$dir/log/node.log"; do
        if [[ -s $log ]]; then
            say "the end of $log:"
            tail -n 20 -- "$log" >&2
        fi
    done
}

attempts=1 timed_out=''
[[ -z $port_is_ours ]] || attempts=3
while :; do
    if [[ -n $port_is_ours ]]; then
        free_port
        port=$free
    fi
    if [[ -n $tls && (-z $tls_port || -n $port_is_ours) ]]; then
        free_port
        tls_port=$free
    fi
    write_files
    start_node && break
    if ((--attempts > 0)) && grep -qs eaddrinuse "$dir/log/stdout.log" "$dir/log/node.log"; then
        rm -f -- "$dir/log/node.log"
        continue
    fi
    if [[ -n $timed_out ]]; then
        say "$name did not start within $start_timeout s"
    else
        say "$name ended while it was starting"
    fi
    tails
    exit 1
done

is_up=yes
[[ -z $definitions ]] || imported=$definitions
printf '%s=%q\n' name "$name" epmd_port "$epmd_port" old_port "$port" imported "$imported" tls_port "$tls_port" \
    >"$dir/node"
echo "ready port=$port node=$name dir=$dir epmd=$epmd_port${tls:+ tls=$tls_port}"
# Nothing more will come: whoever reads until the end should see it.
exec >/dev/null

# bash would announce here that a job was killed.
{ wait -n "$node" ${epmd:+"$epmd"} || true; } 2>/dev/null
if gone "$node"; then
    say "$name has ended"
else
    say "its epmd has ended"
fi
tails
exit 1
