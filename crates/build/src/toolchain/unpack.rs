//! Unpacking npm packages by our own rules: regular files and folders beneath one root, and nothing else.

use std::fs::{DirBuilder, File, OpenOptions, Permissions};
use std::io::{self, Read};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt, PermissionsExt};
use std::path::{Component, Path, PathBuf};

/// Staging directories start with this; whatever does is a leftover when the store is opened.
pub(super) const STAGING_PREFIX: &str = ".staging-";

/// The most a package may unpack to: Node.js is about 130 MB.
const MAX_UNPACKED_BYTES: u64 = 512 * 1024 * 1024;

/// The most entries a package may have: Node.js has about 6,000, most of them headers.
const MAX_ENTRIES: usize = 50_000;

/// Which files of a package are wanted.
#[derive(Debug, Clone, Copy)]
pub(super) enum Selection<'a> {
    All,
    Only(&'a [&'a str]),
}

impl Selection<'_> {
    fn takes(self, path: &Path) -> bool {
        match self {
            Self::All => true,
            Self::Only(names) => names.iter().any(|name| Path::new(name) == path),
        }
    }
}

/// Unpacks a gzipped tar without its top folder. The error is a sentence.
pub(super) fn unpack(archive: &Path, into: &Path, selection: Selection<'_>) -> Result<(), String> {
    let file = File::open(archive).map_err(|error| error.to_string())?;
    let mut tar = tar::Archive::new(flate2::read::GzDecoder::new(file));
    let mut budget = MAX_UNPACKED_BYTES;
    for (index, entry) in tar.entries().map_err(|error| error.to_string())?.enumerate() {
        if index >= MAX_ENTRIES {
            return Err(format!("it has more than {MAX_ENTRIES} entries"));
        }
        let mut entry = entry.map_err(|error| error.to_string())?;
        let name = entry.path().map_err(|error| error.to_string())?.into_owned();
        let kind = entry.header().entry_type();
        if kind.is_dir() || kind.is_pax_global_extensions() {
            continue;
        }
        if !kind.is_file() {
            return Err(format!("`{}` is neither a file nor a folder", name.display()));
        }
        let Some(path) = beneath(&name)? else { continue };
        if selection.takes(&path) {
            let executable = entry.header().mode().is_ok_and(|mode| mode & 0o100 != 0);
            write(&mut entry, &into.join(path), executable, &mut budget)
                .map_err(|error| error.to_string())?;
        }
    }
    Ok(())
}

/// The path without its first segment; `None` when nothing is left.
fn beneath(name: &Path) -> Result<Option<PathBuf>, String> {
    let normal = |component| match component {
        Component::Normal(part) => Ok(part),
        _ => Err(format!("`{}` leads out of the package", name.display())),
    };
    let parts: Vec<_> = name.components().map(normal).collect::<Result<_, _>>()?;
    Ok(parts.get(1..).filter(|rest| !rest.is_empty()).map(|rest| rest.iter().collect()))
}

fn write(content: &mut impl Read, path: &Path, executable: bool, budget: &mut u64) -> io::Result<()> {
    if let Some(parent) = path.parent() {
        DirBuilder::new().recursive(true).mode(0o755).create(parent)?;
    }
    let mode = if executable { 0o755 } else { 0o644 };
    let mut file = OpenOptions::new().write(true).create_new(true).mode(mode).open(path)?;
    let written = io::copy(&mut content.take(*budget + 1), &mut file)?;
    *budget = budget.checked_sub(written).ok_or_else(|| io::Error::other("it unpacks to too much"))?;
    Ok(())
}

/// Makes everything beneath `root` unwritable; `root` itself follows once it is in its place.
pub(super) fn seal(root: &Path) -> io::Result<()> {
    for entry in std::fs::read_dir(root)? {
        let entry = entry?;
        let metadata = entry.metadata()?;
        if metadata.is_dir() {
            seal(&entry.path())?;
        }
        let executable = metadata.is_dir() || metadata.permissions().mode() & 0o100 != 0;
        let mode = if executable { 0o555 } else { 0o444 };
        std::fs::set_permissions(entry.path(), Permissions::from_mode(mode))?;
    }
    Ok(())
}

/// Moves a finished directory to its place. One that is there already wins: equal names have equal content.
pub(super) fn place(root: &Path, destination: &Path) -> io::Result<()> {
    match std::fs::rename(root, destination) {
        Ok(()) => std::fs::set_permissions(destination, Permissions::from_mode(0o555)),
        Err(_) if destination.is_dir() => Ok(()),
        Err(error) => Err(error),
    }
}

/// Removes a directory even when its parts are sealed. Nothing there is no error.
pub(super) fn remove_tree(path: &Path) -> io::Result<()> {
    let unseal = |dir: &Path| std::fs::set_permissions(dir, Permissions::from_mode(0o755));
    let mut folders = vec![path.to_owned()];
    while let Some(dir) = folders.pop() {
        if unseal(&dir).is_err() {
            continue;
        }
        let entries = std::fs::read_dir(&dir)?.filter_map(Result::ok);
        folders.extend(entries.filter(|e| e.file_type().is_ok_and(|kind| kind.is_dir())).map(|e| e.path()));
    }
    match std::fs::remove_dir_all(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::Write;

    fn archive(build: impl FnOnce(&mut tar::Builder<Vec<u8>>)) -> tempfile::NamedTempFile {
        let mut builder = tar::Builder::new(Vec::new());
        build(&mut builder);
        let tar = builder.into_inner().unwrap();
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let mut gz = flate2::write::GzEncoder::new(&mut file, flate2::Compression::fast());
        gz.write_all(&tar).unwrap();
        gz.finish().unwrap();
        file
    }

    fn add(builder: &mut tar::Builder<Vec<u8>>, name: &str, kind: tar::EntryType, mode: u32) {
        let mut header = tar::Header::new_gnu();
        // Written by hand: the builder refuses the hostile names this is about.
        header.as_old_mut().name[..name.len()].copy_from_slice(name.as_bytes());
        header.set_entry_type(kind);
        header.set_mode(mode);
        header.set_size(if kind.is_file() { 1 } else { 0 });
        header.set_cksum();
        builder.append(&header, if kind.is_file() { &b"x"[..] } else { &b""[..] }).unwrap();
    }

    #[test]
    fn files_land_beneath_the_root_sealed_and_with_their_exec_bit() {
        let dir = tempfile::tempdir().unwrap();
        let file = archive(|b| {
            add(b, "package/bin/node", tar::EntryType::Regular, 0o755);
            add(b, "package/include/node.h", tar::EntryType::Regular, 0o644);
        });
        let root = dir.path().join("root");
        unpack(file.path(), &root, Selection::Only(&["bin/node"])).unwrap();
        seal(&root).unwrap();
        let placed = dir.path().join("placed");
        place(&root, &placed).unwrap();
        let mode = |path: &str| std::fs::metadata(placed.join(path)).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode("bin/node"), mode("bin")), (0o555, 0o555));
        assert!(!placed.join("include").exists());
        remove_tree(&placed).unwrap();
        assert!(!placed.exists());
    }

    #[test]
    fn links_devices_and_paths_that_lead_out_are_refused() {
        let cases = [
            ("package/../../etc/x", tar::EntryType::Regular),
            ("/etc/x", tar::EntryType::Regular),
            ("package/link", tar::EntryType::Symlink),
            ("package/hard", tar::EntryType::Link),
            ("package/dev", tar::EntryType::Char),
            ("package/fifo", tar::EntryType::Fifo),
        ];
        for (name, kind) in cases {
            let dir = tempfile::tempdir().unwrap();
            let file = archive(|b| add(b, name, kind, 0o644));
            assert!(unpack(file.path(), &dir.path().join("root"), Selection::All).is_err(), "{name}");
            assert!(!dir.path().join("root").exists(), "{name}");
        }
    }
}
