//! One error for each step of the launcher, naming the one thing that failed.

use std::io;
use std::path::PathBuf;

use rustix::io::Errno;

/// Why a sandbox could not be made.
#[derive(Debug, thiserror::Error)]
pub enum LaunchError {
    /// The first frame is not a spec.
    #[error("cannot read the spec: {0}")]
    Spec(String),
    /// The launcher cannot open its own binary.
    #[error("cannot open the launcher's own binary: {0}")]
    OpenSelf(#[source] Errno),
    /// Foreign descriptors could not be marked to be closed.
    #[error("cannot let go of inherited descriptors: {0}")]
    Descriptors(#[source] io::Error),
    /// A control group does not take the launcher.
    #[error("cannot join the control group {path}: {source}")]
    JoinCgroup {
        /// Its `cgroup.procs`.
        path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No keyring of its own.
    #[error("cannot join a fresh keyring: {0}; see kernel.keys.maxkeys")]
    Keyring(#[source] io::Error),
    /// `setsid` failed.
    #[error("cannot start a session: {0}")]
    NewSession(#[source] Errno),
    /// No user namespace.
    #[error("cannot make a user namespace: {0}")]
    UserNamespace(#[source] Errno),
    /// A file that maps users or groups could not be written.
    #[error("cannot write {path}: {source}")]
    WriteMap {
        /// Which.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// No socket pair between launcher and child.
    #[error("cannot make a socket pair: {0}")]
    Pair(#[source] Errno),
    /// `clone3` failed.
    #[error("cannot clone into new namespaces: {0}")]
    Clone(#[source] io::Error),
    /// The server could not be told.
    #[error("cannot report to the server: {0}")]
    Report(String),
    /// Launcher and child lost each other.
    #[error("launcher and child lost each other: {0}")]
    Handshake(#[source] io::Error),
    /// `sethostname` failed.
    #[error("cannot name the host: {0}")]
    HostName(#[source] io::Error),
    /// The loopback interface stays down.
    #[error("cannot bring the loopback interface up: {0}")]
    Loopback(#[source] Errno),
    /// Something could not be mounted.
    #[error("cannot mount {what}: {source}")]
    Mount {
        /// What.
        what: String,
        /// Why.
        #[source]
        source: Errno,
    },
    /// A mount could not be restricted.
    #[error("cannot restrict the mount {path}: {source}")]
    Restrict {
        /// Where.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A directory, file or link of the new root could not be made.
    #[error("cannot make {path} for the new root: {source}")]
    Make {
        /// Where, in the new root.
        path: String,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A mount's source cannot be looked at.
    #[error("cannot mount {source_path}: {source}")]
    Source {
        /// On the host.
        source_path: PathBuf,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A target is not absolute and plain, or leads through a symbolic link of the root.
    #[error("{0} is not a place to mount on")]
    Target(PathBuf),
    /// `/proc` could not be listed.
    #[error("cannot list /proc: {0}")]
    ListProc(#[source] io::Error),
    /// `pivot_root`, or leaving the old root.
    #[error("cannot enter the new root: {0}")]
    Pivot(#[source] Errno),
    /// `setgroups` failed.
    #[error("cannot leave supplementary groups: {0}")]
    Groups(#[source] Errno),
    /// `setresgid` or `setresuid` failed.
    #[error("cannot become the sandbox's root: {0}")]
    Identity(#[source] Errno),
    /// A limit of the user namespace could not be lowered.
    #[error("cannot lower the limit {name} of the user namespace: {source}")]
    UserLimit {
        /// Which, in `/proc/sys/user`.
        name: &'static str,
        /// Why.
        #[source]
        source: io::Error,
    },
    /// A resource limit could not be lowered.
    #[error("cannot lower a resource limit: {0}")]
    Limit(#[source] Errno),
    /// Capabilities could not be dropped.
    #[error("cannot drop capabilities: {0}")]
    Capabilities(#[source] Errno),
    /// `no_new_privs` could not be set.
    #[error("cannot set no_new_privs: {0}")]
    NoNewPrivileges(#[source] Errno),
    /// Landlock is there, and does not take the rules.
    #[error("cannot restrict writing with Landlock: {0}")]
    Landlock(String),
    /// The seccomp filter was refused.
    #[error("cannot install the seccomp filter: {0}")]
    Seccomp(#[source] io::Error),
    /// The guest could not be executed.
    #[error("cannot execute the guest: {0}")]
    Execute(#[source] io::Error),
}

impl LaunchError {
    /// A word for the step, for logs and for choosing advice.
    pub fn step(&self) -> &'static str {
        match self {
            Self::Spec(_) => "spec",
            Self::OpenSelf(_) | Self::Execute(_) => "guest",
            Self::JoinCgroup { .. } => "cgroup",
            Self::UserNamespace(_) | Self::WriteMap { .. } | Self::Identity(_) | Self::Groups(_) => "user",
            Self::Clone(_) => "namespaces",
            Self::Descriptors(_)
            | Self::Keyring(_)
            | Self::NewSession(_)
            | Self::Pair(_)
            | Self::Report(_)
            | Self::Handshake(_) => "launch",
            Self::HostName(_) | Self::Loopback(_) => "network",
            Self::Mount { .. } | Self::Restrict { .. } | Self::Make { .. } | Self::Source { .. } => "mount",
            Self::Target(_) | Self::ListProc(_) | Self::Pivot(_) => "root",
            Self::Limit(_)
            | Self::UserLimit { .. }
            | Self::Capabilities(_)
            | Self::NoNewPrivileges(_)
            | Self::Landlock(_)
            | Self::Seccomp(_) => "privileges",
        }
    }
}
