//! Version 2: one tree, of which a part may be ours to divide.

use std::path::{Path, PathBuf};

use vitrine_jail::layout::GUEST_PIDS;

use super::files::{GroupError, make_dir, write, write_if_there};
use super::group::{Group, PERIOD_MICROS, Share};
use super::place::Place;
use super::{ids, name};
use crate::driver::Limits;
#[cfg(test)]
use crate::driver::Urgency;

/// Controllers that limit.
const CONTROLLERS: [&str; 4] = ["memory", "cpu", "pids", "io"];

/// The server's share beside that of each sandbox, which is 100 at most: every answer passes through the server.
const SERVER_WEIGHT: &str = "400";

/// The server's own directory, with its controllers enabled for children.
#[derive(Debug, Clone)]
pub(in crate::local) struct Tree {
    own: PathBuf,
    instance: String,
    controllers: Vec<&'static str>,
}

impl Tree {
    pub(super) fn detect(place: &Place, instance: &str) -> Result<Self, String> {
        let own = place.v2().ok_or("no version 2 control groups")?;
        let available = std::fs::read_to_string(own.join("cgroup.controllers")).unwrap_or_default();
        let controllers: Vec<_> = CONTROLLERS
            .into_iter()
            .filter(|wanted| available.split_whitespace().any(|name| name == *wanted))
            .collect();
        if !controllers.contains(&"memory") {
            return Err("the version 2 group has no memory controller".to_owned());
        }
        let tree = Self { own: home_of(&own), instance: instance.to_owned(), controllers };
        tree.prepare().map_err(|error| format!("the version 2 group is not delegated: {error}"))?;
        Ok(tree)
    }

    /// Enables the controllers for children. A group that has both processes and limited children is not allowed (but
    /// for the tree's root), so whatever is in ours moves to a leaf first.
    fn prepare(&self) -> Result<(), GroupError> {
        let wanted = self.enabling();
        let control = self.own.join("cgroup.subtree_control");
        if write(&control, &wanted).is_err() {
            let leaf = self.own.join(format!("{}{LEAF_SUFFIX}", self.instance));
            make_dir(&leaf)?;
            move_all(&self.own.join("cgroup.procs"), &leaf.join("cgroup.procs"))?;
            write(&control, &wanted)?;
            // There since the controllers are enabled.
            write_if_there(&leaf.join("cpu.weight"), SERVER_WEIGHT);
        }
        self.try_one()
    }

    /// Whether groups can be made at all is seen by making one.
    fn try_one(&self) -> Result<(), GroupError> {
        let dir = self.place("trial");
        make_dir(&dir)?;
        std::fs::remove_dir(&dir).map_err(|source| GroupError { path: dir, source })
    }

    fn place(&self, id: &str) -> PathBuf {
        self.own.join(name(&self.instance, id))
    }

    fn enabling(&self) -> String {
        let wanted: Vec<String> = self.controllers.iter().map(|name| format!("+{name}")).collect();
        wanted.join(" ")
    }

    pub(super) fn controllers(&self) -> Vec<&'static str> {
        self.controllers.clone()
    }

    pub(super) fn create(&self, id: &str, limits: &Limits) -> Result<Group, GroupError> {
        let dir = self.place(id);
        make_dir(&dir)?;
        let mut group = self.group(id);
        let weight = limits.urgency.cpu_weight().to_string();
        group.cpu_share =
            group.cpu_share.map(|share| Share { value: weight, millis: limits.cpu_millis, ..share });
        match self.set_limits(&dir, limits) {
            Ok(()) => Ok(group),
            Err(error) => {
                // The first error is the one to tell.
                let _ = group.remove();
                Err(error)
            }
        }
    }

    fn set_limits(&self, dir: &Path, limits: &Limits) -> Result<(), GroupError> {
        for controller in &self.controllers {
            match *controller {
                "memory" => {
                    write(&dir.join("memory.max"), &limits.memory_bytes.to_string())?;
                    // Version 2 counts swap apart: without this the limit would be twice what it says.
                    write_if_there(&dir.join("memory.swap.max"), "0");
                }
                "cpu" => {
                    let quota = u64::from(limits.cpu_millis) * PERIOD_MICROS / 1_000;
                    write(&dir.join("cpu.max"), &format!("{quota} {PERIOD_MICROS}"))?;
                    write(&dir.join("cpu.weight"), &limits.urgency.cpu_weight().to_string())?;
                    write_if_there(&dir.join("cpu.max.burst"), &quota.to_string());
                }
                "io" => {
                    let weight = limits.urgency.io_weight().to_string();
                    ["io.weight", "io.bfq.weight"]
                        .iter()
                        .for_each(|file| write_if_there(&dir.join(file), &weight));
                }
                _ => write(&dir.join("pids.max"), &(limits.pids + GUEST_PIDS).to_string())?,
            }
        }
        Ok(())
    }

    pub(super) fn leftovers(&self) -> Vec<Group> {
        ids(&self.own, &self.instance).iter().map(|id| self.group(id)).collect()
    }

    fn group(&self, id: &str) -> Group {
        let dir = self.place(id);
        Group {
            id: id.to_owned(),
            memory: Some(dir.clone()),
            cpu_usage: Some(dir.clone()),
            cpu_share: Some(Share {
                dir: dir.clone(),
                file: "cpu.weight",
                value: String::new(),
                least: "1",
                millis: 0,
            }),
            pids: Some(dir.clone()),
            freezer: Some(dir.clone()),
            dirs: vec![dir],
        }
    }
}

/// Reads so often which processes are left to be moved: some end meanwhile, and others are started.
const MOVES: usize = 10;

/// Moves every process of one group to another.
fn move_all(from: &Path, to: &Path) -> Result<(), GroupError> {
    for _ in 0..MOVES {
        let procs = std::fs::read_to_string(from).unwrap_or_default();
        if procs.trim().is_empty() {
            break;
        }
        procs.lines().try_for_each(|pid| match write(to, pid) {
            Err(error) if has_ended(&error.source) => Ok(()),
            result => result,
        })?;
    }
    Ok(())
}

fn has_ended(error: &std::io::Error) -> bool {
    error.raw_os_error() == Some(rustix::io::Errno::SRCH.raw_os_error())
}

/// Ends the name of the leaf that a server moves into.
const LEAF_SUFFIX: &str = "-server";

/// The group to divide: ours, or the one above when this process has moved into its leaf before.
fn home_of(own: &Path) -> PathBuf {
    let is_leaf =
        own.file_name().and_then(|name| name.to_str()).is_some_and(|name| name.ends_with(LEAF_SUFFIX));
    match own.parent() {
        Some(parent) if is_leaf => parent.to_owned(),
        _ => own.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_process_that_ends_while_it_is_moved_is_passed_over() {
        // Version 1 answers as version 2 does to the number of a process that is gone.
        let own = Place::of_this_process().ok().and_then(|place| place.v1("memory").or_else(|| place.v2()));
        let Some(procs) = own.map(|own| own.join("cgroup.procs")) else { return };
        let mut gone = std::process::Command::new("true").spawn().unwrap();
        gone.wait().unwrap();
        match write(&procs, &gone.id().to_string()) {
            Err(error) if has_ended(&error.source) => {}
            _ => return eprintln!("no control groups for this user"),
        }
        let from = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(from.path(), format!("{}\n", gone.id())).unwrap();
        move_all(from.path(), &procs).unwrap();
    }

    #[test]
    fn limits_are_written_as_the_kernel_reads_them() {
        let top = tempfile::tempdir().unwrap();
        let (own, instance) = (top.path().to_owned(), "vitrine-x".to_owned());
        let tree = Tree { own, instance, controllers: CONTROLLERS.to_vec() };
        let limits = Limits {
            memory_bytes: 1 << 29,
            cpu_millis: 500,
            urgency: Urgency::Background,
            pids: 256,
            disk_bytes: 1 << 30,
            open_files: 1024,
        };
        let group = tree.create("sbx", &limits).unwrap();
        let dir = top.path().join("vitrine-x.sbx");
        let read = |file: &str| std::fs::read_to_string(dir.join(file)).unwrap();
        assert_eq!(tree.enabling(), "+memory +cpu +pids +io");
        assert_eq!(read("memory.max"), "536870912");
        assert_eq!(read("cpu.max"), "50000 100000");
        assert_eq!(read("cpu.weight"), "20");
        assert_eq!(read("pids.max"), (256 + GUEST_PIDS).to_string());
        assert_eq!(group.procs(), [dir.join("cgroup.procs")]);
        std::fs::write(dir.join("memory.events"), "low 0\noom 2\noom_kill 1\n").unwrap();
        std::fs::write(dir.join("cpu.stat"), "usage_usec 77\nuser_usec 70\n").unwrap();
        assert_eq!(group.oom_kills(), 1);
        assert_eq!(group.usage().cpu_micros, 77);
        std::fs::write(dir.join("cpu.idle"), "0").unwrap();
        group.give_way(Some(200));
        assert_eq!((read("cpu.idle").as_str(), read("cpu.weight").as_str()), ("1", "20"));
        assert_eq!(read("cpu.max"), "2000 10000");
        group.give_way(None);
        assert_eq!(read("cpu.max"), "50000 100000");
        assert_eq!((read("cpu.idle").as_str(), read("cpu.weight").as_str()), ("0", "20"));
        std::fs::remove_file(dir.join("cpu.idle")).unwrap();
        group.give_way(Some(200));
        assert_eq!(read("cpu.weight"), "1", "a kernel without idle groups");
        assert_eq!(tree.leftovers().len(), 1);
    }
}
