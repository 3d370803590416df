#!/bin/sh
# Runs the kernel beside every library that is to be had here; arguments go to `compare`.
#
# GMP_PREFIX=DIR adds the GMP installed there (one built for this machine, say).
set -eu
here=$(cd "$(dirname "$0")" && pwd)
build=${CARGO_TARGET_DIR:-$here/../../../../target/compare}
mkdir -p "$build"
export CARGO_TARGET_DIR="$build"
cargo build --release --quiet --manifest-path "$here/Cargo.toml"

# Adds a peer if its program can be built.
add() { # name, source, linker options
    program=$build/$(echo "$1" | tr ' ' '-')
    source=$2
    name=$1
    shift 2
    if "${CC:-cc}" -O2 -o "$program" "$source" "$@" 2>/dev/null; then
        peers="$peers
$name=$program"
    else
        echo "bench: no $name (its headers are not installed)" >&2
    fi
}

peers=
add "GMP" "$here/gmp.c" -lgmp
if [ -n "${GMP_PREFIX:-}" ]; then
    add "GMP of GMP_PREFIX" "$here/gmp.c" "-I$GMP_PREFIX/include" "-L$GMP_PREFIX/lib" \
        "-Wl,-rpath,$GMP_PREFIX/lib" -lgmp
fi
add "FLINT" "$here/flint.c" -lflint -lgmp
if command -v python3 >/dev/null; then
    peers="$peers
Python int=python3 $here/python.py"
fi

# One argument for each line.
IFS='
'
set -f
for peer in $peers; do
    set -- "$@" --peer "$peer"
done
exec "$build/release/compare" "$@"
