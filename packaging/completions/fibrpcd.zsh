#compdef fibrpcd

autoload -U is-at-least

_fibrpcd() {
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
'--config=[Read settings from FILE, which must exist \[default\: /etc/fibrpcd/fibrpcd.toml, if there\]]:FILE:_files' \
'*--set=[Override one setting; may be repeated; not for secrets, as \`ps\` shows it to everybody]:KEY=VALUE:_default' \
'--check[Check the settings, report what is wrong with them, and exit]' \
'-h[Print help]' \
'--help[Print help]' \
'-V[Print version]' \
'--version[Print version]' \
&& ret=0
}

(( $+functions[_fibrpcd_commands] )) ||
_fibrpcd_commands() {
    local commands; commands=()
    _describe -t commands 'fibrpcd commands' commands "$@"
}

if [ "$funcstack[1]" = "_fibrpcd" ]; then
    _fibrpcd "$@"
else
    compdef _fibrpcd fibrpcd
fi
