//! The base root file system: the least that Node and native add-ons need, copied from the host once.
//!
//! Copied and not mounted, so that a sandbox sees these files and no others of the host, and goes on seeing the same
//! ones when the host is upgraded under it; the next start of the server makes a new one.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::os::unix::fs::{MetadataExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Command;

use vitrine_model::Sha256;

use crate::driver::DriverError;

/// The dynamic loaders of the C library, as programs name them.
const LOADERS: [&str; 2] = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];

/// Programs without which nothing works.
const NEEDED_PROGRAMS: [&str; 2] = ["sh", "env"];

/// What scripts of packages call.
const PROGRAMS: [&str; 36] = [
    "[", "basename", "cat", "chmod", "cmp", "cp", "cut", "date", "dirname", "echo", "expr", "false", "find",
    "grep", "head", "id", "ln", "ls", "mkdir", "mktemp", "mv", "nproc", "pwd", "readlink", "realpath", "rm",
    "rmdir", "sed", "sleep", "sort", "tail", "test", "touch", "tr", "true", "uname",
];
const MORE_PROGRAMS: [&str; 4] = ["uniq", "wc", "which", "xargs"];

/// Libraries that Node and native add-ons are linked with, and that the C library loads by itself.
const LIBRARIES: [&str; 11] = [
    "libc.so.6",
    "libm.so.6",
    "libdl.so.2",
    "libpthread.so.0",
    "librt.so.1",
    "libresolv.so.2",
    "libnss_files.so.2",
    "libnss_dns.so.2",
    "libgcc_s.so.1",
    "libstdc++.so.6",
    "libatomic.so.1",
];

/// Libraries without which Node does not start.
pub(super) const NEEDED_LIBRARIES: [&str; 3] = ["libc.so.6", "libgcc_s.so.1", "libstdc++.so.6"];

const LIBRARY_DIRS: [&str; 6] = [
    "/lib/x86_64-linux-gnu",
    "/usr/lib/x86_64-linux-gnu",
    "/lib/aarch64-linux-gnu",
    "/usr/lib/aarch64-linux-gnu",
    "/lib64",
    "/usr/lib64",
];

/// Top-level directories that are links into `/usr` on most hosts.
const TOP: [&str; 4] = ["bin", "sbin", "lib", "lib64"];

/// What will be copied: found once, so that it can be named before it is made.
#[derive(Debug)]
pub(super) struct HostFiles {
    loader: &'static str,
    programs: Vec<PathBuf>,
    libraries: Vec<PathBuf>,
}

impl HostFiles {
    /// Looks for everything; [`DriverError::Unsupported`] when something needed is not there.
    pub(super) fn find() -> Result<Self, DriverError> {
        let loader = LOADERS.into_iter().find(|path| Path::new(path).exists());
        let loader = loader.ok_or_else(|| unsupported("this host has no GNU C library"))?;
        for name in NEEDED_PROGRAMS {
            program(name).ok_or_else(|| unsupported(&format!("this host has no `{name}`")))?;
        }
        let names = NEEDED_PROGRAMS.iter().chain(&PROGRAMS).chain(&MORE_PROGRAMS);
        Ok(Self {
            loader,
            programs: names.filter_map(|name| program(name)).collect(),
            libraries: LIBRARIES.iter().filter_map(|name| library(name)).collect(),
        })
    }

    /// A short name for this set of files as they are now.
    pub(super) fn name(&self) -> io::Result<String> {
        let mut text = String::from("1\n");
        for path in self.programs.iter().chain(&self.libraries) {
            let metadata = fs::metadata(path)?;
            text += &format!(
                "{} {} {}\n",
                path.display(),
                metadata.len(),
                metadata.mtime_nsec() ^ metadata.mtime()
            );
        }
        Ok(Sha256::of(text.as_bytes()).to_hex()[..16].to_owned())
    }

    /// Makes the root at `target`, which must not exist. Readable by all.
    pub(super) fn copy_to(&self, target: &Path) -> io::Result<()> {
        fs::create_dir(target)?;
        for name in TOP {
            copy_top(name, target)?;
        }
        let mut wanted: BTreeSet<PathBuf> = BTreeSet::from([PathBuf::from(self.loader)]);
        for file in self.programs.iter().chain(&self.libraries) {
            wanted.insert(file.clone());
            wanted.extend(self.needed_by(file)?);
        }
        wanted.iter().try_for_each(|file| copy_into(file, target))
    }

    /// The libraries a program or library needs, by asking the loader.
    fn needed_by(&self, file: &Path) -> io::Result<Vec<PathBuf>> {
        let output = Command::new(self.loader).arg("--list").arg(file).env_clear().output()?;
        // Lines are `libc.so.6 => /lib/…/libc.so.6 (0x…)`; scripts and static programs need nothing.
        let text = String::from_utf8_lossy(&output.stdout).into_owned();
        let path = |line: &str| Some(PathBuf::from(line.split_once("=> ")?.1.split(" (").next()?.trim()));
        Ok(text.lines().filter_map(path).filter(|path| path.is_absolute()).collect())
    }
}

fn program(name: &str) -> Option<PathBuf> {
    ["/usr/bin", "/bin"].iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

/// Where a library is on this host.
pub(super) fn library(name: &str) -> Option<PathBuf> {
    LIBRARY_DIRS.iter().map(|dir| Path::new(dir).join(name)).find(|path| path.is_file())
}

fn unsupported(what: &str) -> DriverError {
    DriverError::Unsupported(format!("{what}; name a root file system in the configuration instead"))
}

/// A top-level directory, or the link that the host has in its place.
fn copy_top(name: &str, target: &Path) -> io::Result<()> {
    match fs::read_link(Path::new("/").join(name)) {
        Ok(link) if link.is_relative() => symlink(link, target.join(name)),
        _ => fs::create_dir(target.join(name)),
    }
}

/// Copies the content of `file` to the same place under `target`; links in its folder are those of the host's top.
fn copy_into(file: &Path, target: &Path) -> io::Result<()> {
    let (Some(folder), Some(name)) = (file.parent(), file.file_name()) else { return Ok(()) };
    let folder = fs::canonicalize(folder)?;
    let copy_folder = target.join(folder.strip_prefix("/").unwrap_or(&folder));
    fs::create_dir_all(&copy_folder)?;
    fs::copy(file, copy_folder.join(name)).map(drop)
}
