//! The group of one sandbox.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use super::files::{self, GroupError};
use crate::driver::Usage;

/// How long a killed process may take to leave its group.
const EMPTY_WITHIN: Duration = Duration::from_secs(5);

/// The length of a scheduling period: the kernel's default.
pub(super) const PERIOD_MICROS: u64 = 100_000;

/// The same of a group that gives way: what the scheduler lets it run for in one go is over sooner.
const YIELDING_PERIOD_MICROS: u64 = 10_000;

/// The smallest quota that the kernel takes.
const LEAST_QUOTA_MICROS: u64 = 1_000;

/// How often a group that is not empty yet is tried again.
const RETRY_EVERY: Duration = Duration::from_millis(1);

/// Where a sandbox's numbers are. Dropping it does nothing; see [`Group::remove`].
#[derive(Debug, Clone, Default)]
pub(in crate::local) struct Group {
    /// The sandbox's id.
    pub(super) id: String,
    /// Every directory of the group.
    pub(super) dirs: Vec<PathBuf>,
    /// Holds `memory.*`, of either version.
    pub(super) memory: Option<PathBuf>,
    /// Holds `cpuacct.usage` (version 1) or `cpu.stat` (version 2).
    pub(super) cpu_usage: Option<PathBuf>,
    /// Holds what says who gets the processor, with the share that the sandbox has by right.
    pub(super) cpu_share: Option<Share>,
    /// Holds `pids.current`.
    pub(super) pids: Option<PathBuf>,
    /// Holds `freezer.state` (version 1) or `cgroup.freeze` (version 2).
    pub(super) freezer: Option<PathBuf>,
}

/// A sandbox's share of the processor.
#[derive(Debug, Clone)]
pub(in crate::local) struct Share {
    pub(super) dir: PathBuf,
    /// Where the share is set: `cpu.shares` (version 1) or `cpu.weight` (version 2).
    pub(super) file: &'static str,
    /// What it is by right.
    pub(super) value: String,
    /// The smallest that the kernel takes.
    pub(super) least: &'static str,
    /// The most it may use by right, in thousandths of a core.
    pub(super) millis: u32,
}

impl Share {
    /// Sets the quota: for one that gives way with short periods, so that it never runs for long at a time; else as it was
    /// made. A burst may not be larger than the quota, so it goes first and comes last. Version 1 refuses whatever would be
    /// more than the group around it has, be it between two writes: quota before period on the way down, after it on the
    /// way up.
    fn limit(&self, at_most: Option<u32>) {
        let (quota, period, burst) = match at_most {
            Some(millis) => {
                let period =
                    YIELDING_PERIOD_MICROS.max(LEAST_QUOTA_MICROS * 1_000 / u64::from(millis.max(1)));
                let period = period.min(PERIOD_MICROS);
                let quota = (u64::from(millis) * period / 1_000).max(LEAST_QUOTA_MICROS);
                (quota, period, 0)
            }
            None => {
                let quota = u64::from(self.millis) * PERIOD_MICROS / 1_000;
                (quota, PERIOD_MICROS, quota)
            }
        };
        let set = |name: &str, value: String| files::write_if_there(&self.dir.join(name), &value);
        set("cpu.cfs_burst_us", "0".to_owned());
        set("cpu.max.burst", "0".to_owned());
        if at_most.is_some() {
            set("cpu.cfs_quota_us", quota.to_string());
        }
        set("cpu.cfs_period_us", period.to_string());
        set_quota(&self.dir, quota);
        set("cpu.max", format!("{quota} {period}"));
        set("cpu.cfs_burst_us", burst.to_string());
        set("cpu.max.burst", burst.to_string());
    }
}

/// Sets a quota of version 1. More than the group around it has is refused: then that one's is the limit.
pub(super) fn set_quota(dir: &Path, quota: u64) {
    let file = dir.join("cpu.cfs_quota_us");
    if file.exists() && files::write(&file, &quota.to_string()).is_err() {
        files::write_if_there(&file, "-1");
    }
}

impl Group {
    /// The group of a sandbox on a machine without control groups.
    pub(super) fn none() -> Self {
        Self::default()
    }

    /// The sandbox it was made for.
    pub(in crate::local) fn id(&self) -> &str {
        &self.id
    }

    /// Where the freezer of version 1 is told to let go: frozen by it, nobody dies.
    pub(in crate::local) fn freezer_state(&self) -> Option<PathBuf> {
        self.freezer.as_ref().map(|dir| dir.join("freezer.state")).filter(|file| file.exists())
    }

    /// What the launcher writes itself into.
    pub(in crate::local) fn procs(&self) -> Vec<PathBuf> {
        self.dirs.iter().map(|dir| dir.join("cgroup.procs")).collect()
    }

    /// How many processes the kernel has killed because the memory limit was reached.
    pub(in crate::local) fn oom_kills(&self) -> u64 {
        let Some(memory) = &self.memory else { return 0 };
        let version_1 = files::field(&memory.join("memory.oom_control"), "oom_kill");
        version_1.or_else(|| files::field(&memory.join("memory.events"), "oom_kill")).unwrap_or(0)
    }

    /// What it uses now.
    pub(in crate::local) fn usage(&self) -> Usage {
        let in_file =
            |dir: &Option<PathBuf>, name: &str| dir.as_ref().and_then(|dir| files::number(&dir.join(name)));
        let memory = in_file(&self.memory, "memory.usage_in_bytes")
            .or_else(|| in_file(&self.memory, "memory.current"));
        Usage {
            memory_bytes: memory.unwrap_or(0),
            swap_bytes: self.swapped(),
            cpu_micros: u64::try_from(self.cpu_time().as_micros()).unwrap_or(u64::MAX),
            pids: in_file(&self.pids, "pids.current").and_then(|pids| u32::try_from(pids).ok()).unwrap_or(0),
            oom_kills: self.oom_kills(),
        }
    }

    /// The processor time it has used so far.
    pub(in crate::local) fn cpu_time(&self) -> Duration {
        let Some(dir) = &self.cpu_usage else { return Duration::ZERO };
        let version_1 = files::number(&dir.join("cpuacct.usage")).map(Duration::from_nanos);
        let version_2 = || files::field(&dir.join("cpu.stat"), "usage_usec").map(Duration::from_micros);
        version_1.or_else(version_2).unwrap_or_default()
    }

    /// Makes the group idle to the scheduler and lets it use so many thousandths of a core at most, or gives it back what it
    /// has by right. Kernels before 5.15 have no idle groups: there it gets the smallest share that exists.
    pub(in crate::local) fn give_way(&self, at_most: Option<u32>) {
        let Some(share) = &self.cpu_share else { return };
        share.limit(at_most);
        let idle = share.dir.join("cpu.idle");
        let weight = share.dir.join(share.file);
        let has_idle = idle.exists();
        match at_most.is_some() {
            true if has_idle => files::write_if_there(&idle, "1"),
            true => files::write_if_there(&weight, share.least),
            false => {
                files::write_if_there(&idle, "0");
                // Ceasing to be idle brings the kernel's default back, not what was set.
                files::write_if_there(&weight, &share.value);
            }
        }
    }

    fn swapped(&self) -> u64 {
        let Some(memory) = &self.memory else { return 0 };
        let version_1 = || files::field(&memory.join("memory.stat"), "swap");
        files::number(&memory.join("memory.swap.current")).or_else(version_1).unwrap_or(0)
    }

    /// True when processes are in it.
    pub(in crate::local) fn is_populated(&self) -> bool {
        self.dirs.iter().any(|dir| !members(dir).is_empty())
    }

    /// Kills whatever is in it and removes it. Blocks until it is gone; an error when that takes too long.
    pub(in crate::local) fn remove(&self) -> Result<(), GroupError> {
        let deadline = Instant::now() + EMPTY_WITHIN;
        self.dirs.iter().try_for_each(|dir| self.remove_dir(dir, deadline))
    }

    fn remove_dir(&self, dir: &Path, deadline: Instant) -> Result<(), GroupError> {
        loop {
            match std::fs::remove_dir(dir) {
                Ok(()) => return Ok(()),
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(source) if Instant::now() >= deadline => {
                    return Err(GroupError { path: dir.to_owned(), source });
                }
                Err(_) => {
                    self.kill_members(dir);
                    std::thread::sleep(RETRY_EVERY);
                }
            }
        }
    }

    fn kill_members(&self, dir: &Path) {
        // A frozen process cannot die. Whoever empties the group comes again.
        let _ = self.thaw();
        for pid in members(dir) {
            // Gone already is as good.
            let _ = kill_process(pid, Signal::KILL);
        }
    }
}

fn members(dir: &Path) -> Vec<Pid> {
    let procs = std::fs::read_to_string(dir.join("cgroup.procs")).unwrap_or_default();
    procs.lines().filter_map(|line| Pid::from_raw(line.parse().ok()?)).collect()
}
