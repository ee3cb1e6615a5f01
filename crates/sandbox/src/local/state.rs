//! What all sandboxes of one driver share, and where it is on disk.
//!
//! ```text
//! <state_dir>/bin/vitrine-guest-<hash>   the launcher and guest
//!             root-<hash>/               the base root, when it is made from the host
//!             root/                      where new roots are put together; always empty outside a launcher
//!             notes/<sandbox id>         one note for each running sandbox
//! ```

use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};

use vitrine_model::Sha256;

use super::base::HostFiles;
use super::cgroup::Cgroups;
use super::fairness::Crowd;
use super::users::Users;
use super::{LocalConfig, RootSource};
use crate::driver::DriverError;

/// The guest, as built by `build.rs`.
const GUEST: &[u8] = include_bytes!(env!("VITRINE_GUEST"));

/// Everything prepared.
#[derive(Debug)]
pub(super) struct State {
    pub(super) guest: PathBuf,
    pub(super) root: PathBuf,
    pub(super) mount_point: PathBuf,
    pub(super) notes: PathBuf,
    pub(super) cgroups: Cgroups,
    pub(super) users: Users,
    /// Who runs, by whether others give way to them.
    pub(super) crowd: Crowd,
}

impl State {
    /// Makes whatever is missing.
    pub(super) fn prepare(config: &LocalConfig) -> Result<Self, DriverError> {
        make_dir(&config.state_dir)?;
        let state_dir = fs::canonicalize(&config.state_dir)?;
        let (mount_point, notes, bin) =
            (state_dir.join("root"), state_dir.join("notes"), state_dir.join("bin"));
        [&mount_point, &notes, &bin].into_iter().try_for_each(|dir| make_dir(dir))?;
        Ok(Self {
            guest: write_guest(&bin)?,
            root: base_root(&config.root, &state_dir)?,
            cgroups: Cgroups::detect(&instance_of(&state_dir)),
            users: Users::detect(config.ids, seed_of(&state_dir))?,
            crowd: Crowd::default(),
            mount_point,
            notes,
        })
    }
}

/// Names the control groups of this state directory: two servers on one machine never share any.
fn instance_of(state_dir: &Path) -> String {
    let hash = Sha256::of(state_dir.as_os_str().as_encoded_bytes()).to_hex();
    format!("vitrine-{}", &hash[..12])
}

/// Another for each server, and for each start of one: what an earlier one has left may still be there for a moment.
fn seed_of(state_dir: &Path) -> u32 {
    let own = [state_dir.as_os_str().as_encoded_bytes(), &std::process::id().to_ne_bytes()].concat();
    u32::from_str_radix(&Sha256::of(&own).to_hex()[..8], 16).unwrap_or(0)
}

/// Others may pass through, to what they are let see, but not look around.
fn make_dir(path: &Path) -> io::Result<()> {
    fs::DirBuilder::new().recursive(true).mode(0o711).create(path)
}

/// Writes the guest once; a binary of another version stays for servers that still use it.
fn write_guest(bin: &Path) -> io::Result<PathBuf> {
    let path = bin.join(format!("vitrine-guest-{}", &Sha256::of(GUEST).to_hex()[..16]));
    if fs::metadata(&path).is_ok_and(|metadata| metadata.len() == GUEST.len() as u64) {
        return Ok(path);
    }
    let temporary = bin.join(format!(".new-{}", std::process::id()));
    fs::write(&temporary, GUEST)?;
    fs::set_permissions(&temporary, Permissions::from_mode(0o755))?;
    fs::rename(&temporary, &path)?;
    Ok(path)
}

fn base_root(source: &RootSource, state_dir: &Path) -> Result<PathBuf, DriverError> {
    let host = match source {
        RootSource::Directory(path) if path.join("bin/sh").exists() => return Ok(fs::canonicalize(path)?),
        RootSource::Directory(path) => {
            return Err(DriverError::Unsupported(format!("{} has no bin/sh", path.display())));
        }
        RootSource::Host => HostFiles::find()?,
    };
    let path = state_dir.join(format!("root-{}", host.name()?));
    if path.is_dir() {
        return Ok(path);
    }
    let temporary = state_dir.join(format!(".root-{}", std::process::id()));
    if temporary.exists() {
        fs::remove_dir_all(&temporary)?;
    }
    host.copy_to(&temporary)?;
    match fs::rename(&temporary, &path) {
        // Somebody else was faster with the same files.
        Err(_) if path.is_dir() => fs::remove_dir_all(&temporary)?,
        result => result?,
    }
    Ok(path)
}
