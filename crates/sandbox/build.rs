//! Builds the guest: one small static binary that the local driver carries with it.
//!
//! A nested cargo builds it in a target directory of its own (the outer one's is locked), from the same lockfile and
//! the same downloaded sources.

use std::env;
use std::path::{Path, PathBuf};
use std::process::Command;

/// Settings of the outer build that must not reach the nested one: they would change what is built, or wrap the
/// compiler in a linter.
const FOREIGN: [&str; 8] = [
    "RUSTFLAGS",
    "CARGO_ENCODED_RUSTFLAGS",
    "RUSTC",
    "RUSTC_WORKSPACE_WRAPPER",
    "RUSTDOCFLAGS",
    "CARGO_TARGET_DIR",
    "CARGO_BUILD_TARGET",
    "CARGO_BUILD_TARGET_DIR",
];

/// Small, and without unwinding: a guest that panics is a guest that ends.
const PROFILE: [(&str, &str); 6] = [
    ("OPT_LEVEL", "s"),
    ("LTO", "fat"),
    ("CODEGEN_UNITS", "1"),
    ("PANIC", "abort"),
    ("STRIP", "symbols"),
    ("INCREMENTAL", "false"),
];

fn main() {
    let manifest_dir = PathBuf::from(variable("CARGO_MANIFEST_DIR"));
    let jail = manifest_dir.join("../jail");
    for watched in ["src", "Cargo.toml"] {
        println!("cargo::rerun-if-changed={}", jail.join(watched).display());
    }
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-changed={}", manifest_dir.join("../../Cargo.lock").display());
    let guest = build(&jail);
    println!("cargo::rustc-env=VITRINE_GUEST={}", guest.display());
}

fn build(jail: &Path) -> PathBuf {
    // An explicit target keeps the flags below away from procedural macros, which cannot be static.
    let target = variable("TARGET");
    let target_dir = PathBuf::from(variable("OUT_DIR")).join("guest");
    let mut cargo = Command::new(variable("CARGO"));
    for name in FOREIGN {
        cargo.env_remove(name);
    }
    for (name, value) in PROFILE {
        cargo.env(format!("CARGO_PROFILE_RELEASE_{name}"), value);
    }
    cargo
        .args(["build", "--locked", "--release", "--quiet", "--bin", "vitrine-guest", "--target", &target])
        .arg("--manifest-path")
        .arg(jail.join("Cargo.toml"))
        .arg("--target-dir")
        .arg(&target_dir)
        .env("RUSTFLAGS", "-C target-feature=+crt-static");
    let status =
        cargo.status().unwrap_or_else(|error| panic!("cannot run cargo to build the guest: {error}"));
    assert!(status.success(), "building the guest failed");
    target_dir.join(target).join("release/vitrine-guest")
}

fn variable(name: &str) -> String {
    env::var(name).unwrap_or_else(|_| panic!("cargo sets {name}"))
}
