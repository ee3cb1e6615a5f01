//! Landlock: a second wall behind the read-only root, on kernels that have it.
//!
//! Mounts say the same in another way; this holds even where a mount is not as it should be. It also refuses every
//! further mount, tracing of processes outside, signals to them, and abstract sockets of others, as far as the kernel's
//! version of Landlock knows them. What is read is left to the mounts: everything the sandbox sees, it may read.

use std::io;
use std::path::Path;

use landlock::{
    ABI, Access, AccessFs, BitFlags, PathBeneath, PathFd, Ruleset, RulesetAttr, RulesetCreatedAttr,
    RulesetError, Scope,
};
use nix::libc;

use super::LaunchError;
use crate::layout::{SCRATCH, WORKSPACE};
use crate::spec::{LaunchSpec, MountSpec};

/// The newest version whose rules were looked at here; an older kernel enforces what it knows of them.
const REVIEWED: ABI = ABI::V7;

/// Beneath these, everything but making devices.
const WRITABLE: [&str; 3] = [WORKSPACE, SCRATCH, "/dev/shm"];

/// Devices that can be written to. Nothing else in `/dev` can.
const DEVICES: [&str; 6] = ["/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty"];

/// Settings of the own processes: the mounts keep the rest of `/proc` from being written.
const PROCESSES: &str = "/proc";

/// The version of Landlock that this kernel enforces; 0 when it has none, or it was not switched on at boot.
#[allow(unsafe_code, reason = "the crate here tells the version only after restricting the caller")]
pub fn version() -> u32 {
    /// `LANDLOCK_CREATE_RULESET_VERSION` of landlock_create_ruleset(2).
    const ASK_FOR_VERSION: libc::c_uint = 1;
    // SAFETY: with this flag the kernel takes a null pointer and no size, and answers with a number.
    let version = unsafe {
        libc::syscall(libc::SYS_landlock_create_ruleset, std::ptr::null::<u8>(), 0_usize, ASK_FOR_VERSION)
    };
    u32::try_from(version).unwrap_or(0)
}

/// Restricts this process and all its descendants. Needs `no_new_privs`. Does nothing where the kernel has no Landlock, or
/// one that cannot allow a rename from folder to folder, which is how files get into the project (the first version).
pub(super) fn restrict(spec: &LaunchSpec) -> Result<(), LaunchError> {
    if version() < 2 {
        return Ok(());
    }
    let failed = |error: RulesetError| LaunchError::Landlock(error.to_string());
    let handled = AccessFs::from_write(REVIEWED);
    let ruleset = Ruleset::default().handle_access(handled).map_err(failed)?;
    let ruleset = ruleset.scope(Scope::from_all(REVIEWED)).map_err(failed)?;
    let mut ruleset = ruleset.create().map_err(failed)?;
    let everything = handled & !(AccessFs::MakeBlock | AccessFs::MakeChar);
    let further = spec.mounts.iter().filter(|mount| !matches!(mount, MountSpec::ReadOnly { .. }));
    let writable = WRITABLE.into_iter().map(Path::new).chain(further.map(MountSpec::target));
    let only_writing: BitFlags<AccessFs> = AccessFs::WriteFile | AccessFs::Truncate | AccessFs::IoctlDev;
    let rules = writable
        .map(|place| (place, everything))
        .chain(DEVICES.iter().map(|device| (Path::new(*device), only_writing)))
        .chain([(Path::new(PROCESSES), AccessFs::WriteFile.into())]);
    for (place, allowed) in rules {
        let Some(place) = open(place)? else { continue };
        ruleset = ruleset.add_rule(PathBeneath::new(place, allowed)).map_err(failed)?;
    }
    ruleset.restrict_self().map(drop).map_err(failed)
}

/// `None` for what is not there: a host need not have every device.
fn open(place: &Path) -> Result<Option<PathFd>, LaunchError> {
    match PathFd::new(place) {
        Ok(opened) => Ok(Some(opened)),
        Err(_) if is_absent(place) => Ok(None),
        Err(error) => Err(LaunchError::Landlock(error.to_string())),
    }
}

fn is_absent(place: &Path) -> bool {
    place.symlink_metadata().is_err_and(|error| error.kind() == io::ErrorKind::NotFound)
}
