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
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-h[Print help]' \
'--help[Print help]' \
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
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-h[Print help]' \
'--help[Print help]' \
'*::numbers -- Numbers, sent as they are; `-` alone reads them from standard input, one a line:_default' \
&& ret=0
;;
(ping)
_arguments "${_arguments_options[@]}" : \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(info)
_arguments "${_arguments_options[@]}" : \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
'-h[Print help]' \
'--help[Print help]' \
&& ret=0
;;
(completions)
_arguments "${_arguments_options[@]}" : \
'--uri=[The broker; put a password into \`FIBRPCCTL_URI\` or --password-file instead, as \`ps\` shows arguments to everybody]:URI:_default' \
'--queue=[The queue that the server consumes]:QUEUE:_default' \
'--timeout=[How long a call may take, connecting included, such as 250ms or 1m]:TIMEOUT:_default' \
'--password-file=[A file whose only line replaces the URI'\''s password]:FILE:_files' \
'--ca-file=[The only authorities to trust for amqps, in PEM \[default\: those that the system trusts\]]:FILE:_files' \
'--cert-file=[A client certificate for amqps, in PEM; it logs in where the URI names no user]:FILE:_files' \
'--key-file=[The key of that certificate, in PEM]:FILE:_files' \
'--format=[How to print answers\: bare, or as one JSON object a line]:FORMAT:(plain json)' \
'--wait[Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing]' \
'--no-wait[Do not wait for them\: the default, unless \`FIBRPCCTL_WAIT\` is set]' \
'--trace[Have the calls traced\: send a new W3C trace id with them, and print it\: to standard error, or as a field of each JSON object]' \
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
(ping)
_arguments "${_arguments_options[@]}" : \
&& ret=0
;;
(info)
_arguments "${_arguments_options[@]}" : \
&& ret=0
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
'ping:Ask the server for a sign of life' \
'info:Show the server'\''s version, methods and limits' \
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
(( $+functions[_fibrpcctl__subcmd__help_commands] )) ||
_fibrpcctl__subcmd__help_commands() {
    local commands; commands=(
'call:Compute F(N) for every N' \
'ping:Ask the server for a sign of life' \
'info:Show the server'\''s version, methods and limits' \
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

if [ "$funcstack[1]" = "_fibrpcctl" ]; then
    _fibrpcctl "$@"
else
    compdef _fibrpcctl fibrpcctl
fi
