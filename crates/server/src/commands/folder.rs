//! A project's folder on this machine: which of its files belong into an app, and what they hold.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{File, Metadata};
use std::io::Read;
use std::os::unix::fs::{MetadataExt as _, PermissionsExt as _};
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use ignore::WalkBuilder;
use vitrine_build::archive::is_skipped;
use vitrine_model::hash::Sha256Hasher;
use vitrine_model::limits::{MAX_FILE_BYTES, MAX_LOCKFILE_BYTES};
use vitrine_model::{FileEntry, FileMode, ProjectPath, Sha256, Tree};

/// Where `vitrine dev` keeps what it knows of a folder. A name that no draft can have.
pub(super) const OWN_DIR: &str = ".vitrine";

/// What an editor writes to see whether it may (Vim).
const EDITOR_PROBE: &str = "4913";

/// How long a file must have been left alone before its time and size are enough to know that it is the same: file systems
/// count time in steps of up to two seconds.
const SETTLED: Duration = Duration::from_secs(2);

/// A folder, and what is known of its files from the last look.
#[derive(Debug)]
pub(super) struct Folder {
    root: PathBuf,
    known: BTreeMap<ProjectPath, Known>,
}

/// A file as it was when it was last read.
#[derive(Debug, Clone, Copy)]
struct Known {
    stamp: Stamp,
    entry: FileEntry,
    /// Whether the stamp alone tells that nothing has changed.
    is_settled: bool,
}

/// What changes when a file is written or replaced.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Stamp {
    device: u64,
    inode: u64,
    size: u64,
    modified: (i64, i64),
    changed: (i64, i64),
    mode: u32,
}

/// What a look at a folder found.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(super) struct Found {
    /// The files that belong into an app.
    pub(super) files: Tree,
    /// The folders they are in, and all that are not left out; the root first.
    pub(super) folders: BTreeSet<PathBuf>,
    /// Files that cannot belong into an app, with the reason, by their path in the folder.
    pub(super) left_out: BTreeMap<String, String>,
    /// Files that were being written while they were read; look again.
    pub(super) unsettled: BTreeSet<String>,
}

impl Folder {
    pub(super) fn new(root: PathBuf) -> Self {
        Self { root, known: BTreeMap::new() }
    }

    /// Looks at every file; reads those that changed since the last look. Links are left out, whatever they point to.
    pub(super) fn look(&mut self) -> std::io::Result<Found> {
        // What cannot be listed at all is no folder that everything was deleted from.
        std::fs::read_dir(&self.root)?;
        let mut found = Found::default();
        let mut known = BTreeMap::new();
        for entry in walk(&self.root) {
            let entry = match entry {
                Ok(entry) => entry,
                Err(error) if is_gone(&error) => continue,
                Err(error) => return Err(std::io::Error::other(error)),
            };
            let Some(kind) = entry.file_type() else { continue };
            let inside = entry.path().strip_prefix(&self.root).unwrap_or(entry.path());
            if kind.is_dir() {
                found.folders.insert(entry.path().to_owned());
            } else if let Some(text) = inside.to_str() {
                self.take(text, entry.path(), &mut found, &mut known)?;
            } else {
                found
                    .left_out
                    .insert(inside.to_string_lossy().into_owned(), "its name is not UTF-8".to_owned());
            }
        }
        self.known = known;
        Ok(found)
    }

    fn take(
        &self,
        text: &str,
        at: &Path,
        found: &mut Found,
        known: &mut BTreeMap<ProjectPath, Known>,
    ) -> std::io::Result<()> {
        let path = match ProjectPath::parse(text) {
            Ok(path) if path.as_str() == text => path,
            // Written back, it would be another file: names are in one form in an app, whatever the form here.
            Ok(_) => {
                let reason = "its name is not in Unicode's composed form (NFC)".to_owned();
                found.left_out.insert(text.to_owned(), reason);
                return Ok(());
            }
            Err(reason) => {
                found.left_out.insert(text.to_owned(), reason.to_string());
                return Ok(());
            }
        };
        match read_known(self.known.get(&path), &path, at) {
            Ok(Reading::Is(file)) => {
                found.files.insert(path.clone(), file.entry);
                known.insert(path, file);
            }
            Ok(Reading::Unsettled) => _ = found.unsettled.insert(text.to_owned()),
            Ok(Reading::LeftOut(reason)) => _ = found.left_out.insert(text.to_owned(), reason),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
            Err(error) => _ = found.left_out.insert(text.to_owned(), error.to_string()),
        }
        Ok(())
    }
}

/// What came of reading one file.
enum Reading {
    Is(Known),
    LeftOut(String),
    Unsettled,
}

fn read_known(known: Option<&Known>, path: &ProjectPath, at: &Path) -> std::io::Result<Reading> {
    let before = std::fs::symlink_metadata(at)?;
    if !before.is_file() {
        return Ok(Reading::LeftOut("it is a link or no ordinary file".to_owned()));
    }
    let most = if path.is_lockfile() { MAX_LOCKFILE_BYTES } else { MAX_FILE_BYTES };
    if before.len() > most {
        return Ok(Reading::LeftOut(format!("it has more than {} MiB", most >> 20)));
    }
    let stamp = stamp(&before);
    if let Some(known) = known.filter(|known| known.is_settled && known.stamp == stamp) {
        return Ok(Reading::Is(*known));
    }
    let sha256 = hash(File::open(at)?.take(most + 1))?;
    if self::stamp(&std::fs::symlink_metadata(at)?) != stamp {
        return Ok(Reading::Unsettled);
    }
    let entry = FileEntry { sha256, size: before.len(), mode: mode_of(&before) };
    Ok(Reading::Is(Known { stamp, entry, is_settled: is_settled(&before) }))
}

fn hash(mut file: impl Read) -> std::io::Result<Sha256> {
    let mut hasher = Sha256Hasher::default();
    let mut buffer = vec![0; 64 * 1024];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(hasher.finish()),
            count => hasher.update(&buffer[..count]),
        }
    }
}

/// One file as it is now; `None` without one that could belong to an app.
pub(super) fn entry_at(at: &Path) -> std::io::Result<Option<FileEntry>> {
    let metadata = match std::fs::symlink_metadata(at) {
        Ok(metadata) if metadata.is_file() => metadata,
        Ok(_) => return Err(std::io::Error::other("there is something else than a file")),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
        Err(error) => return Err(error),
    };
    let sha256 = hash(File::open(at)?)?;
    Ok(Some(FileEntry { sha256, size: metadata.len(), mode: mode_of(&metadata) }))
}

fn mode_of(metadata: &Metadata) -> FileMode {
    match metadata.permissions().mode() & 0o100 {
        0 => FileMode::Regular,
        _ => FileMode::Executable,
    }
}

fn stamp(metadata: &Metadata) -> Stamp {
    Stamp {
        device: metadata.dev(),
        inode: metadata.ino(),
        size: metadata.size(),
        modified: (metadata.mtime(), metadata.mtime_nsec()),
        changed: (metadata.ctime(), metadata.ctime_nsec()),
        mode: metadata.mode(),
    }
}

fn is_settled(metadata: &Metadata) -> bool {
    let modified = metadata.modified().unwrap_or(SystemTime::now());
    SystemTime::now().duration_since(modified).is_ok_and(|passed| passed >= SETTLED)
}

fn is_gone(error: &ignore::Error) -> bool {
    error.io_error().is_some_and(|error| error.kind() == std::io::ErrorKind::NotFound)
}

/// Everything but what `.gitignore` names and what never belongs into an app. Hidden files do belong.
fn walk(root: &Path) -> ignore::Walk {
    let top = root.to_owned();
    WalkBuilder::new(root)
        .hidden(false)
        .ignore(false)
        .git_ignore(true)
        .git_global(false)
        .git_exclude(false)
        // A folder need not be a repository to have a `.gitignore`; those above it are about something else.
        .require_git(false)
        .parents(false)
        .follow_links(false)
        .filter_entry(move |entry| {
            let is_folder = entry.file_type().is_some_and(|kind| kind.is_dir());
            let at_root = entry.path().parent() == Some(&top);
            entry.depth() == 0 || !is_never(&entry.file_name().to_string_lossy(), is_folder, at_root)
        })
        .build()
}

/// What an import leaves out, and what only a folder that is worked in has.
fn is_never(name: &str, is_folder: bool, at_root: bool) -> bool {
    let is_passing = !is_folder && (name == EDITOR_PROBE || is_in_between(name));
    is_skipped(name, is_folder, at_root) || (is_folder && name == OWN_DIR) || is_passing
}

/// Files that editors write while they save, or keep while a file is open.
fn is_in_between(name: &str) -> bool {
    let is_swap = name.starts_with('.')
        && name.rsplit_once('.').is_some_and(|(_, end)| matches!(end, "swp" | "swo" | "swx" | "swpx"));
    let is_emacs = name.starts_with(".#") || (name.starts_with('#') && name.ends_with('#'));
    is_swap || is_emacs || name.ends_with('~') || name.ends_with("___jb_tmp___") || name.starts_with("._")
}

/// Which paths of an app the folder leaves alone, by the same rules as [`Folder::look`]: what is not taken there is
/// neither sent nor written nor deleted.
pub(super) struct Rules {
    root: PathBuf,
    ignores: BTreeMap<PathBuf, ignore::gitignore::Gitignore>,
}

impl Rules {
    /// The rules of a folder as they are now.
    pub(super) fn of(root: &Path, folders: &BTreeSet<PathBuf>) -> Self {
        let file = |folder: &PathBuf| Some(folder.join(".gitignore")).filter(|file| file.is_file());
        let ignores = folders.iter().filter_map(|folder| {
            let (rules, _) = ignore::gitignore::Gitignore::new(file(folder)?);
            Some((folder.clone(), rules))
        });
        Self { root: root.to_owned(), ignores: ignores.collect() }
    }

    /// True for what belongs to both the folder and the app.
    pub(super) fn takes(&self, path: &ProjectPath) -> bool {
        let folders = path.ancestors().map(|folder| (folder, true));
        folders.chain([(path.as_str(), false)]).all(|(part, is_folder)| {
            let name = part.rsplit('/').next().unwrap_or(part);
            !is_never(name, is_folder, !part.contains('/')) && !self.ignores(part, is_folder)
        })
    }

    /// The innermost `.gitignore` that says anything decides.
    fn ignores(&self, part: &str, is_folder: bool) -> bool {
        let at = self.root.join(part);
        let above = at.ancestors().skip(1).take_while(|folder| folder.starts_with(&self.root));
        for rules in above.filter_map(|folder| self.ignores.get(folder)) {
            match rules.matched(&at, is_folder) {
                ignore::Match::None => {}
                decided => return decided.is_ignore(),
            }
        }
        false
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn folder(files: &[(&str, &str)]) -> tempfile::TempDir {
        let dir = tempfile::tempdir().unwrap();
        for (path, text) in files {
            write(&dir, path, text);
        }
        dir
    }

    fn write(dir: &tempfile::TempDir, path: &str, text: &str) {
        let at = dir.path().join(path);
        std::fs::create_dir_all(at.parent().unwrap()).unwrap();
        std::fs::write(at, text).unwrap();
    }

    fn paths(found: &Found) -> Vec<String> {
        found.files.iter().map(|(path, _)| path.to_string()).collect()
    }

    #[test]
    fn what_never_belongs_into_an_app_is_left_out() {
        let dir = folder(&[
            ("package.json", "{}"),
            (".env.example", "A=1"),
            ("src/App.tsx", "x"),
            ("src/build/index.ts", "sources may be called so"),
            ("dist/index.html", "built"),
            ("node_modules/vite/index.js", "installed"),
            ("packages/a/node_modules/b.js", "installed"),
            (".git/config", "git"),
            (".vitrine/link.json", "ours"),
            ("src/.App.tsx.swp", "vim"),
            ("src/App.tsx~", "a backup"),
            (".DS_Store", "a Mac"),
        ]);
        let found = Folder::new(dir.path().to_owned()).look().unwrap();
        assert_eq!(paths(&found), [".env.example", "package.json", "src/App.tsx", "src/build/index.ts"]);
        assert!(!found.folders.iter().any(|folder| folder.ends_with("node_modules")), "nor watched");
    }

    #[test]
    fn gitignore_counts_without_a_repository_and_the_inner_one_decides() {
        let dir = folder(&[
            (".gitignore", "*.log\n/secret\n"),
            ("a.log", ""),
            ("secret/key", ""),
            ("src/.gitignore", "!keep.log\n"),
            ("src/keep.log", ""),
            ("src/other.log", ""),
            ("src/secret/is-deeper", ""),
        ]);
        let found = Folder::new(dir.path().to_owned()).look().unwrap();
        let expected = [".gitignore", "src/.gitignore", "src/keep.log", "src/secret/is-deeper"];
        assert_eq!(paths(&found), expected);
        let rules = Rules::of(dir.path(), &found.folders);
        let takes = |path: &str| rules.takes(&ProjectPath::parse(path).unwrap());
        assert!(expected.iter().all(|path| takes(path)), "the rules for the app's paths are the same");
        assert!(!["a.log", "secret/key", "src/other.log", "dist/a", "x/a~"].iter().any(|path| takes(path)));
    }

    #[test]
    fn files_that_cannot_belong_into_an_app_are_named_with_the_reason() {
        let dir = folder(&[("index.html", "x"), ("what?.txt", "")]);
        std::os::unix::fs::symlink("/etc/passwd", dir.path().join("link")).unwrap();
        let large = File::create(dir.path().join("large.bin")).unwrap();
        large.set_len(MAX_FILE_BYTES + 1).unwrap();
        let found = Folder::new(dir.path().to_owned()).look().unwrap();
        assert_eq!(paths(&found), ["index.html"]);
        let named: Vec<_> = found.left_out.keys().map(String::as_str).collect();
        assert_eq!(named, ["large.bin", "link", "what?.txt"]);
    }

    #[test]
    fn a_change_of_the_same_length_in_the_same_moment_is_seen() {
        let dir = folder(&[("a", "1")]);
        let mut folder = Folder::new(dir.path().to_owned());
        for text in ["2", "3", "4"] {
            folder.look().unwrap();
            write(&dir, "a", text);
            let found = folder.look().unwrap();
            assert_eq!(found.files.get("a").unwrap().sha256, Sha256::of(text.as_bytes()));
        }
    }

    #[test]
    fn a_folder_that_is_gone_is_not_an_empty_one() {
        let dir = folder(&[("a", "1")]);
        let mut folder = Folder::new(dir.path().to_owned());
        folder.look().unwrap();
        drop(dir);
        assert!(folder.look().is_err());
    }
}
