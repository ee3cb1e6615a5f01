//! Targets and corpus belong together: none without the other.

#![allow(clippy::unwrap_used, reason = "a test that cannot go on says so by panicking")]

use std::collections::BTreeSet;
use std::fs;
use std::path::{Path, PathBuf};

fn files_named(name: &str, below: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(below).unwrap().map(Result::unwrap) {
        let path = entry.path();
        if path.is_dir() {
            files_named(name, &path, found);
        } else if path.file_name().is_some_and(|file| file == name) {
            found.push(path);
        }
    }
}

/// The names in the tables `TARGETS`, as they are written.
fn targets() -> BTreeSet<String> {
    let crates = Path::new(env!("CARGO_MANIFEST_DIR")).join("..");
    let mut files = Vec::new();
    for entry in fs::read_dir(crates).unwrap().map(Result::unwrap) {
        if entry.file_name() != "fuzz" && entry.path().join("src").is_dir() {
            files_named("fuzz.rs", &entry.path().join("src"), &mut files);
        }
    }
    let mut names = BTreeSet::new();
    for file in files {
        let text = fs::read_to_string(file).unwrap();
        let table = text.split_once("TARGETS: ").and_then(|(_, rest)| rest.split_once("];"));
        let Some((table, _)) = table else { continue };
        names.extend(table.split("(\"").skip(1).filter_map(|rest| Some(rest.split_once('"')?.0.to_owned())));
    }
    names
}

#[test]
fn every_target_has_a_corpus_and_every_corpus_a_target() {
    let corpus = vitrine_fuzz::folder("");
    let folders: BTreeSet<String> = fs::read_dir(corpus)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    let targets = targets();
    assert!(targets.len() >= 20, "the tables were not found: {targets:?}");
    assert_eq!(targets, folders);
    for target in targets {
        let inputs: Vec<_> = fs::read_dir(vitrine_fuzz::folder(&target)).unwrap().collect();
        assert!(inputs.len() >= 3, "{target} has {} inputs", inputs.len());
        for input in inputs.into_iter().map(Result::unwrap) {
            assert!(input.metadata().unwrap().len() <= vitrine_fuzz::MAX_INPUT_BYTES as u64, "{input:?}");
        }
    }
}
