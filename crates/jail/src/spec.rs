//! What the server tells the launcher: the whole description of one sandbox, as JSON in the first frame.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

/// One sandbox to make. Paths are the host's unless said otherwise.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LaunchSpec {
    /// `cgroup.procs` of every control group to join; they exist already.
    pub cgroup_procs: Vec<PathBuf>,
    /// Who the sandbox's root is on the host.
    pub identity: Identity,
    /// An existing directory; the new root is put together on it, in a mount namespace of its own.
    pub mount_point: PathBuf,
    /// The base root file system; seen inside read-only.
    pub root: PathBuf,
    /// What is mounted over it.
    pub mounts: Vec<MountSpec>,
    /// Bytes of project, scratch and private overlay tops together.
    pub disk_bytes: u64,
    /// Files and directories of the same.
    pub disk_inodes: u64,
    /// Lowers `RLIMIT_NOFILE` of commands to this; never raises it. The guest has more.
    pub open_files: u64,
    /// Lowers `RLIMIT_NPROC` to this: a stopgap where no control group limits processes.
    pub processes: Option<u64>,
}

/// Who the sandbox's root is on the host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Identity {
    /// The launcher is the host's root: the sandbox's root becomes this user and group, and the user namespace is
    /// entered last, so that nothing inside ever had a capability over the mounts.
    Mapped {
        /// On the host.
        uid: u32,
        /// On the host.
        gid: u32,
    },
    /// The launcher is an ordinary user: the sandbox's root is that user, and the user namespace is entered first.
    Myself,
}

impl Identity {
    /// `nobody`: who sandboxes are that have to share a user.
    pub const NOBODY: u32 = 65_534;

    /// The identity of those.
    pub const fn nobody() -> Self {
        Self::Mapped { uid: Self::NOBODY, gid: Self::NOBODY }
    }
}

/// One mount over the root.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum MountSpec {
    /// A directory or file, read-only.
    ReadOnly {
        /// On the host.
        source: PathBuf,
        /// Inside, absolute.
        target: PathBuf,
    },
    /// A directory, writable.
    Writable {
        /// On the host.
        source: PathBuf,
        /// Inside, absolute.
        target: PathBuf,
    },
    /// Read-only directories with a private writable top.
    Overlay {
        /// On the host, topmost first.
        lowers: Vec<PathBuf>,
        /// Inside, absolute.
        target: PathBuf,
    },
}

impl MountSpec {
    /// Where it appears inside.
    pub fn target(&self) -> &std::path::Path {
        match self {
            Self::ReadOnly { target, .. } | Self::Writable { target, .. } | Self::Overlay { target, .. } => {
                target
            }
        }
    }
}
