//! What must hold for every path, change set and manifest that anybody can write.

#![allow(clippy::expect_used, reason = "a property that does not hold is told by a panic")]

use std::path::{Component, Path};

use crate::change::{Op, TreeOp, apply, apply_edits};
use crate::limits::{MAX_PATH_BYTES, MAX_SEGMENT_BYTES};
use crate::{FileEntry, FileMode, Manifest, ProjectPath, Sha256, Tree};
use unicode_normalization::UnicodeNormalization;

/// A name, and what panics when a property does not hold for the bytes it is given.
pub type Target = (&'static str, fn(&[u8]));

/// The targets of this crate, by the names of their folders in the corpus.
pub const TARGETS: &[Target] =
    &[("project_path", project_path), ("change_set", change_set), ("artifact_manifest", artifact_manifest)];

/// What is accepted as a path is one for every reader, and has one spelling.
fn project_path(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let Ok(path) = ProjectPath::parse(&text) else { return };
    let kept = path.as_str();
    assert!(
        kept.len() <= MAX_PATH_BYTES && kept.split('/').all(|segment| segment.len() <= MAX_SEGMENT_BYTES)
    );
    assert!(!kept.contains(|c: char| c.is_control() || matches!(c, '\\' | '\u{202e}' | '\u{feff}')));
    assert!(Path::new(kept).components().all(|part| matches!(part, Component::Normal(_))));
    assert_eq!(Path::new(kept).components().count(), kept.split('/').count());
    assert_eq!(ProjectPath::parse(kept).as_ref(), Ok(&path), "a path is its own normal form");
    let decomposed: String = kept.nfd().collect();
    if decomposed.len() <= MAX_PATH_BYTES {
        assert_eq!(ProjectPath::parse(&decomposed), Ok(path.clone()), "spelt otherwise it is the same path");
    }
    let json = serde_json::to_string(&path).expect("a path is a string");
    assert_eq!(serde_json::from_str::<ProjectPath>(&json).expect("as it was written"), path);
    let reserved = ["node_modules", ".git", ".vitrine"];
    assert!(path.folded().split('/').all(|segment| !reserved.contains(&segment)));
}

/// Whatever the operations, a tree becomes another valid tree, by exactly the effects that are told, or stays.
fn change_set(data: &[u8]) {
    let Ok(ops) = serde_json::from_slice::<Vec<Op>>(data) else { return };
    let again: Vec<Op> = serde_json::from_slice(&serde_json::to_vec(&ops).expect("operations are JSON"))
        .expect("as it was written");
    assert_eq!(again, ops);
    let before = small_tree();
    let kept = before.clone();
    let tree_ops: Vec<TreeOp> = ops.iter().filter_map(|op| as_tree_op(op, &before)).collect();
    let outcome = apply(&before, &tree_ops);
    assert_eq!(before, kept);
    let Ok((after, effects)) = outcome else { return };
    assert_eq!(after.check(), Ok(()));
    let mut replayed = before.clone();
    effects.removed.iter().for_each(|path| assert!(replayed.remove(path.as_str()).is_some()));
    for (path, entry) in &effects.put {
        assert_ne!(replayed.insert(path.clone(), *entry), Some(*entry), "an effect changes something");
    }
    assert_eq!(replayed, after);
    assert_eq!(replayed.hash(), after.hash());
    let difference = after.diff(&before);
    assert_eq!(difference.put, effects.put.keys().cloned().collect::<Vec<_>>());
    assert_eq!(difference.removed, effects.removed);
}

/// An operation with the content it names, as the draft service would find it.
fn as_tree_op(op: &Op, tree: &Tree) -> Option<TreeOp> {
    match op {
        Op::Write { path, text, base64, sha256, mode } => {
            let content = text.as_deref().or(base64.as_deref()).unwrap_or_default();
            let entry = FileEntry {
                sha256: sha256.unwrap_or_else(|| Sha256::of(content.as_bytes())),
                size: content.len() as u64,
                mode: mode.unwrap_or_default(),
            };
            Some(TreeOp::Put { path: path.clone(), entry })
        }
        Op::Edit { path, edits, .. } => {
            let text = apply_edits("one two three two one", edits).ok()?;
            let mode = tree.get(path.as_str())?.mode;
            let entry = FileEntry { sha256: Sha256::of(text.as_bytes()), size: text.len() as u64, mode };
            Some(TreeOp::Put { path: path.clone(), entry })
        }
        Op::Delete { path } => Some(TreeOp::Delete { path: path.clone() }),
        Op::Rename { from, to } => Some(TreeOp::Rename { from: from.clone(), to: to.clone() }),
    }
}

fn small_tree() -> Tree {
    let entry = |text: &str| FileEntry {
        sha256: Sha256::of(text.as_bytes()),
        size: text.len() as u64,
        mode: FileMode::Regular,
    };
    ["index.html", "src/main.ts", "src/lib/a.ts", "caf\u{e9}.txt", "package-lock.json"]
        .into_iter()
        .filter_map(|path| Some((ProjectPath::parse(path).ok()?, entry(path))))
        .collect()
}

/// A manifest that can be read has one name, whatever its sizes, and is written as it was read.
fn artifact_manifest(data: &[u8]) {
    let Ok(manifest) = serde_json::from_slice::<Manifest>(data) else { return };
    let written = serde_json::to_vec(&manifest).expect("a manifest is JSON");
    let again: Manifest = serde_json::from_slice(&written).expect("as it was written");
    assert_eq!(again, manifest);
    assert_eq!((again.hash(), again.id()), (manifest.hash(), manifest.id()));
    let sizes = manifest.files.values().map(|file| u128::from(file.size)).sum::<u128>();
    assert_eq!(u128::from(manifest.size_bytes()), sizes.min(u128::from(u64::MAX)));
    assert!(manifest.objects().count() >= manifest.files.len());
    let host = manifest.id().host_part().to_owned();
    assert_eq!(crate::ArtifactId::from_host_part(&host).expect("a label is an artifact's"), manifest.id());
}

#[cfg(test)]
#[test]
fn nothing_in_the_corpus_or_near_it_breaks_a_property() {
    vitrine_fuzz::check(TARGETS);
}
