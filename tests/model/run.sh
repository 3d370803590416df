#!/bin/bash
# Runs the command that is its arguments against the RabbitMQ of this machine, or of each Debian that SUITES names.
set -euo pipefail

[[ -n ${SUITES:-} ]] || exec "$@"
# shellcheck source=tests/system/guest.sh
. "$(dirname -- "$(readlink -f -- "$0")")/../system/guest.sh"
missing=$(guest_missing)
[[ -z $missing ]] || { echo "run.sh: $missing" >&2 && exit 1; }
status=0
for suite in $SUITES; do
    guest_build "$suite"
    FIBRPC_BROKER_ROOT=$guest_cache/$suite/root "$@" || status=1
done
exit "$status"
