//! Joining the control groups that the driver made.

use std::path::PathBuf;

use super::LaunchError;

/// Moves this process into each group, by writing `0` (meaning: whoever writes) to its `cgroup.procs`.
pub(super) fn join(procs: &[PathBuf]) -> Result<(), LaunchError> {
    procs.iter().try_for_each(|path| {
        std::fs::write(path, "0").map_err(|source| LaunchError::JoinCgroup { path: path.clone(), source })
    })
}
