#!/bin/bash
# `make deb`: builds target/debian/fibrpcd_*.deb (--quick: of the test build). The same sources give the same bytes, whatever directory they are in.
set -euo pipefail
cd "$(dirname -- "$0")/../.."
root=$PWD

# shellcheck source=packaging/dev/tools.sh
. packaging/dev/tools.sh
tool cargo-deb "$cargo_deb_version"

# Files in the package are as old as the last commit; without git, as old as the last entry of the changelog.
SOURCE_DATE_EPOCH=${SOURCE_DATE_EPOCH:-$(git log -1 --format=%ct 2>/dev/null || date +%s -d "$(sed -n 's/^ -- .*>  //p' packaging/deb/changelog | head -1)")}
export SOURCE_DATE_EPOCH

mkdir -p target/debian
rm -f target/debian/fibrpcd_*.deb
if [[ ${1-} == --quick ]]; then
    # What `cargo test` builds anyway. To try a package with, not to publish.
    cargo test --quiet --locked --features otlp --no-run --test it
    exec target/tools/bin/cargo-deb --no-build --profile dev --strip --fast --output target/debian/
fi

# No path of this machine in the programs. The separator and the quotes let a path hold spaces.
home=${CARGO_HOME:-$HOME/.cargo}
export CARGO_ENCODED_RUSTFLAGS="--remap-path-prefix=$root=/fibrpc"$'\x1f'"--remap-path-prefix=$home=/cargo"
export CFLAGS="'-ffile-prefix-map=$root=/fibrpc' '-ffile-prefix-map=$home=/cargo'" CC_SHELL_ESCAPED_FLAGS=1
# Flags of their own, so a directory of their own: other builds are not made anew.
export CARGO_TARGET_DIR=$root/target/package
target/tools/bin/cargo-deb --locked --output target/debian/
