#!/bin/bash
# `make run`: the daemon, running, with a call made to it. Stays until Ctrl-C, which drains it.
#
# Uses the broker that the configuration names if one answers there, and else starts a private one. Settings can be
# overridden as for the installed daemon: FIBRPCD_AMQP__URIS=..., FIBRPCD_HTTP__LISTEN=...
set -euo pipefail
cd "$(dirname -- "$0")/../.."

say() { echo "run: $*"; }
fail() {
    echo "run: $*" >&2
    exit 1
}

# The first of the URIs: they are separated by commas, or a TOML array.
uri=${FIBRPCD_AMQP__URIS:-amqp://guest:guest@127.0.0.1:5672/%2f}
uri=${uri%%,*}
uri=$(tr -d "[]\"' " <<<"$uri")
http=${FIBRPCD_HTTP__LISTEN:-127.0.0.1:9674}
[[ -n $http ]] || fail "FIBRPCD_HTTP__LISTEN is empty, but readiness is asked over HTTP; name an address"

# Host and port of a URI, into $host and $port.
split_uri() {
    local rest=${1#*://}
    rest=${rest%%[/?]*}
    rest=${rest##*@}
    port=5672
    if [[ $rest == \[* ]]; then
        host=${rest#\[} host=${host%%\]*}
        [[ ${rest##*\]} == :* ]] && port=${rest##*:}
    else
        host=${rest%%:*}
        [[ $rest == *:* ]] && port=${rest##*:}
    fi
    host=${host:-127.0.0.1}
}

listens() { (exec 3<>"/dev/tcp/$1/$2") 2>/dev/null; }

broker='' daemon='' work=$(mktemp -d "${TMPDIR:-/tmp}/fibrpc-run.XXXXXX")

# shellcheck disable=SC2329,SC2317 # called by the traps
cleanup() {
    local status=$?
    trap - EXIT
    trap '' INT TERM HUP
    if [[ -n $daemon ]] && kill -TERM "$daemon" 2>/dev/null; then
        wait "$daemon" || status=$?
    fi
    if [[ -n $broker ]]; then
        kill -TERM "$broker" 2>/dev/null || true
        wait "$broker" 2>/dev/null || true
    fi
    rm -rf -- "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 0' INT TERM HUP

# What is still missing, before it is fetched: a first start takes minutes.
missing=$(packaging/dev/install-deps.sh run --list)
[[ -z $missing ]] || say "to be installed from Debian, which takes half a minute: $missing"
[[ -x target/quick/fibrpcd ]] ||
    say "to be built, which takes two to five minutes, once: fibrpcd and fibrpcctl"
packaging/dev/install-deps.sh run

split_uri "$uri"
if listens "$host" "$port"; then
    say "using the broker at $host:$port"
else
    case $host in
    127.* | localhost | ::1) ;;
    *) fail "no broker answers at $host:$port, and only a local one can be started; set FIBRPCD_AMQP__URIS" ;;
    esac
    say "no broker at $host:$port; starting a private one"
    mkfifo "$work/broker"
    # In a session of its own: the Ctrl-C is for us, who drain the daemon before the broker goes. It also
    # stops when we are killed.
    setsid setpriv --pdeathsig TERM packaging/dev/broker.sh --port "$port" >"$work/broker" &
    broker=$!
    read -r ready <"$work/broker" || fail "the broker did not start"
    say "broker: $ready"
fi

say "building"
cargo build --profile quick --locked

say "starting the daemon"
setsid setpriv --pdeathsig TERM target/quick/fibrpcd --config config/fibrpcd.toml &
daemon=$!

# Readiness, by the word of the daemon itself.
ready() {
    local status
    exec 3<>"/dev/tcp/${http%:*}/${http##*:}" || return 1
    printf 'GET /readyz HTTP/1.1\r\nHost: %s\r\nConnection: close\r\n\r\n' "$http" >&3
    read -r _ status _ <&3 || status=''
    exec 3>&-
    [[ $status == 200 ]]
}
for ((tries = 0; ; tries++)); do
    kill -0 "$daemon" 2>/dev/null || fail "the daemon ended; what it said is above"
    ready 2>/dev/null && break
    ((tries < 300)) || fail "the daemon is not ready after a minute; what it said is above"
    sleep 0.2
done

say "calling: fibrpcctl call 30"
answer=$(FIBRPCCTL_URI=$uri target/quick/fibrpcctl call 30)
echo "$answer"
[[ $answer == 832040 ]] || fail "that is not F(30)"

cat <<TEXT

fibrpcd is running.
  call it   target/quick/fibrpcctl call 100 1000      (add --help for more)
  look      http://$http/          (a page for people)
  watch it  target/quick/fibrpcctl status --http http://$http
  metrics   http://$http/metrics
  ready?    http://$http/readyz
  settings  config/fibrpcd.toml; after a change  kill -HUP $daemon
  stop it   Ctrl-C, or  kill $$  from elsewhere; either finishes what is running
TEXT

# Until a signal, or until the daemon ends on its own.
status=0
wait "$daemon" || status=$?
daemon=''
fail "the daemon ended on its own, with status $status"
