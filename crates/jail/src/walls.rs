//! The walls of a sandbox by name, and the one question the launcher and the guest ask before they build one.
//!
//! In what ships the answer is yes, always, known to the compiler: there is nothing to switch off. Only the attack
//! suite's own build (the feature `weakened`) can leave single walls out, to show that an attempt which is refused
//! otherwise then succeeds, and so that the refusal was this wall's doing.

/// One wall. Several of them usually stand in the way of one attempt.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
pub enum Wall {
    /// The seccomp filter.
    Filter,
    /// Having no capabilities and no way to get one.
    Capabilities,
    /// The user namespace in which the sandbox's root is nobody outside.
    UserNamespace,
    /// Landlock's rules: what may be written, and no signals or abstract sockets to the outside.
    Landlock,
    /// The root, toolchains and layers are read-only.
    ReadOnlyRoot,
    /// Most of `/proc` is covered, and `/proc/sys` is read-only.
    CoveredProc,
    /// `/dev` has a few harmless devices only.
    PrivateDevices,
    /// What the sandbox can write to takes no devices and no privileged programs.
    PlainMounts,
    /// Nothing of the host's file systems is mounted but what the spec names.
    NoHostFiles,
    /// The files in memory have a size.
    DiskSize,
    /// A network of its own.
    NetworkNamespace,
    /// Process numbers of its own.
    ProcessNamespace,
    /// System V and POSIX inter-process communication of its own.
    IpcNamespace,
    /// A host name of its own.
    HostNameNamespace,
    /// The path of its control groups is not shown.
    CgroupNamespace,
    /// Limits on memory, CPU and processes.
    ControlGroup,
    /// Limits on open files, core dumps, pending signals and message queues.
    ResourceLimits,
    /// A session keyring of its own.
    Keyring,
    /// The launcher lets go of whatever descriptors it was started with.
    LauncherDescriptors,
    /// The guest passes nothing on to commands but their three descriptors.
    CommandDescriptors,
    /// The guest's memory and descriptors are closed to other processes, those of its own user too.
    ClosedGuest,
    /// The guest resolves paths beneath the project and through no link.
    BeneathProject,
    /// A user of its own on the host, so that what the kernel counts for each user is counted apart.
    OwnUser,
    /// Limits of the user namespace: instances and watches of inotify.
    UserLimits,
}

#[cfg(not(feature = "weakened"))]
mod standing {
    use super::Wall;

    /// Whether to build a wall: yes.
    #[inline(always)]
    pub(crate) const fn stands(_: Wall) -> bool {
        true
    }
}

#[cfg(feature = "weakened")]
mod standing {
    use std::sync::OnceLock;

    use super::Wall;

    static MISSING: OnceLock<Vec<Wall>> = OnceLock::new();

    /// Whether to build a wall: yes, unless this very process was told otherwise.
    pub(crate) fn stands(wall: Wall) -> bool {
        !MISSING.get().is_some_and(|missing| missing.contains(&wall))
    }

    /// Leaves walls out from now on, in this process and in the guest it becomes. The first call counts.
    pub fn leave_out(missing: &[Wall]) {
        let _ = MISSING.set(missing.to_vec());
    }

    /// Begins what a weakened launcher tells its guest, and is in every program that could weaken a sandbox.
    pub const MARK: &str = "vitrine-weakened:";

    /// The walls left out, as the guest is told: the mark, and their numbers with commas between.
    pub(crate) fn missing() -> String {
        let numbers = MISSING.get().into_iter().flatten().map(|wall| (*wall as u8).to_string());
        format!("{MARK}{}", numbers.collect::<Vec<_>>().join(","))
    }
}

#[cfg(feature = "weakened")]
pub(crate) use standing::missing;
pub(crate) use standing::stands;
#[cfg(feature = "weakened")]
pub use standing::{MARK, leave_out};

/// Every wall, in the order of the enum.
pub const ALL: [Wall; 24] = [
    Wall::Filter,
    Wall::Capabilities,
    Wall::UserNamespace,
    Wall::Landlock,
    Wall::ReadOnlyRoot,
    Wall::CoveredProc,
    Wall::PrivateDevices,
    Wall::PlainMounts,
    Wall::NoHostFiles,
    Wall::DiskSize,
    Wall::NetworkNamespace,
    Wall::ProcessNamespace,
    Wall::IpcNamespace,
    Wall::HostNameNamespace,
    Wall::CgroupNamespace,
    Wall::ControlGroup,
    Wall::ResourceLimits,
    Wall::Keyring,
    Wall::LauncherDescriptors,
    Wall::CommandDescriptors,
    Wall::ClosedGuest,
    Wall::BeneathProject,
    Wall::OwnUser,
    Wall::UserLimits,
];

impl Wall {
    /// The wall of a number, as the enum counts them.
    pub fn numbered(number: u8) -> Option<Self> {
        ALL.into_iter().find(|wall| *wall as u8 == number)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn all_walls_stand_unless_told_otherwise() {
        assert!(ALL.iter().all(|wall| stands(*wall)));
        assert!(ALL.iter().enumerate().all(|(number, wall)| *wall as usize == number));
        assert_eq!(Wall::numbered(24), None);
    }
}
