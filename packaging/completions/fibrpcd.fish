complete -c fibrpcd -l config -d 'Read settings from FILE, which must exist [default: /etc/fibrpcd/fibrpcd.toml, if there]' -r -F
complete -c fibrpcd -l set -d 'Override one setting; may be repeated; not for secrets, as `ps` shows it to everybody' -r
complete -c fibrpcd -l check -d 'Check the settings, report what is wrong with them, and exit'
complete -c fibrpcd -s h -l help -d 'Print help'
complete -c fibrpcd -s V -l version -d 'Print version'
