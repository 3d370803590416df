#!/bin/bash
# What a guest is asked, as root in it. /pkg has new.deb, old.deb (the same but older, with another conffile) and the
# files beside this one. Prints "ok|NAME|DETAIL" and "FAIL|NAME|DETAIL"; what goes wrong in between goes to stderr.
set -u
here=$(dirname -- "$0")
file=/etc/fibrpcd/fibrpcd.toml
credstore= # "ours" if we have made it
export FIBRPCCTL_URI=amqp://fib:secret%20word@127.0.0.1:5672/%2f

ok() { echo "ok|$1|${2-}"; }
fail() { echo "FAIL|$1|${2-}"; }
# check $? NAME DETAIL: by the status of the command before, which the detail must not change.
check() { if [[ $1 == 0 ]]; then ok "$2" "${3-}"; else fail "$2" "${3-}"; fi; }
is() { if [[ $2 == "$3" ]]; then ok "$1" "$2"; else fail "$1" "$2, not $3"; fi; }
property() { systemctl show --value --property "$1" "${2:-fibrpcd}"; }

# Asks again until a command succeeds; fails after a minute.
eventually() {
    local tries
    for ((tries = 0; tries < 600; tries++)); do
        "$@" && return
        sleep 0.1
    done
    echo "not within a minute: $*" >&2
    return 1
}

get() {
    exec 3<>/dev/tcp/127.0.0.1/9674 || return
    printf 'GET %s HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n' "$1" >&3
    cat <&3
    exec 3>&-
}
ready() { get /readyz 2>/dev/null | grep -q '^HTTP/1.1 200'; }
metric() { get /metrics | sed -n "s/^$1 //p"; }
as_plain() { runuser -u plain -- "$@"; }
has_status() { [[ $(property StatusText) == *$1* ]]; }
is_active() { [[ $(systemctl is-active fibrpcd) == active ]]; }
starts() { journalctl --sync && journalctl -u fibrpcd -o cat --no-pager | grep -c '^starting$'; }

load_start() {
    rm -f /tmp/load.*
    as_plain python3 "$here/load.py" >/tmp/load.out 2>/tmp/load.err &
    load=$!
    load_answers 200
}
answered() { [[ $(cat /tmp/load.count 2>/dev/null || echo 0) -ge $1 ]]; }
# Waits for so many more answers.
load_answers() { eventually answered $(($(cat /tmp/load.count 2>/dev/null || echo 0) + $1)); }
# load_end NAME: every call was answered, and rightly.
load_end() {
    touch /tmp/load.stop
    wait "$load"
    check $? "$1" "$(cat /tmp/load.out)"
    head -5 /tmp/load.err >&2
}

broker() {
    systemctl start rabbitmq-server && rabbitmqctl -q add_user fib 'secret word' &&
        rabbitmqctl -q set_permissions fib '.*' '.*' '.*'
}

# Everything there is, and what is in /etc; not what changes by itself, nor the user database, where a user stays.
snapshot() {
    find / -xdev \( -path /proc -o -path /sys -o -path /dev -o -path /run -o -path /tmp -o -path /pkg -o -path /var/log \
        -o -path /var/cache -o -path /var/lib/dpkg -o -path /var/lib/apt -o -path /var/lib/rabbitmq -o -path /var/tmp \
        -o -path /var/lib/systemd -o -path /root -o -path /home \) -prune -o -printf '%p %y %m %u:%g\n' | sort
    find /var/lib/systemd/deb-systemd-helper-* 2>/dev/null | sort
    find /etc -type f ! -name 'passwd*' ! -name 'group*' ! -name 'shadow*' ! -name 'gshadow*' ! -name ld.so.cache \
        ! -name .pwd.lock ! -path '/etc/rabbitmq/*' -exec md5sum {} + | sort -k 2
}

install_fresh() {
    apt-get -qq -y install /pkg/new.deb >/tmp/apt.log 2>&1
    check $? "install" "$(dpkg-query -W -f '${Version}' fibrpcd)"
    grep -iE 'warning|error' /tmp/apt.log >&2
    is "is-active" "$(systemctl is-active fibrpcd)" active
    is "is-enabled" "$(systemctl is-enabled fibrpcd)" enabled
    eventually ready
    check $? "/readyz with the default configuration" "200"
    is "fibrpcctl call 30, as an ordinary user" "$(FIBRPCCTL_URI='' && unset FIBRPCCTL_URI && as_plain fibrpcctl call 30)" 832040
    eventually has_status "serving rpc_queue at 127.0.0.1:5672"
    check $? "status line" "$(property StatusText)"
    systemd-analyze verify --man=no /usr/lib/systemd/system/fibrpcd.service '/usr/lib/systemd/system/fibrpcd@x.service' >/tmp/verify 2>&1
    is "systemd-analyze verify" "$? $(grep -c . /tmp/verify)" "0 0"
    head -5 /tmp/verify >&2
    systemd-analyze security fibrpcd 2>/dev/null | sed -n 's/.*exposure level for fibrpcd.service: \([0-9.]*\).*/\1/p' >/tmp/exposure
    awk '$1 <= 1.2 { good = 1 } END { exit !good }' /tmp/exposure
    check $? "exposure (systemd-analyze security)" "$(cat /tmp/exposure)"
}

passwords() {
    # Newer systemd brings the directory.
    [[ -d /etc/credstore ]] || { mkdir -m 700 /etc/credstore && credstore=ours; }
    (umask 077 && echo 'secret word' | tee '/etc/credstore/fibrpcd@second.amqp-password' >/etc/credstore/fibrpcd.amqp-password)
}

# The user guest is for tests; now one with a password, which the configuration does not hold.
credential() {
    passwords
    printf '[amqp]\nuris = ["amqp://fib@127.0.0.1:5672/%%2f"]\n[log]\nlevel = "debug"\n' >$file
    systemctl restart fibrpcd && eventually ready && [[ $(as_plain fibrpcctl call 30) == 832040 ]]
    check $? "password by LoadCredential" "$(rabbitmqctl -q list_connections user | sort | uniq -c | xargs)"
    ! grep -rqs 'secret word' /proc/"$(property MainPID)"/{environ,cmdline} && ! journalctl -u fibrpcd --no-pager | grep -q 'secret word'
    check $? "password not in environment, arguments, journal"
}

journal() {
    as_plain fibrpcctl call 4711 >/dev/null
    local id='F_METHOD=fib F_N=4711'
    eventually bash -c "journalctl --sync; journalctl -u fibrpcd $id -o verbose --no-pager | grep -q F_PEER="
    journalctl -u fibrpcd F_METHOD=fib F_N=4711 -o verbose --no-pager >/tmp/entry
    local field missing=
    for field in F_CORRELATION_ID F_METHOD=fib F_N=4711 F_OUTCOME=answered F_STATUS=OK F_TOTAL_US F_PEER PRIORITY=7 SYSLOG_IDENTIFIER=fibrpcd MESSAGE=settled; do
        grep -q "^ *$field" /tmp/entry || missing+=" $field"
    done
    is "journal: fields of a request, no time of our own" "${missing:-all}" all
    journalctl -u fibrpcd -p info..info -o cat --no-pager | grep -q '^attached; consuming'
    check $? "journal: info is priority 6"
}

stops() {
    load_start
    systemctl stop fibrpcd
    is "stop under load: Result" "$(property Result) $(property ExecMainStatus)" "success 0"
    systemctl start fibrpcd
    load_answers 100
    load_end "stop and start under load"
    systemctl stop fibrpcd
    sleep 4 # than which RestartSec is shorter: that nothing happens has no event to wait for
    is "stop: not restarted" "$(systemctl is-active fibrpcd) $(property NRestarts)" "inactive 0"
    systemctl start fibrpcd && eventually ready
    load_start
    local times
    for ((times = 0; times < 20; times++)); do
        systemctl restart fibrpcd || fail "restart" "$times"
        load_answers 20
    done
    load_end "restart under load, 20 times"
    load_start
    for ((times = 0; times < 10; times++)); do
        sed -i "/^prefetch/d; s/^\[amqp\]/[amqp]\nprefetch = $((times + 20))/" $file
        systemctl reload fibrpcd || fail "reload" "$times"
        load_answers 20
    done
    load_end "reload under load, 10 times"
    is "reload: taken over" "$(metric fibrpcd_prefetch_limit) $(metric fibrpcd_config_last_reload_successful)" "29 1"
}

in_flight() { [[ $(metric fibrpcd_requests_in_flight) == "$1" ]]; }

# Suspends or resumes the queues that replies go to: a reply that is not confirmed keeps its request open.
reply_queues() {
    rabbitmqctl -q eval "[sys:$1(amqqueue:get_pid(Q)) || Q <- rabbit_amqqueue:list(<<\"/\">>),
        amqqueue:get_type(Q) =:= rabbit_classic_queue]." >/dev/null
}

# A reply that is confirmed after some seconds, in a service that systemd gives one.
long_stop() {
    mkdir -p /run/systemd/system/fibrpcd.service.d
    printf '[Service]\nTimeoutStopSec=1s\n' >/run/systemd/system/fibrpcd.service.d/quick.conf
    systemctl daemon-reload
    local call stop
    mkfifo /tmp/numbers
    as_plain fibrpcctl --wait --timeout 60s call - </tmp/numbers >/tmp/long &
    call=$!
    exec 9>/tmp/numbers
    echo 30 >&9
    eventually grep -qx 832040 /tmp/long # now it has a queue
    reply_queues suspend
    echo 30000000 >&9
    eventually in_flight 1
    systemctl stop fibrpcd &
    stop=$!
    sleep 3 # than which systemd would be less patient
    reply_queues resume
    wait "$stop"
    is "stop that takes longer than TimeoutStopSec: Result" "$(property Result) $(property ExecMainStatus)" "success 0"
    exec 9>&-
    wait "$call"
    is "stop that takes longer than TimeoutStopSec: digits of the reply" "$(sed -n 2p /tmp/long | tr -d '\n' | wc -c)" 6269629
    rm /tmp/numbers /run/systemd/system/fibrpcd.service.d/quick.conf
    systemctl daemon-reload && systemctl start fibrpcd && eventually ready
}

bad_files() {
    cp $file /tmp/good.toml
    printf '[amqp]\nprefech = 1\n' >$file
    local before
    before=$(property MainPID)
    if systemctl reload fibrpcd 2>/dev/null; then fail "reload of a bad file fails"; else ok "reload of a bad file fails"; fi
    eventually has_status 'fibrpcd.toml:2: amqp.prefech: unknown key'
    check $? "reload of a bad file: status" "$(property StatusText)"
    is "reload of a bad file: goes on" "$(property MainPID) $(metric fibrpcd_config_last_reload_successful) $(as_plain fibrpcctl call 30)" "$before 0 832040"
    systemctl restart fibrpcd 2>/dev/null
    sleep 4 # as above
    is "start with a bad file: no restart" "$(systemctl is-active fibrpcd) $(property ExecMainStatus) $(property NRestarts)" "failed 78 0"
    systemctl status --no-pager fibrpcd | grep -q 'fibrpcd.toml:2: amqp.prefech: unknown key; did you mean amqp.prefetch?'
    check $? "start with a bad file: systemctl status shows the line"
    cp /tmp/good.toml $file
    systemctl restart fibrpcd && eventually ready
    check $? "start with the good file again"
}

restarted() { [[ $(property NRestarts) -gt $1 ]] && is_active; }

kills() {
    load_start
    local before
    before=$(property NRestarts)
    systemctl kill --signal=KILL fibrpcd
    eventually restarted "$before"
    check $? "kill -9: restarted"
    load_answers 100
    load_end "kill -9 under load"
    # The daemon drains and exits with 0, but nobody asked systemd for that: it is wanted again.
    load_start
    before=$(property NRestarts)
    kill "$(property MainPID)"
    eventually restarted "$before"
    check $? "kill of the main process: restarted"
    eventually ready
    is "kill of the main process: answers again" "$(as_plain fibrpcctl call 30)" 832040
    load_answers 100
    load_end "kill of the main process under load"
    mkdir -p /run/systemd/system/fibrpcd.service.d
    printf '[Service]\nWatchdogSec=3s\n' >/run/systemd/system/fibrpcd.service.d/quick.conf
    systemctl daemon-reload && systemctl restart fibrpcd && eventually ready
    load_start
    before=$(property NRestarts)
    kill -STOP "$(property MainPID)"
    eventually restarted "$before"
    check $? "SIGSTOP: the watchdog restarts it" "$(journalctl --sync; journalctl -u fibrpcd -o cat --no-pager | grep -o 'Watchdog timeout (limit [0-9a-z]*)' | tail -1)"
    load_answers 100
    load_end "SIGSTOP under load"
    # Without a broker, for longer than the watchdog's patience: that nothing happens has no event to wait for.
    before=$(property NRestarts)
    systemctl stop rabbitmq-server
    eventually has_status "waiting for a broker"
    sleep 7
    is "no broker for longer than WatchdogSec: not restarted" "$(property NRestarts) $(systemctl is-active fibrpcd)" "$before active"
    systemctl start rabbitmq-server && eventually ready
    check $? "the broker is back"
    rm /run/systemd/system/fibrpcd.service.d/quick.conf
    systemctl daemon-reload && systemctl restart fibrpcd && eventually ready
}

# The same unit, with a probe in the daemon's place.
probe() {
    echo private >/home/plain/secret
    cp "$here/probe.py" /usr/local/bin/probe.py
    sed -e 's/^Type=.*/Type=oneshot/; /^\(WatchdogSec\|Restart\|RestartSec\|RestartPreventExitStatus\|ExecReload\|NotifyAccess\)=/d' \
        -e 's|^ExecStart=.*|ExecStart=/usr/bin/python3 /usr/local/bin/probe.py|' \
        /usr/lib/systemd/system/fibrpcd.service >/run/systemd/system/probe.service
    systemctl daemon-reload
    systemctl start probe
    check $? "probe in the place of the daemon: runs"
    journalctl --sync
    local result name
    journalctl -u probe -o cat --no-pager | grep -E '^(denied|ALLOWED) ' >/tmp/probe
    while read -r result name; do
        [[ $result == denied ]]
        check $? "from inside: $name" "$result"
    done </tmp/probe
    # The probe can tell the difference: root, outside, may do nearly all of that.
    local inside outside
    inside=$(grep -c ^denied /tmp/probe)
    outside=$(python3 /usr/local/bin/probe.py | grep -c ^ALLOWED)
    umount /mnt 2>/dev/null
    ((inside >= 17 && outside >= 12))
    check $? "from inside: attempts" "$inside denied; outside, $outside allowed"
    is "the daemon has no capabilities" "$(grep -h '^Cap[EPBA]' /proc/"$(property MainPID)"/status | awk '{print $2}' | sort -u)" 0000000000000000
    rm /run/systemd/system/probe.service /usr/local/bin/probe.py
    systemctl daemon-reload
}

instances() {
    printf '[amqp]\nuris = ["amqp://fib@127.0.0.1:5672/%%2f"]\nqueue = "second"\n[http]\nlisten = "127.0.0.1:9675"\n' >/etc/fibrpcd/second.toml
    systemctl start fibrpcd@second
    is "an instance of its own" "$(as_plain fibrpcctl --queue second --wait --timeout 30s call 30)" 832040
}

# purge WHEN FILES: what is in /etc/fibrpcd until then.
purge() {
    apt-get -qq -y remove fibrpcd >/tmp/apt.log 2>&1
    check $? "remove, $1"
    is "remove, $1: stopped, configuration kept" "$(systemctl is-active fibrpcd fibrpcd@second | xargs) $(find /etc/fibrpcd -name '*.toml' -printf '%f\n' | sort | xargs)" "inactive inactive $2"
    apt-get -qq -y purge fibrpcd >/tmp/apt.log 2>&1
    check $? "purge, $1"
    [[ -n $credstore ]] && rmdir /etc/credstore && credstore=
    snapshot >/tmp/after
    diff /tmp/before /tmp/after >/tmp/left
    is "purge, $1: files left, changed or missing" "$(grep -c '^[<>]' /tmp/left)" 0
    head -20 /tmp/left >&2
}

upgrade() {
    apt-get -qq -y install /pkg/old.deb >/tmp/apt.log 2>&1
    check $? "install of an older build" "$(dpkg-query -W -f '${Version}' fibrpcd)"
    passwords
    printf '# edited\n[amqp]\nuris = ["amqp://fib@127.0.0.1:5672/%%2f"]\n' >$file
    instances
    systemctl restart fibrpcd && eventually ready
    local before second
    before=$(starts) second=$(property InvocationID fibrpcd@second)
    load_start
    apt-get -qq -y -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold install /pkg/new.deb >/tmp/apt.log 2>&1
    check $? "upgrade with an edited conffile" "$(dpkg-query -W -f '${Version}' fibrpcd)"
    load_answers 100
    load_end "upgrade under load"
    is "upgrade: the edit is kept" "$(head -1 $file)" "# edited"
    is "upgrade: restarted once" "$(($(starts) - before))" 1
    [[ $(property InvocationID fibrpcd@second) != "$second" && $(systemctl is-active fibrpcd@second) == active ]]
    check $? "upgrade: instances restarted"
}

. /etc/os-release
rm -f /etc/apt/sources.list /etc/apt/sources.list.d/*
broker || { fail "broker"; exit 1; }
ok "versions" "$PRETTY_NAME, $(systemctl --version | sed -n '1s/systemd \([0-9]*\).*/systemd \1/p'), RabbitMQ $(rabbitmqctl -q version)"
snapshot >/tmp/before
install_fresh
credential
journal
stops
long_stop
bad_files
kills
probe
purge "first" "fibrpcd.toml"
upgrade
purge "after the upgrade" "fibrpcd.toml second.toml"
ok "done"
