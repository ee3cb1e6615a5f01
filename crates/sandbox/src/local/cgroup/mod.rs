//! Control groups: how a sandbox's share of the machine is limited and counted.
//!
//! Three machines are known: separate controllers (version 1), one tree (version 2, where this user may write to its
//! part of it), and neither, which is an ordinary user without delegation. A sandbox's group is
//! `…/vitrine-<instance>/<id>` beneath the server's own, so that limits on the server hold for its sandboxes too; the
//! instance comes from the state directory, so that two servers on one machine never meet.

mod files;
mod group;
mod place;
mod v1;
mod v2;

use std::path::PathBuf;

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

    /// Removes the instance's own directories when they are empty.
    pub(super) fn remove_instance(&self) {
        let dirs: Vec<PathBuf> = match self {
            Self::V1(tree) => tree.instance_dirs(),
            Self::V2(tree) => tree.instance_dirs(),
            Self::None { .. } => Vec::new(),
        };
        // Still in use, or gone already: both are fine.
        dirs.iter().for_each(|dir| drop(std::fs::remove_dir(dir)));
    }
}
