# shellcheck shell=bash
# Tools that are written in Rust and not in Debian, in target/tools, at versions that were tried. To be sourced, in the
# project's directory.

# shellcheck disable=SC2034 # for those who source this
cargo_deb_version=3.8.0

# Installs a tool unless it is there, in this version.
tool() {
    case $("target/tools/bin/$1" --version 2>/dev/null) in
    *"$2"*) return 0 ;;
    esac
    echo "tools: installing $1 $2 into target/tools; this takes minutes, once"
    # A target directory of its own, which goes away: RUSTFLAGS and CARGO_TARGET_DIR are not for tools.
    env -u CARGO_TARGET_DIR -u RUSTFLAGS cargo install --quiet --locked --root target/tools "$1@$2"
}
