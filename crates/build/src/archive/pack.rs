//! Writes an archive piece by piece, so that neither what goes in nor what comes out is in memory whole.

use std::io::{self, Write};
use std::mem;
use std::sync::{Arc, Mutex, PoisonError};

use bytes::Bytes;
use vitrine_model::{FileMode, ProjectPath};
use zip::ZipWriter;
use zip::write::StreamWriter;

use super::write::{append_to_tar, append_to_zip};

/// An archive that is being written. The same files in the same order give the same bytes, however they are taken out.
pub struct Packer {
    form: Form,
    out: Outlet,
}

enum Form {
    Zip(Box<ZipWriter<StreamWriter<Outlet>>>),
    Tar(tar::Builder<Outlet>),
}

impl Packer {
    /// A zip archive.
    pub fn zip() -> Self {
        let out = Outlet::default();
        Self { form: Form::Zip(Box::new(ZipWriter::new_stream(out.clone()))), out }
    }

    /// An uncompressed tar archive.
    pub fn tar() -> Self {
        let out = Outlet::default();
        Self { form: Form::Tar(tar::Builder::new(out.clone())), out }
    }

    /// Appends a file; each path once.
    pub fn add(&mut self, path: &ProjectPath, mode: FileMode, content: &[u8]) -> io::Result<()> {
        match &mut self.form {
            Form::Zip(zip) => append_to_zip(zip, path, mode, content),
            Form::Tar(tar) => append_to_tar(tar, path, mode, content),
        }
    }

    /// What was written since the last call.
    pub fn take(&mut self) -> Bytes {
        self.out.take()
    }

    /// Ends the archive; returns what was not taken yet.
    pub fn finish(self) -> io::Result<Bytes> {
        match self.form {
            Form::Zip(zip) => drop(zip.finish().map_err(io::Error::other)?),
            Form::Tar(tar) => drop(tar.into_inner()?),
        }
        Ok(self.out.take())
    }
}

/// Where the writers write to, and where that is taken out behind their backs.
#[derive(Clone, Default)]
struct Outlet(Arc<Mutex<Vec<u8>>>);

impl Outlet {
    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner)).into()
    }
}

impl Write for Outlet {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
