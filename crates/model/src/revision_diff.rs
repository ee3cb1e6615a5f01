//! How one tree of files differs from another, file by file, for people to look at.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::Sha256;
use crate::id::RevisionId;
use crate::path::ProjectPath;
use crate::tree::{FileEntry, Tree};

/// How a revision differs from the draft or from another revision.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct RevisionDiff {
    /// The side that `before` is about.
    pub from: DiffSide,
    /// The side that `after` is about.
    pub to: DiffSide,
    /// The files that differ, by the path they have on the `to` side, or had.
    pub files: Vec<FileDiff>,
    /// True when more files differ than are listed.
    pub truncated: bool,
}

/// One side of a comparison.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct DiffSide {
    /// The revision; absent for the draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionId>,
    /// The version of the draft; absent for a revision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<u64>,
}

/// One file that differs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileDiff {
    /// Where it is on the `to` side; for a deleted one, where it was.
    pub path: ProjectPath,
    /// What happened to it.
    pub status: FileChange,
    /// Where it was, when it was renamed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from_path: Option<ProjectPath>,
    /// What it was; absent when it was added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub before: Option<FileEntry>,
    /// What it is; absent when it was deleted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub after: Option<FileEntry>,
    /// True when both sides are text that can be shown line by line. False where nobody looked: a file is large, or very many
    /// differ.
    pub is_text: bool,
}

/// What happened to a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum FileChange {
    /// It is only on the `to` side.
    Added,
    /// It is only on the `from` side.
    Deleted,
    /// Its content or its mode is another one.
    Modified,
    /// The same content stands at another path.
    Renamed,
}

/// The files that differ, in the order of their paths; `is_text` is false for all of them, as no content is looked at. A file
/// whose content stands at one new path and no longer at its own was renamed. Linear in the size of both trees.
pub fn between(from: &Tree, to: &Tree) -> Vec<FileDiff> {
    let mut gone = BTreeMap::new();
    for (path, entry) in from.iter().filter(|(path, _)| to.get(path.as_str()).is_none()) {
        gone.insert(path.clone(), *entry);
    }
    let mut movable: BTreeMap<Sha256, Vec<ProjectPath>> = BTreeMap::new();
    // Empty files are all alike: whether one was moved is anybody's guess.
    for (path, entry) in gone.iter().rev().filter(|(_, entry)| entry.size > 0) {
        movable.entry(entry.sha256).or_default().push(path.clone());
    }
    let mut files = Vec::new();
    for (path, after) in to.iter() {
        let change = match from.get(path.as_str()) {
            Some(before) if before == after => continue,
            Some(before) => (FileChange::Modified, None, Some(*before)),
            None => match movable.get_mut(&after.sha256).and_then(Vec::pop) {
                Some(origin) => {
                    let before = gone.remove(&origin);
                    (FileChange::Renamed, Some(origin), before)
                }
                None => (FileChange::Added, None, None),
            },
        };
        let (status, from_path, before) = change;
        let (path, after) = (path.clone(), Some(*after));
        files.push(FileDiff { path, status, from_path, before, after, is_text: false });
    }
    files.extend(gone.into_iter().map(|(path, before)| FileDiff {
        path,
        status: FileChange::Deleted,
        from_path: None,
        before: Some(before),
        after: None,
        is_text: false,
    }));
    files.sort_by(|one, other| one.path.cmp(&other.path));
    files
}

/// True for content that can be shown line by line: UTF-8 without NUL.
pub fn is_text(content: &[u8]) -> bool {
    !content.contains(&0) && std::str::from_utf8(content).is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::tree::FileMode;

    fn tree(files: &[(&str, &str)]) -> Tree {
        let entry = |content: &str| FileEntry {
            sha256: Sha256::of(content.as_bytes()),
            size: content.len() as u64,
            mode: FileMode::Regular,
        };
        files.iter().map(|(path, content)| (ProjectPath::parse(path).unwrap(), entry(content))).collect()
    }

    fn shown(from: &Tree, to: &Tree) -> Vec<String> {
        let show = |file: FileDiff| match file.from_path {
            Some(origin) => format!("{:?} {origin} → {}", file.status, file.path),
            None => format!("{:?} {}", file.status, file.path),
        };
        between(from, to).into_iter().map(show).collect()
    }

    #[test]
    fn every_file_that_differs_is_named_once() {
        let from = tree(&[("a", "1"), ("b", "2"), ("old", "moved"), ("same", "s"), ("z", "gone")]);
        let to = tree(&[("a", "one"), ("b", "2"), ("new", "moved"), ("same", "s"), ("c", "added")]);
        assert_eq!(shown(&from, &to), ["Modified a", "Added c", "Renamed old → new", "Deleted z"]);
        assert_eq!(shown(&from, &from), Vec::<String>::new());
    }

    #[test]
    fn one_origin_is_renamed_once_and_copies_are_added() {
        let from = tree(&[("one", "x"), ("two", "x")]);
        assert_eq!(shown(&from, &tree(&[("one", "x"), ("copy", "x"), ("two", "x")])), ["Added copy"]);
        let moved = tree(&[("a", "x"), ("b", "x"), ("c", "x")]);
        assert_eq!(shown(&from, &moved), ["Renamed one → a", "Renamed two → b", "Added c"]);
    }

    #[test]
    fn empty_files_are_not_taken_for_one_another() {
        assert_eq!(shown(&tree(&[("a", "")]), &tree(&[("b", "")])), ["Deleted a", "Added b"]);
    }

    #[test]
    fn a_mode_is_a_difference() {
        let from = tree(&[("run.sh", "x")]);
        let mut to = from.clone();
        let entry = FileEntry { mode: FileMode::Executable, ..*from.get("run.sh").unwrap() };
        to.insert(ProjectPath::parse("run.sh").unwrap(), entry);
        assert_eq!(shown(&from, &to), ["Modified run.sh"]);
    }
}
