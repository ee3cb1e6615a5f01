//! Zip import: every limit is checked while bytes flow, and every error names the entry it is about.

use std::collections::{BTreeSet, HashMap};
use std::io::{Cursor, Read};

use bytes::Bytes;
use vitrine_model::limits::{
    MAX_ARCHIVE_BYTES, MAX_ARCHIVE_RATIO, MAX_DRAFT_BYTES, MAX_FILE_BYTES, MAX_FILES, MAX_LOCKFILE_BYTES,
};
use vitrine_model::path::InvalidPath;
use vitrine_model::tree::TreeError;
use vitrine_model::{FileEntry, FileMode, ProjectPath, Sha256, Tree};
use zip::ZipArchive;

use super::announced::announces_more_than;
use super::skip::skipped_part;

/// Below this an archive may unpack to anything the other limits allow: tiny archives have wild ratios.
const RATIO_FLOOR_BYTES: u64 = 1024 * 1024;

/// Entries an archive may list for each file a draft may have: folders and what is skipped count too.
const ENTRIES_PER_FILE: usize = 20;

/// How much an archive may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ArchiveLimits {
    /// Files that are kept.
    pub files: usize,
    /// Bytes of one file.
    pub file_bytes: u64,
    /// Bytes of a lockfile.
    pub lockfile_bytes: u64,
    /// Bytes of all kept files.
    pub total_bytes: u64,
    /// Bytes of the archive.
    pub archive_bytes: u64,
    /// Bytes unpacked for each byte of the archive.
    pub ratio: u64,
}

impl Default for ArchiveLimits {
    /// The limits of a draft.
    fn default() -> Self {
        Self {
            files: MAX_FILES,
            file_bytes: MAX_FILE_BYTES,
            lockfile_bytes: MAX_LOCKFILE_BYTES,
            total_bytes: MAX_DRAFT_BYTES,
            archive_bytes: MAX_ARCHIVE_BYTES,
            ratio: MAX_ARCHIVE_RATIO,
        }
    }
}

/// One file of an archive.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ImportedFile {
    /// Where it belongs.
    pub path: ProjectPath,
    /// Whether it is executable.
    pub mode: FileMode,
    /// What it holds.
    pub content: Bytes,
}

/// What an archive holds.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct ImportedFiles {
    /// The files, sorted by path.
    pub files: Vec<ImportedFile>,
    /// Files and folders that were left out because they never belong to a draft.
    pub skipped: Vec<String>,
}

/// Why an archive is refused. Nothing of it is taken.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum ArchiveError {
    /// Not a zip, or a damaged one.
    #[error("the archive cannot be read: {0}")]
    NotAnArchive(String),
    /// One entry cannot be read: damaged, or packed in an unknown way.
    #[error("`{entry}` cannot be read: {reason}")]
    Unreadable {
        /// Which.
        entry: String,
        /// Why.
        reason: String,
    },
    /// The name cannot be a path of a project.
    #[error("`{entry}`: {reason}")]
    Path {
        /// Which.
        entry: String,
        /// Why.
        reason: InvalidPath,
    },
    /// A symbolic link, a device, or something else that is neither file nor folder.
    #[error("`{entry}` is neither a file nor a folder")]
    NotAFile {
        /// Which.
        entry: String,
    },
    /// The entry needs a password.
    #[error("`{entry}` is encrypted")]
    Encrypted {
        /// Which.
        entry: String,
    },
    /// Two entries have the same name.
    #[error("`{entry}` is in the archive twice")]
    Duplicate {
        /// Which.
        entry: String,
    },
    /// Names collide by case, or one is a file and a folder.
    #[error(transparent)]
    Collision(TreeError),
    /// Too many entries.
    #[error("the archive has more than {limit} files")]
    TooManyFiles {
        /// The limit.
        limit: usize,
    },
    /// The archive itself is too large.
    #[error("the archive is larger than {limit} bytes")]
    ArchiveTooLarge {
        /// The limit.
        limit: u64,
    },
    /// One file is too large.
    #[error("`{entry}` is larger than {limit} bytes")]
    FileTooLarge {
        /// Which.
        entry: String,
        /// The limit.
        limit: u64,
    },
    /// All files together are too large.
    #[error("the archive unpacks to more than {limit} bytes; `{entry}` was one too many")]
    TotalTooLarge {
        /// Where it went over.
        entry: String,
        /// The limit.
        limit: u64,
    },
    /// It unpacks to suspiciously much.
    #[error("the archive unpacks to more than {limit} times its size; `{entry}` was one too many")]
    Bomb {
        /// Where it went over.
        entry: String,
        /// The limit.
        limit: u64,
    },
    /// Nothing is left of it.
    #[error("the archive holds no files")]
    Empty,
}

/// Reads a zip: the files of a project, without what never belongs to one and without one common top folder.
///
/// Everything an archive can be wrong in is an error that names the entry; nothing is repaired. Needs memory for the
/// kept files, never for more than the limits allow.
pub fn read_zip(archive: &[u8], limits: &ArchiveLimits) -> Result<ImportedFiles, ArchiveError> {
    if archive.len() as u64 > limits.archive_bytes {
        return Err(ArchiveError::ArchiveTooLarge { limit: limits.archive_bytes });
    }
    let broken = |error: zip::result::ZipError| ArchiveError::NotAnArchive(error.to_string());
    let most_entries = limits.files.saturating_mul(ENTRIES_PER_FILE);
    if announces_more_than(archive, most_entries as u64) {
        return Err(ArchiveError::TooManyFiles { limit: limits.files });
    }
    let mut zip = ZipArchive::new(Cursor::new(archive)).map_err(broken)?;
    if zip.len() > most_entries {
        return Err(ArchiveError::TooManyFiles { limit: limits.files });
    }
    let names = entry_names(archive, &mut zip)?;
    let top = common_top(&names).map(str::to_owned);
    let mut import = Import::new(limits, archive.len() as u64);
    for (index, name) in names.iter().enumerate() {
        let inner = match &top {
            Some(top) => {
                name.strip_prefix(top.as_str()).and_then(|rest| rest.strip_prefix('/')).unwrap_or(name)
            }
            None => name,
        };
        import.take(&mut zip, index, name, inner)?;
    }
    import.finish()
}

/// All names as they stand, checked before any content is unpacked. Folders end in `/`.
fn entry_names(archive: &[u8], zip: &mut ZipArchive<Cursor<&[u8]>>) -> Result<Vec<String>, ArchiveError> {
    // Readers index by name and keep one of two equal ones; another reader may see the other.
    let listed = listed_entries(archive, zip);
    let mut names = Vec::with_capacity(zip.len());
    let mut seen = BTreeSet::new();
    for index in 0..zip.len() {
        let entry = zip.by_index_raw(index).map_err(|error| ArchiveError::Unreadable {
            entry: format!("entry {index}"),
            reason: error.to_string(),
        })?;
        let name = entry.name().map_err(|error| unreadable(&format!("entry {index}"), &error))?.into_owned();
        if entry.encrypted() {
            return Err(ArchiveError::Encrypted { entry: name });
        }
        check_kind(&name, entry.unix_mode())?;
        check_name(&name)?;
        if !seen.insert(name.clone()) {
            return Err(ArchiveError::Duplicate { entry: name });
        }
        names.push(name);
    }
    if listed > names.len() {
        let entry = first_duplicate(archive).unwrap_or_else(|| "an entry".to_owned());
        return Err(ArchiveError::Duplicate { entry });
    }
    Ok(names)
}

/// How many entries the end record counts.
fn listed_entries(archive: &[u8], zip: &ZipArchive<Cursor<&[u8]>>) -> usize {
    let start = usize::try_from(zip.central_directory_start()).unwrap_or(usize::MAX);
    central_names(archive, start).count()
}

fn first_duplicate(archive: &[u8]) -> Option<String> {
    let mut zip_names = BTreeSet::new();
    let zip = ZipArchive::new(Cursor::new(archive)).ok()?;
    let start = usize::try_from(zip.central_directory_start()).ok()?;
    central_names(archive, start)
        .find(|name| !zip_names.insert(name.to_vec()))
        .map(|name| String::from_utf8_lossy(name).into_owned())
}

/// The names in the central directory, in its order (APPNOTE.TXT §4.3.12).
fn central_names(archive: &[u8], start: usize) -> impl Iterator<Item = &[u8]> {
    const HEADER_BYTES: usize = 46;
    let mut rest = archive.get(start..).unwrap_or_default();
    std::iter::from_fn(move || {
        let header = rest.get(..HEADER_BYTES).filter(|header| header.starts_with(b"PK\x01\x02"))?;
        let length = |at: usize| usize::from(u16::from_le_bytes([header[at], header[at + 1]]));
        let (name, extra, comment) = (length(28), length(30), length(32));
        let found = rest.get(HEADER_BYTES..HEADER_BYTES + name)?;
        rest = rest.get(HEADER_BYTES + name + extra + comment..).unwrap_or_default();
        Some(found)
    })
}

fn check_kind(name: &str, unix_mode: Option<u32>) -> Result<(), ArchiveError> {
    const KIND: u32 = 0o170_000;
    const REGULAR: u32 = 0o100_000;
    const FOLDER: u32 = 0o040_000;
    let kind = unix_mode.map_or(0, |mode| mode & KIND);
    let expected = if name.ends_with('/') { FOLDER } else { REGULAR };
    match kind == 0 || kind == expected {
        true => Ok(()),
        false => Err(ArchiveError::NotAFile { entry: name.to_owned() }),
    }
}

/// Also what is skipped later must not lead out: an archive with such a name is hostile as a whole.
fn check_name(name: &str) -> Result<(), ArchiveError> {
    let plain = name.strip_suffix('/').unwrap_or(name);
    if plain.split('/').any(|segment| matches!(segment, "." | "..")) {
        return Err(ArchiveError::Path { entry: name.to_owned(), reason: InvalidPath::DotSegment });
    }
    match ProjectPath::parse(plain) {
        Ok(_) | Err(InvalidPath::Reserved(_) | InvalidPath::TooLong | InvalidPath::NotPortable(_)) => Ok(()),
        Err(reason) => Err(ArchiveError::Path { entry: name.to_owned(), reason }),
    }
}

/// The one folder that everything (but what is skipped) lies in, as in archives of source forges. A folder that means
/// something by its name at the root is not taken for one.
fn common_top(names: &[String]) -> Option<&str> {
    const MEANINGFUL: [&str; 3] = ["src", "public", "app"];
    let mut kept = names.iter().filter(|name| skipped_part(name).is_none() && !name.ends_with('/'));
    let (top, _) = kept.next()?.split_once('/')?;
    let prefix = format!("{top}/");
    (kept.all(|name| name.starts_with(&prefix)) && !MEANINGFUL.contains(&top)).then_some(top)
}

struct Import<'a> {
    limits: &'a ArchiveLimits,
    archive_bytes: u64,
    unpacked: u64,
    files: HashMap<ProjectPath, ImportedFile>,
    skipped: BTreeSet<String>,
}

impl<'a> Import<'a> {
    fn new(limits: &'a ArchiveLimits, archive_bytes: u64) -> Self {
        Self { limits, archive_bytes, unpacked: 0, files: HashMap::new(), skipped: BTreeSet::new() }
    }

    /// Takes one entry; `name` is for errors, `inner` is where it belongs.
    fn take(
        &mut self,
        zip: &mut ZipArchive<Cursor<&[u8]>>,
        index: usize,
        name: &str,
        inner: &str,
    ) -> Result<(), ArchiveError> {
        if let Some(part) = skipped_part(inner) {
            self.skipped.insert(part.trim_end_matches('/').to_owned());
            return Ok(());
        }
        if name.ends_with('/') {
            return Ok(());
        }
        let path = ProjectPath::parse(inner)
            .map_err(|reason| ArchiveError::Path { entry: name.to_owned(), reason })?;
        if self.files.len() >= self.limits.files {
            return Err(ArchiveError::TooManyFiles { limit: self.limits.files });
        }
        let entry = zip.by_index(index).map_err(|error| unreadable(name, &error))?;
        let mode = match entry.unix_mode() {
            Some(mode) if mode & 0o100 != 0 => FileMode::Executable,
            _ => FileMode::Regular,
        };
        let content = self.unpack(entry, name, &path)?;
        let file = ImportedFile { path: path.clone(), mode, content };
        match self.files.insert(path, file) {
            None => Ok(()),
            Some(_) => Err(ArchiveError::Duplicate { entry: name.to_owned() }),
        }
    }

    /// Never trusts the sizes an entry claims: what counts is what comes out.
    fn unpack(&mut self, entry: impl Read, name: &str, path: &ProjectPath) -> Result<Bytes, ArchiveError> {
        let of_file = if path.is_lockfile() { self.limits.lockfile_bytes } else { self.limits.file_bytes };
        let of_total = self.limits.total_bytes - self.unpacked;
        let of_ratio =
            self.archive_bytes.saturating_mul(self.limits.ratio).max(RATIO_FLOOR_BYTES) - self.unpacked;
        let allowed = of_file.min(of_total).min(of_ratio);
        let mut content = Vec::new();
        entry.take(allowed + 1).read_to_end(&mut content).map_err(|error| unreadable(name, &error))?;
        let size = content.len() as u64;
        let entry = name.to_owned();
        if size > of_file {
            return Err(ArchiveError::FileTooLarge { entry, limit: of_file });
        }
        if size > of_ratio {
            return Err(ArchiveError::Bomb { entry, limit: self.limits.ratio });
        }
        if size > of_total {
            return Err(ArchiveError::TotalTooLarge { entry, limit: self.limits.total_bytes });
        }
        self.unpacked += size;
        Ok(content.into())
    }

    fn finish(self) -> Result<ImportedFiles, ArchiveError> {
        if self.files.is_empty() {
            return Err(ArchiveError::Empty);
        }
        // Hashes play no part in collisions.
        let entry = FileEntry { sha256: Sha256::from_bytes([0; 32]), size: 0, mode: FileMode::Regular };
        let tree: Tree = self.files.keys().map(|path| (path.clone(), entry)).collect();
        tree.check().map_err(|error| match error {
            TreeError::TooManyFiles => ArchiveError::TooManyFiles { limit: self.limits.files },
            other => ArchiveError::Collision(other),
        })?;
        let mut files: Vec<_> = self.files.into_values().collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        Ok(ImportedFiles { files, skipped: self.skipped.into_iter().collect() })
    }
}

fn unreadable(name: &str, error: &dyn std::error::Error) -> ArchiveError {
    ArchiveError::Unreadable { entry: name.to_owned(), reason: error.to_string() }
}
