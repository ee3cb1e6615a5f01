//! Version 1: a tree for each controller.

use std::path::{Path, PathBuf};

use vitrine_jail::layout::GUEST_PIDS;

use super::files::{GroupError, make_dir, write, write_if_there};
use super::group::{Group, PERIOD_MICROS, Share, set_quota};
use super::place::Place;
use super::{ids, name};
use crate::driver::Limits;

/// Controllers we use: four limit, two serve for counting and freezing.
const CONTROLLERS: [&str; 6] = ["memory", "cpu", "pids", "blkio", "cpuacct", "freezer"];

/// A part so large of a sandbox's memory may be in buffers of TCP, besides: what waits in a hundred sockets that nobody
/// reads is some 16 MiB.
const TCP_SHARE: u64 = 8;

/// The server's own directory of each controller that is there and writable.
#[derive(Debug, Clone)]
pub(in crate::local) struct Tree {
    dirs: Vec<(&'static str, PathBuf)>,
    instance: String,
}

impl Tree {
    pub(super) fn detect(place: &Place, instance: &str) -> Result<Self, String> {
        let dir_of = |controller: &&'static str| {
            let own = place.v1(controller)?;
            is_writable(&own).then_some((*controller, own))
        };
        let dirs: Vec<_> = CONTROLLERS.iter().filter_map(dir_of).collect();
        match dirs.iter().any(|(controller, _)| *controller == "memory") {
            true => Ok(Self { dirs, instance: instance.to_owned() }),
            false => Err("no writable version 1 memory controller".to_owned()),
        }
    }

    pub(super) fn controllers(&self) -> Vec<&'static str> {
        self.dirs.iter().map(|(controller, _)| *controller).collect()
    }

    pub(super) fn create(&self, id: &str, limits: &Limits) -> Result<Group, GroupError> {
        let shares = shares(limits);
        let mut group = self.group(id);
        group.cpu_share =
            group.cpu_share.map(|share| Share { value: shares, millis: limits.cpu_millis, ..share });
        let made = self.dirs.iter().try_for_each(|(controller, own)| {
            let dir = own.join(name(&self.instance, id));
            make_dir(&dir)?;
            set_limits(controller, &dir, limits)
        });
        match made {
            Ok(()) => Ok(group),
            Err(error) => {
                // The first error is the one to tell.
                let _ = group.remove();
                Err(error)
            }
        }
    }

    pub(super) fn leftovers(&self) -> Vec<Group> {
        let mut ids: Vec<String> = self.dirs.iter().flat_map(|(_, own)| ids(own, &self.instance)).collect();
        ids.sort();
        ids.dedup();
        ids.iter().map(|id| self.group(id)).collect()
    }

    fn group(&self, id: &str) -> Group {
        let place = |own: &Path| own.join(name(&self.instance, id));
        let of = |wanted: &str| {
            self.dirs.iter().find(|(controller, _)| *controller == wanted).map(|(_, own)| place(own))
        };
        let mut dirs: Vec<PathBuf> = self.dirs.iter().map(|(_, own)| place(own)).collect();
        // Controllers that are mounted together share a directory.
        dirs.dedup();
        let id = id.to_owned();
        Group {
            id,
            dirs,
            memory: of("memory"),
            cpu_usage: of("cpuacct"),
            cpu_share: of("cpu").map(|dir| Share {
                dir,
                file: "cpu.shares",
                value: String::new(),
                least: "2",
                millis: 0,
            }),
            pids: of("pids"),
            freezer: of("freezer"),
        }
    }
}

fn is_writable(dir: &Path) -> bool {
    rustix::fs::access(dir, rustix::fs::Access::WRITE_OK).is_ok()
}

fn set_limits(controller: &str, dir: &Path, limits: &Limits) -> Result<(), GroupError> {
    match controller {
        "memory" => {
            let bytes = limits.memory_bytes.to_string();
            write(&dir.join("memory.limit_in_bytes"), &bytes)?;
            // Memory and swap together: what was swapped out still counts.
            write_if_there(&dir.join("memory.memsw.limit_in_bytes"), &bytes);
            // Buffers of TCP count for nobody until they have a limit of their own.
            let buffers = limits.memory_bytes / TCP_SHARE;
            write_if_there(&dir.join("memory.kmem.tcp.limit_in_bytes"), &buffers.to_string());
            Ok(())
        }
        "cpu" => {
            let quota = u64::from(limits.cpu_millis) * PERIOD_MICROS / 1_000;
            write(&dir.join("cpu.cfs_period_us"), &PERIOD_MICROS.to_string())?;
            set_quota(dir, quota);
            write(&dir.join("cpu.shares"), &shares(limits))?;
            // What was not used in one period may be used in the next.
            write_if_there(&dir.join("cpu.cfs_burst_us"), &quota.to_string());
            Ok(())
        }
        "blkio" => {
            // Only some schedulers of disks have weights, and each has a file of its own.
            let weight = limits.urgency.io_weight().to_string();
            ["blkio.weight", "blkio.bfq.weight"]
                .iter()
                .for_each(|file| write_if_there(&dir.join(file), &weight));
            Ok(())
        }
        "pids" => write(&dir.join("pids.max"), &(limits.pids + GUEST_PIDS).to_string()),
        _ => Ok(()),
    }
}

/// Version 1 counts from 1,024 where version 2 counts from 100.
fn shares(limits: &Limits) -> String {
    (limits.urgency.cpu_weight() * 1_024 / 100).to_string()
}
