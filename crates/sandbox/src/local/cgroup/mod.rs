//! Control groups: how a sandbox's share of the machine is limited and counted.
//!
//! Three machines are known: separate controllers (version 1), one tree (version 2, where this user may write to its
//! part of it), and neither, which is an ordinary user without delegation. A sandbox's group is `…/vitrine-<instance>.<id>`
//! beneath the server's own, so that limits on the server hold for its sandboxes too; the instance comes from the state
//! directory, so that two servers on one machine never meet. There is no group of all sandboxes between: one that has to
//! give way must give way to the server as well, and the scheduler weighs brothers only.

mod files;
mod freezing;
mod group;
mod place;
mod v1;
mod v2;

pub(super) use files::GroupError;
pub(super) use group::Group;

use crate::driver::Limits;

/// What this machine lets us control, and where.
#[derive(Debug, Clone)]
pub(super) enum Cgroups {
    /// One directory per controller.
    V1(v1::Tree),
    /// One directory for all.
    V2(v2::Tree),
    /// Nothing, and why.
    None {
        /// For people.
        reason: String,
    },
}

impl Cgroups {
    /// Looks at this machine; with version 2 this may move this process into a leaf of its own group.
    pub(super) fn detect(instance: &str) -> Self {
        let place = match place::Place::of_this_process() {
            Ok(place) => place,
            Err(error) => return Self::None { reason: format!("control groups cannot be read: {error}") },
        };
        match (v1::Tree::detect(&place, instance), v2::Tree::detect(&place, instance)) {
            (Ok(tree), _) => Self::V1(tree),
            (_, Ok(tree)) => Self::V2(tree),
            (Err(first), Err(second)) => Self::None { reason: format!("{first}; {second}") },
        }
    }

    /// One line for people.
    pub(super) fn describe(&self) -> String {
        match self {
            Self::V1(tree) => format!("version 1: {}", tree.controllers().join(", ")),
            Self::V2(tree) => format!("version 2: {}", tree.controllers().join(", ")),
            Self::None { reason } => format!("none: {reason}"),
        }
    }

    /// The controllers that matter and are missing.
    pub(super) fn missing(&self) -> Vec<&'static str> {
        let there = match self {
            Self::V1(tree) => tree.controllers(),
            Self::V2(tree) => tree.controllers(),
            Self::None { .. } => Vec::new(),
        };
        ["memory", "cpu", "pids"].into_iter().filter(|wanted| !there.contains(wanted)).collect()
    }

    /// Makes the group of a sandbox with its limits; it is empty until the launcher joins.
    pub(super) fn create(&self, id: &str, limits: &Limits) -> Result<Group, GroupError> {
        match self {
            Self::V1(tree) => tree.create(id, limits),
            Self::V2(tree) => tree.create(id, limits),
            Self::None { .. } => Ok(Group::none()),
        }
    }

    /// Every group an earlier server left, by sandbox.
    pub(super) fn leftovers(&self) -> Vec<Group> {
        match self {
            Self::V1(tree) => tree.leftovers(),
            Self::V2(tree) => tree.leftovers(),
            Self::None { .. } => Vec::new(),
        }
    }
}

/// The name of a sandbox's directory.
fn name(instance: &str, id: &str) -> String {
    format!("{instance}.{id}")
}

/// The sandboxes of an instance that have a directory in `own`.
fn ids(own: &std::path::Path, instance: &str) -> Vec<String> {
    let names = files::subdirs(own).into_iter().filter_map(|dir| Some(dir.file_name()?.to_str()?.to_owned()));
    names.filter_map(|name| Some(name.strip_prefix(instance)?.strip_prefix('.')?.to_owned())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::Urgency;

    #[test]
    fn the_kernel_takes_it_that_a_group_gives_way_and_gives_its_share_back() {
        let instance = format!("vitrine-test-{}", std::process::id());
        let cgroups = Cgroups::detect(&instance);
        let limits = Limits {
            memory_bytes: 1 << 26,
            cpu_millis: 500,
            pids: 16,
            disk_bytes: 1 << 20,
            open_files: 64,
            urgency: Urgency::Background,
        };
        let group = cgroups.create("one", &limits).unwrap();
        let Some(share) = group.cpu_share.clone() else {
            return eprintln!("no control groups for this user");
        };
        let read = |file: &str| files::number(&share.dir.join(file));
        let by_right = read(share.file);
        let quota = || {
            let version_2 = std::fs::read_to_string(share.dir.join("cpu.max"));
            let version_1 = |file: &str| read(file).unwrap_or_default().to_string();
            version_2
                .unwrap_or_else(|_| version_1("cpu.cfs_quota_us") + " " + &version_1("cpu.cfs_period_us"))
        };
        assert_eq!(quota().trim(), "50000 100000");
        group.give_way(Some(200));
        assert_eq!(quota().trim(), "2000 10000");
        assert!(read("cpu.idle").map_or(read(share.file) < by_right, |idle| idle == 1));
        group.give_way(Some(20));
        assert_eq!(quota().trim(), "1000 50000");
        group.give_way(None);
        assert_eq!(quota().trim(), "50000 100000");
        assert_eq!((read("cpu.idle").unwrap_or(0), read(share.file)), (0, by_right));
        assert_eq!(by_right, share.value.parse().ok());
        let buffers = group.memory.iter().map(|dir| dir.join("memory.kmem.tcp.limit_in_bytes"));
        let limits = buffers.filter_map(|file| files::number(&file)).collect::<Vec<_>>();
        assert!(limits.iter().all(|bytes| *bytes == 1 << 23), "an eighth of the memory: {limits:?}");
        group.remove().unwrap();
        assert!(cgroups.leftovers().is_empty());
    }
}
