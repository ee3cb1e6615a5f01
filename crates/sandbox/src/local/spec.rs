//! From what a caller asks for to what the launcher is told.

use std::os::unix::fs::chown;
use std::path::{Component, Path, PathBuf};

use vitrine_jail::layout::{PROJECT, SCRATCH, STAGING};
use vitrine_jail::spec::{Identity, LaunchSpec, MountSpec};

use super::cgroup::Cgroups;
use super::launch::setup;
use super::state::State;
use crate::driver::{DriverError, Mount, SandboxSpec};

/// Bytes of disk for each inode: what ext4 reckons with, and more than source files need.
const BYTES_PER_INODE: u64 = 4 * 1024;
const MIN_INODES: u64 = 16 * 1024;

/// Places that the sandbox itself is made of.
const OWN_PLACES: [&str; 6] = ["/proc", "/dev", "/sys", PROJECT, STAGING, SCRATCH];

/// The launcher's spec, still without control groups. Checks the mounts, and makes writable ones so.
pub(super) fn launch_spec(
    state: &State,
    identity: Identity,
    spec: &SandboxSpec,
) -> Result<LaunchSpec, DriverError> {
    check_targets(&spec.mounts)?;
    let mounts = spec.mounts.iter().map(|mount| mount_spec(mount, identity));
    Ok(LaunchSpec {
        cgroup_procs: Vec::new(),
        identity,
        mount_point: state.mount_point.clone(),
        root: state.root.clone(),
        mounts: mounts.collect::<Result<_, _>>()?,
        disk_bytes: spec.limits.disk_bytes,
        disk_inodes: (spec.limits.disk_bytes / BYTES_PER_INODE).max(MIN_INODES),
        open_files: spec.limits.open_files,
        processes: match state.cgroups {
            Cgroups::None { .. } => Some(u64::from(spec.limits.pids + vitrine_jail::layout::GUEST_PIDS)),
            _ => None,
        },
    })
}

/// Targets are absolute and plain, none is within another, and none replaces a part of the sandbox itself.
fn check_targets(mounts: &[Mount]) -> Result<(), DriverError> {
    let targets: Vec<&Path> = mounts.iter().map(target).collect();
    for (index, target) in targets.iter().enumerate() {
        let is_plain = target.is_absolute()
            && target.components().skip(1).all(|part| matches!(part, Component::Normal(_)))
            && target.components().nth(1).is_some();
        let is_own = OWN_PLACES.iter().any(|place| Path::new(place).starts_with(target))
            || ["/proc", "/dev", "/sys", STAGING].iter().any(|place| target.starts_with(place));
        let is_nested =
            targets.iter().enumerate().any(|(other, place)| other != index && target.starts_with(place));
        if !is_plain || is_own || is_nested {
            return Err(setup("mount", &format!("{} is not a place to mount on", target.display())));
        }
    }
    Ok(())
}

fn target(mount: &Mount) -> &Path {
    match mount {
        Mount::ReadOnly { target, .. } | Mount::Writable { target, .. } | Mount::Overlay { target, .. } => {
            target
        }
    }
}

fn mount_spec(mount: &Mount, identity: Identity) -> Result<MountSpec, DriverError> {
    Ok(match mount {
        Mount::ReadOnly { source, target } => {
            MountSpec::ReadOnly { source: real(source)?, target: target.clone() }
        }
        Mount::Writable { source, target } => {
            let source = real(source)?;
            if let Identity::Mapped { uid, gid } = identity {
                chown(&source, Some(uid), Some(gid)).map_err(|error| failed(&source, &error))?;
            }
            MountSpec::Writable { source, target: target.clone() }
        }
        Mount::Overlay { lowers, target } if lowers.is_empty() => {
            return Err(setup("mount", &format!("an overlay without lowers at {}", target.display())));
        }
        Mount::Overlay { lowers, target } => {
            let lowers = lowers.iter().map(|lower| real(lower)).collect::<Result<_, _>>()?;
            MountSpec::Overlay { lowers, target: target.clone() }
        }
    })
}

fn real(source: &Path) -> Result<PathBuf, DriverError> {
    std::fs::canonicalize(source).map_err(|error| failed(source, &error))
}

fn failed(source: &Path, error: &std::io::Error) -> DriverError {
    setup("mount", &format!("{}: {error}", source.display()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::{PROJECT_DIR, SCRATCH_DIR, TOOLCHAIN_DIR};

    fn read_only(target: &str) -> Mount {
        Mount::ReadOnly { source: "/".into(), target: target.into() }
    }

    #[test]
    fn the_guest_and_the_trait_agree_on_places() {
        assert_eq!((PROJECT, SCRATCH), (PROJECT_DIR, SCRATCH_DIR));
    }

    #[test]
    fn targets_that_would_hurt_are_refused() {
        let modules = format!("{PROJECT_DIR}/node_modules");
        assert!(
            check_targets(&[read_only(TOOLCHAIN_DIR), read_only(&modules), read_only("/opt/ca.pem")]).is_ok()
        );
        for target in
            ["/", "relative", "/opt/../proc", "/proc/sys", "/dev", PROJECT_DIR, "/workspace", "/tmp", STAGING]
        {
            assert!(check_targets(&[read_only(target)]).is_err(), "{target}");
        }
        assert!(check_targets(&[read_only("/opt/a"), read_only("/opt/a/b")]).is_err());
        assert!(check_targets(&[read_only("/opt/a"), read_only("/opt/a")]).is_err());
    }
}
