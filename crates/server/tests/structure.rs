//! House rules that a reader relies on, held by a test: which way crates depend, what every file begins with, and where
//! `unsafe` and SQL may stand.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::path::{Path, PathBuf};

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn rust_files(below: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![below.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).unwrap().map(Result::unwrap) {
            let path = entry.path();
            if path.is_dir() && path.file_name().is_some_and(|name| name != "target") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                found.push(path);
            }
        }
    }
    found
}

/// What each crate may use of ours. The direction of the architecture, word for word.
const MAY_USE: [(&str, &[&str]); 8] = [
    ("model", &[]),
    ("jail", &[]),
    ("sandbox", &["model", "jail"]),
    ("store", &["model"]),
    ("build", &["model", "sandbox", "store"]),
    ("edge", &["model", "store", "sandbox"]),
    // The harness of the fuzz targets: nothing that runs depends on it, and it is shipped nowhere.
    ("fuzz", &["model", "jail", "sandbox", "build", "edge"]),
    ("server", &["model", "jail", "sandbox", "store", "build", "edge"]),
];

#[test]
fn crates_depend_in_one_direction() {
    let folders = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().file_name());
    assert_eq!(folders.count(), MAY_USE.len(), "a new crate needs its line in MAY_USE");
    for (name, allowed) in MAY_USE {
        let manifest = std::fs::read_to_string(root().join("crates").join(name).join("Cargo.toml")).unwrap();
        let dependencies = manifest.split("[dev-dependencies]").next().unwrap();
        for (other, _) in MAY_USE {
            let uses = dependencies.lines().any(|line| line.starts_with(&format!("vitrine-{other}")));
            assert!(!uses || allowed.contains(&other), "{name} must not depend on {other}");
        }
    }
}

#[test]
fn every_file_says_what_it_is_for() {
    for path in rust_files(&root().join("crates")) {
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.starts_with("//! "), "{} does not begin with a `//!` sentence", path.display());
    }
}

#[test]
fn unsafe_stands_in_the_jail_only() {
    for path in rust_files(&root().join("crates")) {
        let inside = path.strip_prefix(root().join("crates")).unwrap();
        if inside.starts_with("jail") || inside.ends_with("structure.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        let code = text.lines().filter(|line| !line.trim_start().starts_with("//"));
        for line in code {
            let opens = ["unsafe {", "unsafe fn", "unsafe impl", "unsafe extern", "allow(unsafe_code)"];
            assert!(!opens.iter().any(|open| line.contains(open)), "{}: {line}", path.display());
        }
    }
}

/// The jail's feature that leaves walls out is for the attack suite's own build and for nothing else.
#[test]
fn nothing_that_ships_can_weaken_a_sandbox() {
    let crates = std::fs::read_dir(root().join("crates")).unwrap().map(|entry| entry.unwrap().path());
    let manifests = crates.map(|path| path.join("Cargo.toml")).chain([root().join("Cargo.toml")]);
    for manifest in manifests {
        let text = std::fs::read_to_string(&manifest).unwrap();
        let (shipped, tests) = text.split_once("[dev-dependencies]").unwrap_or((&text, ""));
        let is_jail = manifest.parent().unwrap().ends_with("jail");
        let named =
            shipped.lines().filter(|line| !line.starts_with('#') && line.contains("weakened")).count();
        assert_eq!(named, usize::from(is_jail), "{}", manifest.display());
        assert!(!shipped.contains("default = [\"weakened"), "{}", manifest.display());
        let is_sandbox = manifest.parent().unwrap().ends_with("sandbox");
        assert!(is_sandbox || !tests.contains("weakened"), "{}", manifest.display());
    }
    let build = std::fs::read_to_string(root().join("crates/sandbox/build.rs")).unwrap();
    assert!(!build.contains("features"), "the guest that ships is built without features");
}

#[test]
fn the_database_is_the_stores_business() {
    for path in rust_files(&root().join("crates")) {
        let inside = path.strip_prefix(root().join("crates")).unwrap();
        if inside.starts_with("store") || inside.ends_with("structure.rs") {
            continue;
        }
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(
            !text.contains("sea_orm") && !text.contains("sqlx"),
            "{} reaches into the database",
            path.display()
        );
    }
}

#[test]
fn lockfiles_name_no_registry() {
    let listed = std::process::Command::new("git")
        .args(["ls-files", "*package-lock.json"])
        .current_dir(root())
        .output();
    let listed = String::from_utf8(listed.unwrap().stdout).unwrap();
    for path in listed.lines() {
        let text = std::fs::read_to_string(root().join(path)).unwrap();
        assert!(!text.contains("\"resolved\": \"http"), "{path} carries registry addresses");
    }
}
