//! Packs the addresses that the loader adjusts when a program starts (`DT_RELR`), which the daemon
//! would otherwise keep in memory as a table of 200 KiB.

use std::{env, process::Command};

/// The first glibc that knows them, of 2022.
const SINCE: (u32, u32) = (2, 36);

fn main() {
    println!("cargo:rerun-if-changed=build.rs");
    if env::var("HOST") == env::var("TARGET") && glibc().is_some_and(|found| found >= SINCE) {
        println!("cargo:rustc-link-arg-bins=-Wl,-z,pack-relative-relocs");
    }
}

/// The version of this machine's, where it has one.
fn glibc() -> Option<(u32, u32)> {
    let asked = Command::new("getconf").arg("GNU_LIBC_VERSION").output().ok()?;
    let said = String::from_utf8(asked.stdout).ok()?;
    let (major, minor) = said.trim().strip_prefix("glibc ")?.split_once('.')?;
    Some((major.parse().ok()?, minor.parse().ok()?))
}
