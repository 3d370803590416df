#!/bin/bash
# Builds the package of the last commit twice, in two directories, and compares: the same bytes, or the status is 1.
set -euo pipefail
cd "$(dirname -- "$0")/../.."
# shellcheck source=packaging/dev/tools.sh
. packaging/dev/tools.sh
tool cargo-deb "$cargo_deb_version"

work=$(mktemp -d "${TMPDIR:-/tmp}/fibrpc-reproduce.XXXXXX")
trap 'rm -rf -- "$work"' EXIT
commit=$(git rev-parse HEAD)
for copy in "$work/first" "$work/with another/name"; do
    git clone --quiet --local --no-checkout . "$copy"
    git -C "$copy" checkout --quiet --detach "$commit"
    mkdir -p "$copy/target"
    ln -s "$PWD/target/tools" "$copy/target/tools"
    echo "reproduce: building in $copy; this takes minutes" >&2
    "$copy/packaging/deb/build.sh" >"$work/log" 2>&1 || {
        tail -20 "$work/log" >&2
        exit 1
    }
    sha256sum "$copy"/target/debian/*.deb | sed "s|$work/||"
done >"$work/sums"
echo "reproduce: commit $(git rev-parse --short "$commit")"
cat "$work/sums"
[[ $(cut -d ' ' -f 1 "$work/sums" | uniq | wc -l) == 1 ]] || {
    echo "reproduce: the packages differ" >&2
    exit 1
}
