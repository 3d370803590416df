#!/bin/bash
# Counts the instructions that a small call takes within the core, by callgrind, and holds them against the number in
# instructions.txt: more than a tenth above it is an error, as somebody has made every call dearer. Counts do not depend
# on what else the machine does. After a change that is worth it, or a new compiler: instructions.sh --write
set -euo pipefail
cd "$(dirname -- "$(readlink -f -- "$0")")/../../.."

stored=crates/core/benches/instructions.txt
command -v valgrind >/dev/null || { echo "instructions.sh: valgrind is missing; run packaging/dev/install-deps.sh test" >&2 && exit 1; }
program=$(${CARGO:-cargo} build --release --locked --quiet --package fibrpc-core --example small_calls --message-format json |
    sed -n 's/.*"executable":"\([^"]*\)".*/\1/p' | tail -n 1)
out=$(mktemp -d)
trap 'rm -rf "$out"' EXIT

count() { # of so many batches of 64 calls
    valgrind --tool=callgrind --callgrind-out-file="$out/$1" "$program" "$1" 2>"$out/log" || { cat "$out/log" >&2 && exit 1; }
    sed -n 's/^totals: //p' "$out/$1"
}
# The difference leaves out the start.
fewer=$(count 100)
more=$(count 1100)
each=$(((more - fewer) / 64000))
if [[ ${1-} == --write ]]; then
    echo "$each" >"$stored"
fi
limit=$(($(<"$stored") * 11 / 10))
echo "instructions.sh: $each instructions a call, with the making and dropping of its properties; at most $limit"
((each <= limit)) || { echo "instructions.sh: that is too many; see $0" >&2 && exit 1; }
