//! Export: the same files always give the same bytes. Times are fixed, entries are sorted, modes are the two there are.

use std::io::{self, Seek, Write};

use bytes::Bytes;
use vitrine_model::{FileMode, ProjectPath};
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, DateTime, ZipWriter};

/// Writes a zip of `files`, in any order, each path once.
pub fn write_zip<'a, W: Write + Seek>(
    out: W,
    files: impl IntoIterator<Item = (&'a ProjectPath, FileMode, &'a Bytes)>,
) -> io::Result<W> {
    let mut zip = ZipWriter::new(out);
    for (path, mode, content) in sorted(files) {
        append_to_zip(&mut zip, path, mode, content)?;
    }
    zip.finish().map_err(io::Error::other)
}

pub(super) fn append_to_zip<W: Write + Seek>(
    zip: &mut ZipWriter<W>,
    path: &ProjectPath,
    mode: FileMode,
    content: &[u8],
) -> io::Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::DEFAULT)
        .unix_permissions(permissions(mode));
    zip.start_file(path.as_str(), options).map_err(io::Error::other)?;
    zip.write_all(content)
}

/// Writes an uncompressed tar of `files`, in any order, each path once.
pub fn write_tar<'a, W: Write>(
    out: W,
    files: impl IntoIterator<Item = (&'a ProjectPath, FileMode, &'a Bytes)>,
) -> io::Result<W> {
    let mut tar = tar::Builder::new(out);
    for (path, mode, content) in sorted(files) {
        append_to_tar(&mut tar, path, mode, content)?;
    }
    tar.into_inner()
}

pub(super) fn append_to_tar<W: Write>(
    tar: &mut tar::Builder<W>,
    path: &ProjectPath,
    mode: FileMode,
    content: &[u8],
) -> io::Result<()> {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::Regular);
    header.set_mode(permissions(mode));
    header.set_uid(0);
    header.set_gid(0);
    header.set_mtime(0);
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path.as_str(), content)
}

fn sorted<'a>(
    files: impl IntoIterator<Item = (&'a ProjectPath, FileMode, &'a Bytes)>,
) -> Vec<(&'a ProjectPath, FileMode, &'a Bytes)> {
    let mut files: Vec<_> = files.into_iter().collect();
    files.sort_by_key(|(path, ..)| *path);
    files
}

const fn permissions(mode: FileMode) -> u32 {
    match mode {
        FileMode::Regular => 0o644,
        FileMode::Executable => 0o755,
    }
}
