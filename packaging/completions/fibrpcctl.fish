# Print an optspec for argparse to handle cmd's options that are independent of any subcommand.
function __fish_fibrpcctl_global_optspecs
    string join \n context= uri= queue= timeout= wait no-wait password-file= ask-password ca-file= cert-file= key-file= trace v/verbose format= json color= h/help V/version
end

function __fish_fibrpcctl_needs_command
    # Figure out if the current invocation already has a command.
    set -l cmd (commandline -opc)
    set -e cmd[1]
    argparse -s (__fish_fibrpcctl_global_optspecs) -- $cmd 2>/dev/null
    or return
    if set -q argv[1]
        # Also print the command, so this can be used to figure out what it is.
        echo $argv[1]
        return 1
    end
    return 0
end

function __fish_fibrpcctl_using_subcommand
    set -l cmd (__fish_fibrpcctl_needs_command)
    test -z "$cmd"
    and return 1
    contains -- $cmd[1] $argv
end

complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -s V -l version -d 'Print version'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "call" -d 'Compute F(N) for every N'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "request" -d 'Send any request to any RPC server, and print the reply'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "serve" -d 'Answer a queue as a stub, to test a client without its server'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "ping" -d 'Ask the server for a sign of life, once or again and again'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "info" -d 'Show the server\'s version, methods and limits, or its statistics'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "status" -d 'Show broker, queue and server on one screen, or judge them'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "context" -d 'List, choose and show named brokers'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "completions" -d 'Print what makes a shell complete the arguments of fibrpcctl'
complete -c fibrpcctl -n "__fish_fibrpcctl_needs_command" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l input-format -d 'What the lines behind `-` are: numbers, or JSON objects with n, and an id, which the output repeats' -r -f -a "lines\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -s c -l concurrency -d 'Most calls under way at once' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l retries -d 'More tries of a call that had no answer' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -s o -l output -d 'Write answers to FILE, which is made anew' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l unordered -d 'Print answers as they come'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand call" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -s d -l data -d 'The body, or where it is' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l input-format -d 'The same, each line being the body, or a JSON object with `body` or `body_base64`, `headers`, `type` and other properties, and an `id`, which the output repeats' -r -f -a "lines\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l concurrency -d 'Most requests of these lines under way at once' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -s H -l header -d 'A header' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l type -d 'The property `type`, often the method' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l content-type -d 'The media type of the body' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l property -d 'Another property: priority, delivery-mode, message-id, app-id, user-id, expiration, timestamp, content-encoding; may be repeated' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l correlation-id -d 'The correlation id [default: a new UUID]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l exchange -d 'The exchange to publish to' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l routing-key -d 'The routing key [default: that of --queue]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l reply-queue -d 'Where replies arrive: in a queue of our own, or directly (`amq.rabbitmq.reply-to`)' -r -f -a "exclusive\t''
direct\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -s o -l output -d 'Write replies to FILE, which is made anew' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l lines -d 'A request for each line of standard input'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l resend -d 'Send it again if the connection is lost before the reply: the server may get it twice'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l raw -d 'Print bodies as they are, and nothing else'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -s i -l include -d 'Print the properties of replies, too'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand request" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l reply -d 'Reply with the content of FILE' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l reply-text -d 'Reply with TEXT' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l command -d 'Reply with what a shell command writes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -s H -l header -d 'A header of replies; may be repeated' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l content-type -d 'The media type of replies [default with --echo: that of the request]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l type -d 'The property `type` of replies' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l delay -d 'Wait before each reply' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l fail -d 'Reply to so many with an error' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l seed -d 'Draw the same delays and failures again' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l prefetch -d 'Take so many requests at once' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l concurrency -d 'Work on so many at once [default: all; CMD: cores]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -s c -l count -d 'End after so many requests, with exit code 0' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l echo -d 'Send each body back: the default'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l declare -d 'Declare the queue, for a while, if there is none'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -s q -l quiet -d 'Print no line for each request'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand serve" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s c -l count -d 'So many pings [default: until Ctrl-C]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s i -l interval -d 'The pause between them [default: 1s]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s W -l reply-timeout -d 'The longest wait for each [default: --timeout]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s q -l quiet -d 'Print only the summary'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s D -l timestamps -d 'Print the Unix time before each line'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand ping" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l stats -d 'Show what the server has done since it started: calls, failures and latencies by method'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand info" -s h -l help -d 'Print help'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l warn -d 'Conditions for WARNING' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l crit -d 'Conditions for CRITICAL, beside consumers<1' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l http -d 'Ask the daemon over HTTP, too' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l format -d 'With --check plain is nagios' -r -f -a "plain\t''
json\t''
nagios\t''
prometheus\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l check -d 'Judge it, with the exit codes of Nagios plugins'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand status" -s h -l help -d 'Print help (see more with \'--help\')'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -s h -l help -d 'Print help'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -f -a "ls" -d 'List the contexts; the one in use has a star'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -f -a "use" -d 'Use a context from now on, without --context'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and not __fish_seen_subcommand_from ls use show" -f -a "show" -d 'Show the settings in force, and where each comes from'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from ls" -s h -l help -d 'Print help'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l none -d 'Use none from now on'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from use" -s h -l help -d 'Print help'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand context; and __fish_seen_subcommand_from show" -s h -l help -d 'Print help'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l context -d 'Settings under a name, see `fibrpcctl context -h`; an empty one is none [default: what `context use` said]' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l uri -d 'The broker; put a password into `FIBRPCCTL_URI` or --password-file instead, as `ps` shows arguments to everybody' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l queue -d 'The queue that the server consumes' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l timeout -d 'How long a call may take, connecting included, such as 250ms or 1m; a bare number is seconds' -r
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l password-file -d 'A file whose only line replaces the URI\'s password' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l ca-file -d 'The only authorities to trust for amqps, in PEM [default: those that the system trusts]' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l cert-file -d 'A client certificate for amqps, in PEM; it logs in where the URI names no user' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l key-file -d 'The key of that certificate, in PEM' -r -F
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l format -d 'How to print answers: bare, or as one JSON object a line' -r -f -a "plain\t''
json\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l color -d 'Whether to use colours: `auto` is on a terminal, unless `NO_COLOR`, `CLICOLOR=0` or `TERM=dumb` says otherwise; `CLICOLOR_FORCE` is everywhere' -r -f -a "auto\t''
always\t''
never\t''"
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l wait -d 'Wait, within the timeout, for a broker, a queue, a server, or room in the queue; without, a call ends as soon as it is certain that one of them is missing'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l no-wait -d 'Do not wait for them: the default, unless `FIBRPCCTL_WAIT` is set'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l ask-password -d 'Ask for the password on the terminal'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l trace -d 'Have the calls traced: send a new W3C trace id with them, and print it: to standard error, or as a field of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -s v -l verbose -d 'Say where the time of calls went: on standard error, or as `timing` of each JSON object'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -l json -d 'The same as --format json, and stronger'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand completions" -s h -l help -d 'Print help'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "call" -d 'Compute F(N) for every N'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "request" -d 'Send any request to any RPC server, and print the reply'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "serve" -d 'Answer a queue as a stub, to test a client without its server'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "ping" -d 'Ask the server for a sign of life, once or again and again'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "info" -d 'Show the server\'s version, methods and limits, or its statistics'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "status" -d 'Show broker, queue and server on one screen, or judge them'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "context" -d 'List, choose and show named brokers'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "completions" -d 'Print what makes a shell complete the arguments of fibrpcctl'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and not __fish_seen_subcommand_from call request serve ping info status context completions help" -f -a "help" -d 'Print this message or the help of the given subcommand(s)'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and __fish_seen_subcommand_from context" -f -a "ls" -d 'List the contexts; the one in use has a star'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and __fish_seen_subcommand_from context" -f -a "use" -d 'Use a context from now on, without --context'
complete -c fibrpcctl -n "__fish_fibrpcctl_using_subcommand help; and __fish_seen_subcommand_from context" -f -a "show" -d 'Show the settings in force, and where each comes from'
