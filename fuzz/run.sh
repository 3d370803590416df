#!/bin/bash
# `make fuzz`: each fuzzer for MINUTES=1, one after the other, after a build of minutes. Fails at the first finding.
#
# It starts with the corpora in fuzz/corpus, which it leaves as they are, and with what earlier runs have added to them
# in target/fuzz. An input that breaks something is in fuzz/artifacts.
set -euo pipefail
cd "$(dirname -- "$0")/.."

minutes=${MINUTES:-1}
[[ $minutes =~ ^[1-9][0-9]*$ ]] || {
    echo "fuzz: MINUTES is a whole number from 1, for each of the fuzzers" >&2
    exit 2
}
export PATH=$PATH:$PWD/target/tools/cargo-fuzz/bin
# cargo-fuzz has the compiler instrument the code, which a stable one does only when it is told to.
export RUSTC_BOOTSTRAP=1
mkdir -p target/fuzz/corpus
for corpus in fuzz/corpus/*.tar.gz; do
    name=$(basename -- "$corpus" .tar.gz)
    tar -xzf "$corpus" -C target/fuzz/corpus
    echo "fuzz: $name, for $minutes min"
    cargo fuzz run --target-dir target/fuzz "$name" "target/fuzz/corpus/$name" -- \
        -max_total_time=$((minutes * 60)) -print_final_stats=1
done
echo "fuzz: nothing found"
