//! One sandbox to attack from inside, as it ships or with walls missing.

use std::collections::BTreeMap;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::ExitCode;

use tempfile::TempDir;
use vitrine_jail::walls::{self, Wall};
use vitrine_jail::{attempts, guest, launch};
use vitrine_sandbox::driver::{Command, ExecOutput, Mount, SCRATCH_DIR, Started};
use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};
use vitrine_sandbox::{Driver, Sandbox};

use crate::bait::{Bait, KEY};
use crate::support;

/// Where the program with the attempts is inside.
pub(crate) const ATTEMPT: &str = "/opt/attempt";

/// A running sandbox.
pub(crate) struct Arena<'a> {
    bait: &'a Bait,
    missing: Vec<Wall>,
    started: Started,
    _driver: LocalDriver,
    /// What it may write to outside.
    pub(crate) left: std::path::PathBuf,
    _dir: TempDir,
}

impl<'a> Arena<'a> {
    /// Starts a sandbox without the walls in `missing`.
    pub(crate) async fn start(bait: &'a Bait, missing: &[Wall]) -> Self {
        let dir = open_dir();
        let left = dir.path().join("left");
        std::fs::create_dir(&left).unwrap();
        std::fs::set_permissions(&left, PermissionsExt::from_mode(0o777)).unwrap();
        let driver = driver(bait, dir.path());
        if !missing.is_empty() {
            weaken(bait, dir.path(), missing);
        }
        let mounts = vec![
            Mount::ReadOnly { source: bait.attempt.clone(), target: ATTEMPT.into() },
            Mount::ReadOnly { source: bait.shared.clone(), target: "/opt/shared".into() },
            Mount::Writable { source: left.clone(), target: "/opt/left".into() },
        ];
        let mut spec = support::spec(mounts);
        // A fifth of a core, so that more than that is told apart on a busy machine as well.
        spec.limits.cpu_millis = 200;
        let started = driver.start(spec).await.unwrap();
        Self { bait, missing: missing.to_vec(), started, _driver: driver, left, _dir: dir }
    }

    /// Another one, of the same kind.
    pub(crate) async fn neighbour(&self) -> Self {
        Self::start(self.bait, &self.missing).await
    }

    /// The sandbox.
    pub(crate) fn sandbox(&self) -> &dyn Sandbox {
        self.started.sandbox.as_ref()
    }

    /// Runs an attempt.
    pub(crate) async fn attempt(&self, words: &[String]) -> ExecOutput {
        let argv = [ATTEMPT, "attempt"].into_iter().map(str::to_owned).chain(words.iter().cloned()).collect();
        let command = Command { argv, env: BTreeMap::new(), cwd: SCRATCH_DIR.to_owned() };
        self.sandbox().exec(command, support::limits()).await.unwrap()
    }

    /// Runs a shell's words.
    pub(crate) async fn sh(&self, script: &str) -> ExecOutput {
        self.sandbox().exec(support::sh(script), support::limits()).await.unwrap()
    }

    /// Ends it; whatever got out of a process namespace that was missing is killed by its control group.
    pub(crate) async fn end(self) {
        self.sandbox().stop().await.unwrap();
    }
}

/// A directory that others may pass through, as the state of a server is.
pub(crate) fn open_dir() -> TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o755)).unwrap();
    dir
}

/// A driver with its state in `dir`, and the root and the launcher that the bait has: a program that was written while
/// another thread started a process cannot be executed for a moment.
pub(crate) fn driver(bait: &Bait, dir: &Path) -> LocalDriver {
    std::fs::create_dir_all(dir.join("state/bin")).unwrap();
    std::fs::hard_link(&bait.attempt, dir.join("state/bin").join(bait.attempt.file_name().unwrap())).unwrap();
    let config = LocalConfig {
        state_dir: dir.join("state"),
        root: RootSource::Directory(bait.root.clone()),
        ids: HostIds::default(),
    };
    LocalDriver::new(config).unwrap()
}

/// Leaves walls out of the sandboxes that the driver with its state in `dir` makes from now on.
pub(crate) fn weaken(bait: &Bait, dir: &Path, missing: &[Wall]) {
    let numbers = missing.iter().map(|wall| (*wall as u8).to_string()).collect::<Vec<_>>().join(",");
    replace_launcher(bait, dir, &format!("launch-without {numbers}"));
}

/// Puts this program, with the given words, in the place of the launcher that the driver has written.
pub(crate) fn replace_launcher(bait: &Bait, dir: &Path, words: &str) {
    let bin = dir.join("state/bin");
    let launcher = bin.join(bait.attempt.file_name().unwrap());
    std::fs::remove_file(&launcher).unwrap();
    std::fs::write(bin.join("words"), format!("{words}\n")).unwrap();
    std::fs::hard_link(&bait.launcher, launcher).unwrap();
}

/// The launcher without some walls: what [`replace_launcher`] starts.
pub(crate) fn launch_without(numbers: &str) -> ExitCode {
    leave_out(numbers);
    // In the place of whatever keys a server may hold.
    if attempts::outside::hold_key(KEY).is_err() {
        return ExitCode::FAILURE;
    }
    launch::run()
}

/// The guest that such a launcher becomes.
pub(crate) fn be_guest(numbers: &str) -> ExitCode {
    leave_out(numbers.strip_prefix(walls::MARK).unwrap());
    guest::run()
}

fn leave_out(numbers: &str) {
    let numbers = numbers.split(',').filter(|number| !number.is_empty());
    let missing: Vec<Wall> = numbers.map(|number| Wall::numbered(number.parse().unwrap()).unwrap()).collect();
    walls::leave_out(&missing);
}
