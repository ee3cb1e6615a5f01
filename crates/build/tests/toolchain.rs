//! Toolchains from the real registry. The download is kept between runs; a fresh one takes some seconds.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is a failed test")]

use std::path::{Path, PathBuf};

use vitrine_build::toolchain::{NodeMajor, ToolchainError, ToolchainStore};

fn kept_dir() -> PathBuf {
    Path::new(env!("CARGO_TARGET_TMPDIR")).join("layers")
}

/// Runs a command of the toolchain with an empty environment and returns its output.
fn run(dir: &Path, command: &str) -> String {
    let output = std::process::Command::new(dir.join("bin").join(command))
        .arg("--version")
        .env_clear()
        .env("HOME", "/nonexistent")
        .current_dir("/")
        .output()
        .unwrap();
    assert!(output.status.success(), "{command}: {}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap().trim().to_owned()
}

#[tokio::test]
async fn the_toolchain_has_the_pinned_commands_and_nothing_in_it_can_be_changed() {
    let store = ToolchainStore::open(&kept_dir()).unwrap();
    let (first, second) =
        tokio::join!(store.ensure(NodeMajor::default()), store.ensure(NodeMajor::default()));
    let toolchain = first.unwrap();
    assert_eq!(toolchain, second.unwrap());
    assert_eq!(run(&toolchain.dir, "node"), format!("v{}", NodeMajor::default().version()));
    for (command, major) in [("npm", "11."), ("npx", "11."), ("pnpm", "10."), ("pnpm9", "9.")] {
        assert!(run(&toolchain.dir, command).starts_with(major), "{command}");
    }
    let mode = |path: &str| {
        let metadata = std::fs::metadata(toolchain.dir.join(path)).unwrap();
        std::os::unix::fs::PermissionsExt::mode(&metadata.permissions()) & 0o777
    };
    assert_eq!((mode("bin/node"), mode("lib/npm/package.json"), mode("bin")), (0o555, 0o444, 0o555));
    let left: Vec<_> = std::fs::read_dir(kept_dir().join("toolchains"))
        .unwrap()
        .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
        .filter(|name| name.starts_with('.'))
        .collect();
    assert!(left.is_empty(), "{left:?}");
}

#[tokio::test]
async fn a_failed_download_has_the_tools_words_and_leaves_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let npm = dir.path().join("npm");
    let fail = |script: &str| {
        std::fs::write(&npm, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&npm, std::os::unix::fs::PermissionsExt::from_mode(0o755)).unwrap();
    };
    fail("echo npm error code E404 >&2; exit 1");
    let layers = dir.path().join("layers");
    let store = ToolchainStore::open_with(&layers, &npm).unwrap();
    let error = store.ensure(NodeMajor::default()).await.unwrap_err();
    assert!(
        matches!(&error, ToolchainError::Download { tool_output, .. } if tool_output == "npm error code E404")
    );
    fail("for last; do :; done; echo other > $last/x.tgz");
    assert!(matches!(store.ensure(NodeMajor::default()).await, Err(ToolchainError::Integrity { .. })));
    fail("exit 0");
    assert!(matches!(store.ensure(NodeMajor::default()).await, Err(ToolchainError::Download { .. })));
    assert_eq!(std::fs::read_dir(layers.join("toolchains")).unwrap().count(), 0);
    let store = ToolchainStore::open_with(&layers, Path::new("/nonexistent/npm")).unwrap();
    assert!(matches!(store.ensure(NodeMajor::default()).await, Err(ToolchainError::NpmMissing(_))));
}

#[tokio::test]
async fn opening_removes_what_an_interrupted_download_left() {
    let dir = tempfile::tempdir().unwrap();
    let left = dir.path().join("toolchains/.staging-abc/root/bin");
    std::fs::create_dir_all(&left).unwrap();
    std::fs::write(left.join("node"), "half").unwrap();
    std::fs::set_permissions(&left, std::os::unix::fs::PermissionsExt::from_mode(0o555)).unwrap();
    let store = ToolchainStore::open(dir.path()).unwrap();
    assert!(!store.is_ready(NodeMajor::default()));
    assert_eq!(std::fs::read_dir(dir.path().join("toolchains")).unwrap().count(), 0);
}
