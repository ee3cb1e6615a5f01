//! A driver for tests: no isolation, no processes. Files are held in memory and the dev server is a few tasks in this
//! process, so that everything above the driver can be tested without a kernel that allows sandboxes.

mod dev_server;
mod sandbox;
mod websocket;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use async_trait::async_trait;
use bytes::Bytes;
use tokio::sync::mpsc;
use vitrine_model::{ProjectPath, SandboxId};

pub use sandbox::FakeSandbox;

use crate::driver::{Command, Driver, DriverError, EndReason, Exit, OrphanReport, SandboxSpec, Started};

/// Events that wait for their reader; lines beyond are dropped and counted.
const MAX_WAITING_EVENTS: usize = 1_024;

/// What the next starts and spawns do.
#[derive(Debug, Clone, Default)]
pub struct FakeScript {
    /// Refuses to start sandboxes, with this reason.
    pub refuse_start: Option<String>,
    /// Its sandboxes say that they cannot be frozen.
    pub cannot_freeze: bool,
    /// Takes files and never says so.
    pub stalls: bool,
    /// What a spawned dev server does.
    pub dev: FakeDev,
    /// Lines a dev server writes to standard output when it starts.
    pub output: Vec<String>,
    /// Lines it writes to standard error.
    pub errors: Vec<String>,
    /// What a watched command does.
    pub run: FakeRun,
    /// What a build does: a command spawned under the name [`BUILD`].
    pub build: FakeBuild,
}

/// The name under which a command is taken for a build: the one that the build pipeline spawns it under.
pub const BUILD: &str = "build";

/// What a build does.
#[derive(Debug, Clone, Default)]
pub struct FakeBuild {
    /// Lines it writes to standard output.
    pub output: Vec<String>,
    /// Lines it writes to standard error.
    pub errors: Vec<String>,
    /// Files it leaves in the project.
    pub leaves: Vec<(ProjectPath, Bytes)>,
    /// How it ends; it never does by itself when there is nothing here.
    pub exit: Option<Exit>,
}

/// What a watched command does.
#[derive(Debug, Clone, Default)]
pub struct FakeRun {
    /// What it writes: to standard error where true.
    pub output: Vec<(bool, Bytes)>,
    /// How it ends; it never does by itself when there is nothing here.
    pub exit: Option<Exit>,
}

/// What a dev server does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum FakeDev {
    /// Listens and serves the files it is given.
    #[default]
    Serves,
    /// Ends at once with this exit code.
    Exits(i32),
    /// Runs without listening.
    NeverListens,
    /// Listens and never answers.
    NeverAnswers,
    /// Writes this many lines, then serves.
    Floods(u32),
}

/// Makes [`FakeSandbox`]es. Clones are the same driver.
#[derive(Clone, Default)]
pub struct FakeDriver {
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    script: Mutex<FakeScript>,
    running: Mutex<BTreeMap<SandboxId, Weak<FakeSandbox>>>,
    starts: AtomicU64,
    stops: AtomicU64,
    spawned: Mutex<Vec<(String, Command)>>,
    ran: Mutex<Vec<Command>>,
    watched: Arc<AtomicU64>,
}

impl FakeDriver {
    /// A driver that does everything asked of it.
    pub fn new() -> Self {
        Self::default()
    }

    /// Changes what the next starts and spawns do.
    pub fn script(&self, change: impl FnOnce(&mut FakeScript)) {
        change(&mut lock(&self.shared.script));
    }

    /// How many sandboxes were started.
    pub fn starts(&self) -> u64 {
        self.shared.starts.load(Ordering::SeqCst)
    }

    /// How many have ended, however.
    pub fn stops(&self) -> u64 {
        self.shared.stops.load(Ordering::SeqCst)
    }

    /// The commands that were spawned under this name, the first one first.
    pub fn spawned(&self, name: &str) -> Vec<Command> {
        let spawned = lock(&self.shared.spawned);
        spawned.iter().filter(|(under, _)| under == name).map(|(_, command)| command.clone()).collect()
    }

    /// The commands that were watched, the first one first.
    pub fn ran(&self) -> Vec<Command> {
        lock(&self.shared.ran).clone()
    }

    /// How many watched commands run.
    pub fn watched(&self) -> u64 {
        self.shared.watched.load(Ordering::SeqCst)
    }

    /// Those that run, in the order of their ids.
    pub fn running(&self) -> Vec<Arc<FakeSandbox>> {
        let running = lock(&self.shared.running);
        running.values().filter_map(Weak::upgrade).filter(|sandbox| !sandbox.has_ended()).collect()
    }

    /// Ends a sandbox from outside, as the kernel or a crash would; nothing when it does not run.
    pub async fn end(&self, id: &SandboxId, reason: EndReason) {
        let sandbox = lock(&self.shared.running).get(id).and_then(Weak::upgrade);
        if let Some(sandbox) = sandbox {
            sandbox.end(reason).await;
        }
    }
}

#[async_trait]
impl Driver for FakeDriver {
    fn name(&self) -> &'static str {
        "fake"
    }

    async fn start(&self, spec: SandboxSpec) -> Result<Started, DriverError> {
        if let Some(reason) = lock(&self.shared.script).refuse_start.clone() {
            return Err(DriverError::Unsupported(reason));
        }
        let (sender, events) = mpsc::channel(MAX_WAITING_EVENTS);
        let sandbox = Arc::new(FakeSandbox::new(spec.id.clone(), self.shared.clone(), sender));
        let mut running = lock(&self.shared.running);
        if running.get(&spec.id).and_then(Weak::upgrade).is_some_and(|old| !old.has_ended()) {
            return Err(DriverError::Setup {
                step: "start".to_owned(),
                reason: format!("{} runs already", spec.id),
            });
        }
        running.insert(spec.id, Arc::downgrade(&sandbox));
        self.shared.starts.fetch_add(1, Ordering::SeqCst);
        Ok(Started { sandbox, events })
    }

    async fn remove_orphans(&self) -> Result<OrphanReport, DriverError> {
        Ok(OrphanReport::default())
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
