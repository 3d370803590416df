#!/bin/bash
# `make system-test`: the package on really booted Debians, with the RabbitMQ of each. Prints a table.
#
#   run.sh [--quick] [SUITE...]     bookworm, trixie and sid unless named; --quick packages what `cargo test` built
#
# Fails if a check fails. Where it cannot run (no root, no namespaces), it says so and exits with 77.
set -uo pipefail
cd "$(dirname -- "$0")/../.." || exit
# shellcheck source=tests/system/guest.sh
. tests/system/guest.sh

quick=
[[ ${1-} == --quick ]] && quick=--quick && shift
suites=("$@")
((${#suites[@]})) || suites=(bookworm trixie sid)

missing=$(guest_missing)
if [[ -n $missing ]]; then
    echo "system-test: NOT RUN, because of: $missing"
    exit 77
fi

work=$(mktemp -d "${TMPDIR:-/tmp}/fibrpc-system.XXXXXX")
cleanup() {
    local status=$?
    trap - EXIT
    guest_end || status=1
    rm -rf -- "$work"
    exit "$status"
}
trap cleanup EXIT
trap 'exit 130' INT TERM HUP

# The package, and an older one that differs in its conffile, so that dpkg has to choose.
packages() {
    packaging/deb/build.sh $quick || return
    mkdir "$work/pkg" && cp tests/system/guest/* "$work/pkg/" && cp target/debian/fibrpcd_*.deb "$work/pkg/new.deb" &&
        dpkg-deb -R "$work/pkg/new.deb" "$work/old" && echo "# of an older build" >>"$work/old/etc/fibrpcd/fibrpcd.toml" &&
        sed -i 's/^Version: .*/Version: 0.0.1-1/' "$work/old/DEBIAN/control" &&
        dpkg-deb -Zgzip -b "$work/old" "$work/pkg/old.deb" >/dev/null
}

# The results of a suite, into $work/SUITE.
suite() {
    guest_build "$1" && guest_boot "$1" "$work/pkg" || return
    timeout 900 bash -c "$(declare -f guest_run guest_cgroup); $(declare -p guest_leader guest_cgroups)
        guest_run bash /pkg/checks.sh" >"$work/$1" 2>"$work/$1.stderr"
    guest_end
    grep -q '^ok|done' "$work/$1"
}

# One row for each check, one column for each suite.
table() {
    awk -F '|' -v suites="${suites[*]}" '
        FNR == 1 { suite = FILENAME; sub(".*/", "", suite) }
        $2 != "done" {
            if (!($2 in seen)) { seen[$2] = 1; rows[++count] = $2 }
            cell[$2, suite] = ($1 == "ok" ? ($3 == "" ? "ok" : $3) : "**FAILED** " $3)
        }
        END {
            columns = split(suites, column, " ")
            printf "| check |"; for (i = 1; i <= columns; i++) printf " %s |", column[i]; print ""
            printf "|---|"; for (i = 1; i <= columns; i++) printf "---|"; print ""
            for (row = 1; row <= count; row++) {
                printf "| %s |", rows[row]
                for (i = 1; i <= columns; i++) printf " %s |", ((rows[row], column[i]) in cell ? cell[rows[row], column[i]] : "not reached")
                print ""
            }
        }' "$@"
}

packages || exit 1
status=0
if command -v lintian >/dev/null; then
    lintian --allow-root --fail-on error,warning --tag-display-limit 0 "$work/pkg/new.deb" >&2 || status=1
    echo "system-test: lintian $(lintian --print-version): errors or warnings $([[ $status == 0 ]] && echo none || echo above)" >&2
fi
for name in "${suites[@]}"; do
    echo "system-test: $name" >&2
    : >"$work/$name"
    suite "$name" || { echo "system-test: $name did not reach the end" >&2; status=1; }
    sed "s/^/  $name: /" "$work/$name.stderr" >&2
    grep '^FAIL' "$work/$name" >&2 && status=1
done
table "${suites[@]/#/$work/}"
exit "$status"
