//! Freezing a group, and giving its memory back.

use std::path::Path;
use std::time::{Duration, Instant};

use super::files::{self, GroupError};
use super::group::Group;

/// How long every process of a group may take to stop. One in the middle of a long system call keeps the others waiting.
const FROZEN_WITHIN: Duration = Duration::from_secs(2);

/// How long the kernel may refuse to let them go on.
const THAWED_WITHIN: Duration = Duration::from_millis(200);

/// How often is looked whether they have.
const LOOK_EVERY: Duration = Duration::from_millis(1);

/// Given back at once: a sandbox that is wanted again waits for one step, some milliseconds, at most.
const STEP_BYTES: u64 = 8 << 20;

/// Steps that may bring nothing before the rest is taken for what has to stay.
const FRUITLESS_STEPS: u32 = 3;

impl Group {
    /// True when there is a freezer for it.
    pub(in crate::local) fn can_freeze(&self) -> bool {
        self.freezer.as_deref().is_some_and(|dir| Freezer::of(dir).is_some())
    }

    /// Stops every process in it. Blocks until they have stopped; an error, and all of them running, when that takes too
    /// long.
    pub(in crate::local) fn freeze(&self) -> Result<(), GroupError> {
        let dir = self.freezer.as_deref().unwrap_or(Path::new(""));
        let freezer = Freezer::of(dir).ok_or_else(|| error(dir, std::io::ErrorKind::Unsupported))?;
        let deadline = Instant::now() + FROZEN_WITHIN;
        freezer.set(true)?;
        while !freezer.is_frozen() {
            if Instant::now() >= deadline {
                self.thaw()?;
                return Err(error(dir, std::io::ErrorKind::TimedOut));
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }

    /// Lets them go on. Nothing happens when they run, where there is no freezer, and when the group is gone. Tried again for
    /// a moment: a machine may be out of files or memory, and who stays frozen answers nobody.
    pub(in crate::local) fn thaw(&self) -> Result<(), GroupError> {
        let Some(freezer) = self.freezer.as_deref().and_then(Freezer::of) else { return Ok(()) };
        let deadline = Instant::now() + THAWED_WITHIN;
        loop {
            match freezer.set(false) {
                Err(error) if error.source.kind() == std::io::ErrorKind::NotFound => return Ok(()),
                Err(error) if Instant::now() >= deadline => return Err(error),
                Err(_) => std::thread::sleep(LOOK_EVERY),
                Ok(()) => return Ok(()),
            }
        }
    }

    /// Has the kernel take its memory, step by step, for as long as `goes_on` says so and it brings something. Blocks.
    pub(in crate::local) fn reclaim(&self, goes_on: impl Fn() -> bool) {
        let Some(memory) = &self.memory else { return };
        let by_amount = memory.join("memory.reclaim");
        match by_amount.exists() {
            true => self.reclaim_by_amount(memory, &by_amount, goes_on),
            false => self.reclaim_by_limit(memory, goes_on),
        }
    }

    /// Version 2 takes an amount (kernel documentation, `cgroup-v2`, "memory.reclaim"). Its swap is closed while it runs.
    fn reclaim_by_amount(&self, memory: &Path, reclaim: &Path, goes_on: impl Fn() -> bool) {
        let swap = memory.join("memory.swap.max");
        files::write_if_there(&swap, "max");
        // Only what the sandbox holds for itself, where the kernel can be told so (6.16 and later; a number before that):
        // files of the layer that it read first are charged to it and used by its neighbours.
        let wishes = [
            format!("{STEP_BYTES} swappiness=max"),
            format!("{STEP_BYTES} swappiness=200"),
            STEP_BYTES.to_string(),
        ];
        self.step_by_step(goes_on, |_| {
            let is_understood = |result: &Result<(), GroupError>| {
                !matches!(result, Err(error) if error.source.kind() == std::io::ErrorKind::InvalidInput)
            };
            let mut results = wishes.iter().map(|wish| files::write(reclaim, wish));
            results.find(is_understood).unwrap_or(Ok(()))
        });
        files::write_if_there(&swap, "0");
    }

    /// Version 1 takes what is over the limit when the limit is lowered (kernel documentation, `cgroup-v1/memory`).
    fn reclaim_by_limit(&self, memory: &Path, goes_on: impl Fn() -> bool) {
        let limit = memory.join("memory.limit_in_bytes");
        let Some(by_right) = files::number(&limit) else { return };
        // Its own memory before files, which may be its neighbours' as well; kernels before 5.8 take 100 at most.
        let swappiness = memory.join("memory.swappiness");
        let usual = files::number(&swappiness);
        ["100", "200"].iter().for_each(|value| files::write_if_there(&swappiness, value));
        self.step_by_step(goes_on, |used| files::write(&limit, &used.saturating_sub(STEP_BYTES).to_string()));
        files::write_if_there(&limit, &by_right.to_string());
        files::write_if_there(&swappiness, &usual.unwrap_or(60).to_string());
    }

    fn step_by_step(&self, goes_on: impl Fn() -> bool, step: impl Fn(u64) -> Result<(), GroupError>) {
        let (mut used, mut fruitless) = (self.usage().memory_bytes, 0);
        while used > 0 && fruitless < FRUITLESS_STEPS && goes_on() {
            // The kernel says no when it got less than was asked for; what it got is seen below.
            let _ = step(used);
            let now = self.usage().memory_bytes;
            fruitless = if now + STEP_BYTES / 4 < used { 0 } else { fruitless + 1 };
            used = now;
        }
    }
}

/// The two kinds of freezer.
enum Freezer<'a> {
    V1(&'a Path),
    V2(&'a Path),
}

impl<'a> Freezer<'a> {
    fn of(dir: &'a Path) -> Option<Self> {
        match (dir.join("freezer.state").exists(), dir.join("cgroup.freeze").exists()) {
            (true, _) => Some(Self::V1(dir)),
            (_, true) => Some(Self::V2(dir)),
            _ => None,
        }
    }

    fn set(&self, is_frozen: bool) -> Result<(), GroupError> {
        match self {
            Self::V1(dir) => {
                files::write(&dir.join("freezer.state"), if is_frozen { "FROZEN" } else { "THAWED" })
            }
            Self::V2(dir) => files::write(&dir.join("cgroup.freeze"), if is_frozen { "1" } else { "0" }),
        }
    }

    fn is_frozen(&self) -> bool {
        match self {
            // `FREEZING` until the last has stopped.
            Self::V1(dir) => std::fs::read_to_string(dir.join("freezer.state"))
                .is_ok_and(|state| state.trim_end() == "FROZEN"),
            Self::V2(dir) => files::field(&dir.join("cgroup.events"), "frozen") == Some(1),
        }
    }
}

fn error(dir: &Path, kind: std::io::ErrorKind) -> GroupError {
    GroupError { path: dir.join("freezer"), source: kind.into() }
}
