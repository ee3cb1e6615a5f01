//! Change sets: one atomic group of file operations on a draft, as sent and as applied.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::Sha256;
use crate::limits::MAX_OPS;
use crate::path::ProjectPath;
use crate::tree::{FileEntry, FileMode, Tree, TreeError};

/// One operation as a client sends it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(tag = "op", rename_all = "snake_case", deny_unknown_fields)]
pub enum Op {
    /// Creates a file or replaces its content. Exactly one of `text`, `base64` and `sha256` is given; `sha256` names a
    /// blob uploaded before or one the draft already holds.
    Write {
        /// Where.
        path: ProjectPath,
        /// The content as text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// The content as standard base 64.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        base64: Option<String>,
        /// The content by its hash.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        sha256: Option<Sha256>,
        /// The mode; absent keeps what the file has, a new file is not executable.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        mode: Option<FileMode>,
    },
    /// Replaces pieces of a text file, refusing unless the file is the one the client saw.
    Edit {
        /// Which file.
        path: ProjectPath,
        /// The hash of the content the edits were made against.
        sha256: Sha256,
        /// Applied in order, each to the result of the one before.
        edits: Vec<TextEdit>,
    },
    /// Removes a file; an error when there is none.
    Delete {
        /// Which file.
        path: ProjectPath,
    },
    /// Moves a file; an error when there is none, or when the destination is taken.
    Rename {
        /// From where.
        from: ProjectPath,
        /// To where.
        to: ProjectPath,
    },
}

/// One replacement inside a text file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(deny_unknown_fields)]
pub struct TextEdit {
    /// Text that stands in the file exactly once.
    pub find: String,
    /// What to put in its place.
    pub replace: String,
}

/// Why an edit was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EditError {
    /// The text to find is empty.
    #[error("`find` is empty")]
    EmptyFind,
    /// The text to find is not in the file.
    #[error("`find` does not stand in the file")]
    NotFound,
    /// The text to find is in the file more than once.
    #[error("`find` stands in the file more than once; add surrounding lines until it is unique")]
    NotUnique,
}

/// Applies `edits` in order; all or none.
pub fn apply_edits(text: &str, edits: &[TextEdit]) -> Result<String, (usize, EditError)> {
    edits.iter().enumerate().try_fold(text.to_owned(), |text, (index, edit)| {
        apply_edit(&text, edit).map_err(|error| (index, error))
    })
}

fn apply_edit(text: &str, edit: &TextEdit) -> Result<String, EditError> {
    if edit.find.is_empty() {
        return Err(EditError::EmptyFind);
    }
    let at = text.find(&edit.find).ok_or(EditError::NotFound)?;
    // Searched from one character on, not from the end of the first match: overlapping matches are ambiguous too.
    let step = edit.find.chars().next().map_or(1, char::len_utf8);
    if text[at + step..].contains(&edit.find) {
        return Err(EditError::NotUnique);
    }
    Ok([&text[..at], &edit.replace, &text[at + edit.find.len()..]].concat())
}

/// One operation once its content is known and stored.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "op", rename_all = "snake_case")]
pub enum TreeOp {
    /// The file becomes this entry.
    Put {
        /// Where.
        path: ProjectPath,
        /// Content and mode.
        entry: FileEntry,
    },
    /// The file goes.
    Delete {
        /// Which.
        path: ProjectPath,
    },
    /// The file moves.
    Rename {
        /// From where.
        from: ProjectPath,
        /// To where.
        to: ProjectPath,
    },
}

/// What a change set does to a tree in the end: the last state of every path it touched.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Effects {
    /// Files that are new or differ now.
    pub put: BTreeMap<ProjectPath, FileEntry>,
    /// Files that are gone now.
    pub removed: Vec<ProjectPath>,
}

impl Effects {
    /// True when the tree is as it was.
    pub fn is_empty(&self) -> bool {
        self.put.is_empty() && self.removed.is_empty()
    }

    /// Every path touched.
    pub fn paths(&self) -> impl Iterator<Item = &ProjectPath> {
        self.put.keys().chain(&self.removed)
    }
}

/// Why a change set cannot be applied; the tree is untouched.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ChangeError {
    /// No operations at all.
    #[error("a change set has at least one operation")]
    Empty,
    /// Over [`MAX_OPS`].
    #[error("a change set has at most {MAX_OPS} operations")]
    TooManyOps,
    /// Nothing stands at the path to delete or to rename.
    #[error("there is no `{path}`")]
    NotFound {
        /// Which operation, from 0.
        index: usize,
        /// Where it looked.
        path: ProjectPath,
    },
    /// Something stands at the destination of a rename already.
    #[error("there is a `{path}` already")]
    AlreadyExists {
        /// Which operation, from 0.
        index: usize,
        /// The destination.
        path: ProjectPath,
    },
    /// The result would not be a valid draft.
    #[error(transparent)]
    Tree(#[from] TreeError),
}

/// Applies `ops` in order to a copy of `tree`, checks the result, and tells what changed.
pub fn apply(tree: &Tree, ops: &[TreeOp]) -> Result<(Tree, Effects), ChangeError> {
    if ops.is_empty() {
        return Err(ChangeError::Empty);
    }
    if ops.len() > MAX_OPS {
        return Err(ChangeError::TooManyOps);
    }
    let mut next = tree.clone();
    for (index, op) in ops.iter().enumerate() {
        apply_op(&mut next, index, op)?;
    }
    next.check()?;
    let effects = effects_between(tree, &next, ops);
    Ok((next, effects))
}

fn apply_op(tree: &mut Tree, index: usize, op: &TreeOp) -> Result<(), ChangeError> {
    match op {
        TreeOp::Put { path, entry } => {
            tree.insert(path.clone(), *entry);
        }
        TreeOp::Delete { path } => {
            tree.remove(path.as_str()).ok_or(ChangeError::NotFound { index, path: path.clone() })?;
        }
        TreeOp::Rename { from, to } => {
            if from != to && tree.get(to.as_str()).is_some() {
                return Err(ChangeError::AlreadyExists { index, path: to.clone() });
            }
            let entry =
                tree.remove(from.as_str()).ok_or(ChangeError::NotFound { index, path: from.clone() })?;
            tree.insert(to.clone(), entry);
        }
    }
    Ok(())
}

fn effects_between(before: &Tree, after: &Tree, ops: &[TreeOp]) -> Effects {
    let mut effects = Effects::default();
    let touched = ops.iter().flat_map(|op| match op {
        TreeOp::Put { path, .. } | TreeOp::Delete { path } => vec![path],
        TreeOp::Rename { from, to } => vec![from, to],
    });
    let mut touched: Vec<_> = touched.collect();
    touched.sort();
    touched.dedup();
    for path in touched {
        match (before.get(path.as_str()), after.get(path.as_str())) {
            (old, Some(new)) if old != Some(new) => {
                effects.put.insert(path.clone(), *new);
            }
            (Some(_), None) => effects.removed.push(path.clone()),
            _ => {}
        }
    }
    effects
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn path(text: &str) -> ProjectPath {
        ProjectPath::parse(text).unwrap()
    }

    fn entry(content: &str) -> FileEntry {
        FileEntry {
            sha256: Sha256::of(content.as_bytes()),
            size: content.len() as u64,
            mode: FileMode::Regular,
        }
    }

    fn put(at: &str, content: &str) -> TreeOp {
        TreeOp::Put { path: path(at), entry: entry(content) }
    }

    #[test]
    fn a_change_set_applies_in_order_and_reports_the_last_state() {
        let tree = Tree::from_iter([(path("a"), entry("1")), (path("b"), entry("2"))]);
        let ops = [
            put("c", "3"),
            TreeOp::Rename { from: path("a"), to: path("d") },
            TreeOp::Delete { path: path("c") },
            put("b", "2"),
        ];
        let (next, effects) = apply(&tree, &ops).unwrap();
        assert_eq!(next, Tree::from_iter([(path("b"), entry("2")), (path("d"), entry("1"))]));
        assert_eq!(
            effects.put.into_keys().collect::<Vec<_>>(),
            [path("d")],
            "writing the same bytes is no change"
        );
        assert_eq!(effects.removed, [path("a")]);
    }

    #[test]
    fn impossible_operations_are_named_by_index() {
        let tree = Tree::from_iter([(path("a"), entry("1")), (path("b"), entry("2"))]);
        let missing = apply(&tree, &[put("x", ""), TreeOp::Delete { path: path("c") }]);
        assert_eq!(missing, Err(ChangeError::NotFound { index: 1, path: path("c") }));
        let taken = apply(&tree, &[TreeOp::Rename { from: path("a"), to: path("b") }]);
        assert_eq!(taken, Err(ChangeError::AlreadyExists { index: 0, path: path("b") }));
        assert_eq!(apply(&tree, &[]), Err(ChangeError::Empty));
        assert!(matches!(
            apply(&tree, &[put("A", "x")]),
            Err(ChangeError::Tree(TreeError::CaseCollision(..)))
        ));
    }

    #[test]
    fn a_rename_may_change_only_the_case() {
        let tree = Tree::from_iter([(path("readme"), entry("1"))]);
        let (next, _) = apply(&tree, &[TreeOp::Rename { from: path("readme"), to: path("README") }]).unwrap();
        assert!(next.get("README").is_some() && next.len() == 1);
    }

    #[test]
    fn edits_need_a_unique_match() {
        let edit = |find: &str| [TextEdit { find: find.into(), replace: "X".into() }];
        assert_eq!(apply_edits("one two", &edit("two")), Ok("one X".into()));
        assert_eq!(apply_edits("aaa", &edit("aa")), Err((0, EditError::NotUnique)));
        assert_eq!(apply_edits("aaa", &edit("b")), Err((0, EditError::NotFound)));
        assert_eq!(apply_edits("aaa", &edit("")), Err((0, EditError::EmptyFind)));
    }

    #[test]
    fn a_write_is_read_from_its_wire_form() {
        let op: Op =
            serde_json::from_str(r#"{"op":"write","path":"a.sh","text":"x","mode":"100755"}"#).unwrap();
        assert!(matches!(op, Op::Write { mode: Some(FileMode::Executable), .. }));
        assert!(serde_json::from_str::<Op>(r#"{"op":"write","path":"../a","text":"x"}"#).is_err());
        assert!(serde_json::from_str::<Op>(r#"{"op":"write","path":"a","txt":"x"}"#).is_err());
    }

    proptest! {
        #[test]
        fn effects_turn_the_old_tree_into_the_new(ops in proptest::collection::vec((0..3_u8, 0..5_u8, 0..5_u8), 1..12)) {
            let name = |n: u8| path(&format!("f{n}"));
            let tree: Tree = (0..3).map(|n| (name(n), entry(&n.to_string()))).collect();
            let ops: Vec<_> = ops.into_iter().map(|(kind, a, b)| match kind {
                0 => put(&format!("f{a}"), &b.to_string()),
                1 => TreeOp::Delete { path: name(a) },
                _ => TreeOp::Rename { from: name(a), to: name(b) },
            }).collect();
            if let Ok((next, effects)) = apply(&tree, &ops) {
                let mut replayed = tree.clone();
                effects.removed.iter().for_each(|path| { replayed.remove(path.as_str()); });
                for (path, entry) in effects.put { replayed.insert(path, entry); }
                prop_assert_eq!(replayed, next);
            }
        }
    }
}
