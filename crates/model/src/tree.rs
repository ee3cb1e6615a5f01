//! A file tree by content: what a draft or a revision holds, without the bytes.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::hash::{Sha256, Sha256Hasher};
use crate::limits::{MAX_DRAFT_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_LOCKFILE_BYTES};
use crate::path::ProjectPath;

/// Whether a file may be executed; written as git writes it.
#[derive(
    Debug,
    Clone,
    Copy,
    PartialEq,
    Eq,
    Hash,
    PartialOrd,
    Ord,
    Default,
    Serialize,
    Deserialize,
    utoipa::ToSchema,
)]
pub enum FileMode {
    /// An ordinary file.
    #[default]
    #[serde(rename = "100644")]
    Regular,
    /// A program or script.
    #[serde(rename = "100755")]
    Executable,
}

impl FileMode {
    /// The git spelling, `100644` or `100755`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Regular => "100644",
            Self::Executable => "100755",
        }
    }
}

/// One file of a tree.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct FileEntry {
    /// The hash of the content.
    pub sha256: Sha256,
    /// The size of the content in bytes.
    pub size: u64,
    /// Whether it is executable.
    #[serde(default)]
    pub mode: FileMode,
}

/// Files by path, sorted. A value of this type may break the limits; [`Tree::check`] tells.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(transparent)]
pub struct Tree(BTreeMap<ProjectPath, FileEntry>);

/// Why a tree cannot be a draft.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TreeError {
    /// Over [`MAX_FILES`].
    #[error("a draft has at most {MAX_FILES} files")]
    TooManyFiles,
    /// Over [`MAX_FILE_BYTES`].
    #[error("`{0}` is larger than {MAX_FILE_BYTES} bytes")]
    FileTooLarge(ProjectPath),
    /// Over [`MAX_LOCKFILE_BYTES`].
    #[error("`{0}` is larger than {MAX_LOCKFILE_BYTES} bytes")]
    LockfileTooLarge(ProjectPath),
    /// Over [`MAX_DRAFT_BYTES`].
    #[error("a draft has at most {MAX_DRAFT_BYTES} bytes")]
    DraftTooLarge,
    /// Two paths differ only in case.
    #[error("`{0}` and `{1}` differ only in case")]
    CaseCollision(ProjectPath, ProjectPath),
    /// A path is both a file and a folder.
    #[error("`{0}` is a file and a folder at once")]
    FileAndFolder(String),
}

/// How two trees differ.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct TreeDiff {
    /// Paths in the newer tree that are missing from the older or differ there.
    pub put: Vec<ProjectPath>,
    /// Paths only in the older tree.
    pub removed: Vec<ProjectPath>,
}

impl Tree {
    /// An empty tree.
    pub fn new() -> Self {
        Self::default()
    }

    /// The entry at `path`.
    pub fn get(&self, path: &str) -> Option<&FileEntry> {
        self.0.get(path)
    }

    /// Adds or replaces a file.
    pub fn insert(&mut self, path: ProjectPath, entry: FileEntry) -> Option<FileEntry> {
        self.0.insert(path, entry)
    }

    /// Removes a file.
    pub fn remove(&mut self, path: &str) -> Option<FileEntry> {
        self.0.remove(path)
    }

    /// The files in path order.
    pub fn iter(&self) -> impl Iterator<Item = (&ProjectPath, &FileEntry)> {
        self.0.iter()
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// True without any file.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The size of all content in bytes; what no number of bytes can be counts as the largest.
    pub fn size_bytes(&self) -> u64 {
        self.0.values().fold(0, |sum, entry| sum.saturating_add(entry.size))
    }

    /// The name of this tree: equal trees, equal hashes. The only definition there is: SHA-256 over
    /// `mode SP sha256 SP size SP path LF` of every file in path order.
    pub fn hash(&self) -> Sha256 {
        let mut hasher = Sha256Hasher::default();
        for (path, entry) in &self.0 {
            let line = format!("{} {} {} {path}\n", entry.mode.as_str(), entry.sha256, entry.size);
            hasher.update(line.as_bytes());
        }
        hasher.finish()
    }

    /// Checks every limit and collision of a whole tree; linear in its size.
    pub fn check(&self) -> Result<(), TreeError> {
        if self.len() > MAX_FILES {
            return Err(TreeError::TooManyFiles);
        }
        self.0.iter().try_for_each(|(path, entry)| check_size(path, entry))?;
        if self.size_bytes() > MAX_DRAFT_BYTES {
            return Err(TreeError::DraftTooLarge);
        }
        self.check_names()
    }

    fn check_names(&self) -> Result<(), TreeError> {
        // Folders collide by case exactly as files do: `Src/a` beside `src/b` is two folders here and one on a Mac.
        let mut names: HashMap<String, &str> = HashMap::with_capacity(self.0.len() * 2);
        for path in self.0.keys() {
            for folder in path.ancestors() {
                if self.0.contains_key(folder) {
                    return Err(TreeError::FileAndFolder(folder.to_owned()));
                }
            }
            for name in path.ancestors().chain([path.as_str()]) {
                let other = *names.entry(name.to_lowercase()).or_insert(name);
                if other != name {
                    return Err(self.collision(other, name));
                }
            }
        }
        Ok(())
    }

    fn collision(&self, first: &str, second: &str) -> TreeError {
        let file_under = |name: &str| {
            let prefix = format!("{name}/");
            self.0.keys().find(|path| path.as_str() == name || path.as_str().starts_with(&prefix)).cloned()
        };
        match (file_under(first), file_under(second)) {
            (Some(a), Some(b)) => TreeError::CaseCollision(a, b),
            _ => TreeError::FileAndFolder(first.to_owned()),
        }
    }

    /// What turns `older` into `self`.
    pub fn diff(&self, older: &Tree) -> TreeDiff {
        let put = self.0.iter().filter(|(path, entry)| older.get(path.as_str()) != Some(entry));
        let removed = older.0.keys().filter(|path| !self.0.contains_key(*path));
        TreeDiff { put: put.map(|(path, _)| path.clone()).collect(), removed: removed.cloned().collect() }
    }
}

fn check_size(path: &ProjectPath, entry: &FileEntry) -> Result<(), TreeError> {
    if path.is_lockfile() && entry.size > MAX_LOCKFILE_BYTES {
        return Err(TreeError::LockfileTooLarge(path.clone()));
    }
    if entry.size > MAX_FILE_BYTES {
        return Err(TreeError::FileTooLarge(path.clone()));
    }
    Ok(())
}

impl FromIterator<(ProjectPath, FileEntry)> for Tree {
    fn from_iter<I: IntoIterator<Item = (ProjectPath, FileEntry)>>(files: I) -> Self {
        Self(files.into_iter().collect())
    }
}

impl IntoIterator for Tree {
    type Item = (ProjectPath, FileEntry);
    type IntoIter = std::collections::btree_map::IntoIter<ProjectPath, FileEntry>;
    fn into_iter(self) -> Self::IntoIter {
        self.0.into_iter()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tree(paths: &[&str]) -> Tree {
        let entry = FileEntry { sha256: Sha256::of(b"x"), size: 1, mode: FileMode::Regular };
        paths.iter().map(|path| (ProjectPath::parse(path).unwrap(), entry)).collect()
    }

    #[test]
    fn the_hash_is_the_documented_definition() {
        let expected = Sha256::of(
            b"100644 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 a\n\
              100644 2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881 1 b/c\n",
        );
        assert_eq!(tree(&["b/c", "a"]).hash(), expected);
    }

    #[test]
    fn collisions_of_files_and_folders_are_found() {
        assert!(matches!(tree(&["a.ts", "A.ts"]).check(), Err(TreeError::CaseCollision(..))));
        assert!(matches!(tree(&["src/a", "Src/b"]).check(), Err(TreeError::CaseCollision(..))));
        assert_eq!(tree(&["a", "a/b"]).check(), Err(TreeError::FileAndFolder("a".into())));
        assert_eq!(tree(&["a", "b/a", "b/c"]).check(), Ok(()));
    }

    #[test]
    fn each_limit_is_reached_and_not_passed() {
        let entry = |size| FileEntry { sha256: Sha256::of(b"x"), size, mode: FileMode::Regular };
        let path = |n: usize| ProjectPath::parse(&format!("f{n}")).unwrap();
        let full: Tree = (0..MAX_FILES).map(|n| (path(n), entry(1))).collect();
        assert_eq!(full.check(), Ok(()));
        let mut over = full;
        over.insert(path(MAX_FILES), entry(1));
        assert_eq!(over.check(), Err(TreeError::TooManyFiles));
        let one =
            |name: &str, size| Tree::from_iter([(ProjectPath::parse(name).unwrap(), entry(size))]).check();
        assert_eq!(one("a", MAX_FILE_BYTES), Ok(()));
        assert!(matches!(one("a", MAX_FILE_BYTES + 1), Err(TreeError::FileTooLarge(_))));
        assert_eq!(one("pnpm-lock.yaml", MAX_LOCKFILE_BYTES), Ok(()));
        assert!(matches!(one("pnpm-lock.yaml", MAX_LOCKFILE_BYTES + 1), Err(TreeError::LockfileTooLarge(_))));
        let heavy: Tree = (0..10).map(|n| (path(n), entry(MAX_DRAFT_BYTES / 10))).collect();
        assert_eq!(heavy.check(), Ok(()));
        let heavier: Tree = (0..11).map(|n| (path(n), entry(MAX_DRAFT_BYTES / 10))).collect();
        assert_eq!(heavier.check(), Err(TreeError::DraftTooLarge));
    }

    #[test]
    fn a_diff_names_what_to_put_and_what_to_remove() {
        let diff = tree(&["a", "b"]).diff(&tree(&["b", "c"]));
        assert_eq!(diff.put, [ProjectPath::parse("a").unwrap()]);
        assert_eq!(diff.removed, [ProjectPath::parse("c").unwrap()]);
    }
}
