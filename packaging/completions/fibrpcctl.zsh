#compdef fibrpcctl

autoload -U is-at-least

_fibrpcctl() {
    typeset -A opt_args
    typeset -a _arguments_options
    local ret=1

    if is-at-least 5.2; then
        _arguments_options=(-s -S -C)
    else
        _arguments_options=(-s -C)
    fi

    local context curcontext="$curcontext" state line
    _arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'-V[Print version]' \
'--version[Print version]' \
":: :_fibrpcctl_commands" \
"*::: :->fibrpcctl" \
&& ret=0
    case $state in
    (fibrpcctl)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:fibrpcctl-command-$line[1]:"
        case $line[1] in
            (call)
_arguments "${_arguments_options[@]}" : \
'--input-format=[What the lines behind \`-\` are\: numbers, or JSON objects with n, and an id, which the output repeats]:FORMAT:(lines json)' \
'-c+[Most calls under way at once]:COUNT:_default' \
'--concurrency=[Most calls under way at once]:COUNT:_default' \
'--retries=[More tries of a call that had no answer]:COUNT:_default' \
'-o+[Write answers to FILE, which is made anew]:FILE:_files' \
'--output=[Write answers to FILE, which is made anew]:FILE:_files' \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--unordered[Print answers as they come]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'*::numbers -- Numbers, sent as they are; ranges such as 1..=10, 0..10 (without 10) and 0..100..10; `-` alone reads numbers from standard input, one a line:_default' \
&& ret=0
;;
(request)
_arguments "${_arguments_options[@]}" : \
'(--lines --input-format)-d+[The body, or where it is]:TEXT|@FILE|-:_default' \
'(--lines --input-format)--data=[The body, or where it is]:TEXT|@FILE|-:_default' \
'(--lines)--input-format=[The same, each line being the body, or a JSON object with \`body\` or \`body_base64\`, \`headers\`, \`type\` and other properties, and an \`id\`, which the output repeats]:FORMAT:(lines json)' \
'--concurrency=[Most requests of these lines under way at once]:COUNT:_default' \
'*-H+[A header]:NAME: VALUE:_default' \
'*--header=[A header]:NAME: VALUE:_default' \
'--type=[The property \`type\`, often the method]:METHOD:_default' \
'--content-type=[The media type of the body]:TYPE:_default' \
'*--property=[Another property\: priority, delivery-mode, message-id, app-id, user-id, expiration, timestamp, content-encoding; may be repeated]:NAME=VALUE:_default' \
'(--lines --input-format)--correlation-id=[The correlation id \[default\: a new UUID\]]:ID:_default' \
'--exchange=[The exchange to publish to]:NAME:_default' \
'--routing-key=[The routing key \[default\: that of --queue\]]:KEY:_default' \
'--reply-queue=[Where replies arrive\: in a queue of our own, or directly (\`amq.rabbitmq.reply-to\`)]:REPLY_QUEUE:(exclusive direct)' \
'-o+[Write replies to FILE, which is made anew]:FILE:_files' \
'--output=[Write replies to FILE, which is made anew]:FILE:_files' \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--lines[A request for each line of standard input]' \
'--resend[Send it again if the connection is lost before the reply\: the server may get it twice]' \
'(-i --include)--raw[Print bodies as they are, and nothing else]' \
'-i[Print the properties of replies, too]' \
'--include[Print the properties of replies, too]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
'::body -- The body; `-` is all of standard input \[default\: empty\]:_default' \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
'(--reply-text --command)--reply=[Reply with the content of FILE]:FILE:_default' \
'(--command)--reply-text=[Reply with TEXT]:TEXT:_default' \
'--command=[Reply with what a shell command writes]:CMD:_default' \
'*-H+[A header of replies; may be repeated]:NAME: VALUE:_default' \
'*--header=[A header of replies; may be repeated]:NAME: VALUE:_default' \
'--content-type=[The media type of replies \[default with --echo\: that of the request\]]:TYPE:_default' \
'--type=[The property \`type\` of replies]:TYPE:_default' \
'--delay=[Wait before each reply]:MIN[..MAX]:_default' \
'--fail=[Reply to so many with an error]:PERCENT:_default' \
'--seed=[Draw the same delays and failures again]:NUMBER:_default' \
'--prefetch=[Take so many requests at once]:COUNT:_default' \
'--concurrency=[Work on so many at once \[default\: all; CMD\: cores\]]:COUNT:_default' \
'-c+[End after so many requests, with exit code 0]:COUNT:_default' \
'--count=[End after so many requests, with exit code 0]:COUNT:_default' \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'(--reply --reply-text --command)--echo[Send each body back\: the default]' \
'--declare[Declare the queue, for a while, if there is none]' \
'-q[Print no line for each request]' \
'--quiet[Print no line for each request]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(ping)
_arguments "${_arguments_options[@]}" : \
'-c+[So many pings \[default\: until Ctrl-C\]]:COUNT:_default' \
'--count=[So many pings \[default\: until Ctrl-C\]]:COUNT:_default' \
'-i+[The pause between them \[default\: 1s\]]:INTERVAL:_default' \
'--interval=[The pause between them \[default\: 1s\]]:INTERVAL:_default' \
'-W+[The longest wait for each \[default\: --timeout\]]:TIMEOUT:_default' \
'--reply-timeout=[The longest wait for each \[default\: --timeout\]]:TIMEOUT:_default' \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'-q[Print only the summary]' \
'--quiet[Print only the summary]' \
'-D[Print the Unix time before each line]' \
'--timestamps[Print the Unix time before each line]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(info)
_arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--stats[Show what the server has done since it started\: calls, failures and latencies by method]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
'--warn=[Conditions for WARNING]:CONDITIONS:_default' \
'--crit=[Conditions for CRITICAL, beside consumers<1]:CONDITIONS:_default' \
'--http=[Ask the daemon over HTTP, too]:URL:_default' \
'--format=[With --check plain is nagios]:FORMAT:(plain json nagios prometheus)' \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--check[Judge it, with the exit codes of Nagios plugins]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help (see more with '\''--help'\'')]' \
'--help[Print help (see more with '\''--help'\'')]' \
&& ret=0
;;
(context)
_arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help]' \
'--help[Print help]' \
":: :_fibrpcctl__subcmd__context_commands" \
"*::: :->context" \
&& ret=0

    case $state in
    (context)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:fibrpcctl-context-command-$line[1]:"
        case $line[1] in
            (ls)
_arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(use)
_arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'()--none[Use none from now on]' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help]' \
'--help[Print help]' \
'::name -- The context:_default' \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help]' \
'--help[Print help]' \
'::name -- The context \[default\: the one in use\]:_default' \
&& ret=0
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--context=[Settings under a name, see \`fibrpcctl context -h\`; an empty one is none \[default\: what \`context use\` said\]]:NAME:_default' \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--color=[Whether to use colours\: \`auto\` is on a terminal, unless \`NO_COLOR\`, \`CLICOLOR=0\` or \`TERM=dumb\` says otherwise; \`CLICOLOR_FORCE\` is everywhere]:WHEN:(auto always never)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--ask-password[Ask for the password on the terminal]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-v[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--verbose[Say where the time of calls went\: on standard error, or as \`timing\` of each JSON object]' \
'--json[The same as --format json, and stronger]' \
'-h[Print help]' \
'--help[Print help]' \
':shell -- The shell:(bash elvish fish powershell zsh)' \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
":: :_fibrpcctl__subcmd__help_commands" \
"*::: :->help" \
&& ret=0

    case $state in
    (help)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:fibrpcctl-help-command-$line[1]:"
        case $line[1] in
            (call)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(request)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(serve)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(ping)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(info)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(status)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(context)
_arguments "${_arguments_options[@]}" : \
":: :_fibrpcctl__subcmd__help__subcmd__context_commands" \
"*::: :->context" \
&& ret=0

    case $state in
    (context)
        words=($line[1] "${words[@]}")
        (( CURRENT += 1 ))
        curcontext="${curcontext%:*:*}:fibrpcctl-help-context-command-$line[1]:"
        case $line[1] in
            (ls)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(use)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(show)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
(completions)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(help)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
        esac
    ;;
esac
;;
        esac
    ;;
esac
}

(( $+functions[_fibrpcctl_commands] )) ||
_fibrpcctl_commands() {
    local commands; commands=(
'call:Compute F(N) for every N' \
'request:Send any request to any RPC server, and print the reply' \
'serve:Answer a queue as a stub, to test a client without its server' \
'ping:Ask the server for a sign of life, once or again and again' \
'info:Show the server'\''s version, methods and limits, or its statistics' \
'status:Show broker, queue and server on one screen, or judge them' \
'context:List, choose and show named brokers' \
'completions:Print what makes a shell complete the arguments of fibrpcctl' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'fibrpcctl commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__call_commands] )) ||
_fibrpcctl__subcmd__call_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl call commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__completions_commands] )) ||
_fibrpcctl__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl completions commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__context_commands] )) ||
_fibrpcctl__subcmd__context_commands() {
    local commands; commands=(
'ls:List the contexts; the one in use has a star' \
'use:Use a context from now on, without --context' \
'show:Show the settings in force, and where each comes from' \
    )
    _describe -t commands 'fibrpcctl context commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__context__subcmd__ls_commands] )) ||
_fibrpcctl__subcmd__context__subcmd__ls_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl context ls commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__context__subcmd__show_commands] )) ||
_fibrpcctl__subcmd__context__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl context show commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__context__subcmd__use_commands] )) ||
_fibrpcctl__subcmd__context__subcmd__use_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl context use commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help_commands] )) ||
_fibrpcctl__subcmd__help_commands() {
    local commands; commands=(
'call:Compute F(N) for every N' \
'request:Send any request to any RPC server, and print the reply' \
'serve:Answer a queue as a stub, to test a client without its server' \
'ping:Ask the server for a sign of life, once or again and again' \
'info:Show the server'\''s version, methods and limits, or its statistics' \
'status:Show broker, queue and server on one screen, or judge them' \
'context:List, choose and show named brokers' \
'completions:Print what makes a shell complete the arguments of fibrpcctl' \
'help:Print this message or the help of the given subcommand(s)' \
    )
    _describe -t commands 'fibrpcctl help commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__call_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__call_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help call commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__completions_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__completions_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help completions commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__context_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__context_commands() {
    local commands; commands=(
'ls:List the contexts; the one in use has a star' \
'use:Use a context from now on, without --context' \
'show:Show the settings in force, and where each comes from' \
    )
    _describe -t commands 'fibrpcctl help context commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__context__subcmd__ls_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__context__subcmd__ls_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help context ls commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__context__subcmd__show_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__context__subcmd__show_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help context show commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__context__subcmd__use_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__context__subcmd__use_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help context use commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__help_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__help_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help help commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__info_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__info_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help info commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__ping_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__ping_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help ping commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__request_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__request_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help request commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__serve_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help serve commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__help__subcmd__status_commands] )) ||
_fibrpcctl__subcmd__help__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl help status commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__info_commands] )) ||
_fibrpcctl__subcmd__info_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl info commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__ping_commands] )) ||
_fibrpcctl__subcmd__ping_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl ping commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__request_commands] )) ||
_fibrpcctl__subcmd__request_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl request commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__serve_commands] )) ||
_fibrpcctl__subcmd__serve_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl serve commands' commands "$@"
}
(( $+functions[_fibrpcctl__subcmd__status_commands] )) ||
_fibrpcctl__subcmd__status_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcctl status commands' commands "$@"
}

if [ "$funcstack[1]" = "_fibrpcctl" ]; then
    _fibrpcctl "$@"
else
    compdef _fibrpcctl fibrpcctl
fi
