//! The build command in its sandbox, from a clean start to an output that is out of it.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tokio::sync::mpsc;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;
use vitrine_model::ProjectPath;
use vitrine_sandbox::Driver;
use vitrine_sandbox::driver::{
    CollectLimits, DriverError, EndReason, Exit, FileBatch, Limits, Mount, PROJECT_DIR, RefusalReason,
    Refused, Sandbox, SandboxEvent, SandboxSpec, Started, TOOLCHAIN_DIR, Urgency,
};

use super::error::{BuildError, ReachedLimit, refused_in};
use super::log::{BuildLog, LogBook};
use super::{BuildLimits, BuildRequest, BuildUsage, environment, words};
use crate::Files;
use crate::compile_cache::COMPILE_CACHE_DIR;

/// The name of the build command among its sandbox's.
const BUILD: &str = "build";

/// How often it is looked at what a build uses: seldom enough to cost nothing.
const LOOK_EVERY: Duration = Duration::from_millis(250);

/// A command that succeeded, and what it left.
pub(super) struct Ran {
    pub(super) files: Files,
    pub(super) duration: Duration,
    pub(super) usage: BuildUsage,
    pub(super) needed_memory_bytes: Option<u64>,
    /// Of its sandbox, where there was one.
    pub(super) ending: Option<Ending>,
}

/// The end of a sandbox that is no longer needed, in a task of its own: it goes also when nobody waits for that.
#[derive(Debug)]
pub(super) struct Ending(JoinHandle<()>);

impl Ending {
    fn begin(sandbox: Arc<dyn Sandbox>) -> Self {
        Self(tokio::spawn(async move { stop(sandbox.as_ref()).await }))
    }

    pub(super) async fn wait(self) {
        if let Err(error) = self.0.await {
            tracing::error!(%error, "nobody knows whether a build's sandbox was removed");
        }
    }
}

async fn stop(sandbox: &dyn Sandbox) {
    if let Err(error) = sandbox.stop().await {
        tracing::error!(sandbox = %sandbox.id(), %error, "a build's sandbox was not removed cleanly");
    }
}

/// The project's files as a site: without those that only tools read.
pub(super) fn as_is(request: &BuildRequest) -> Result<Ran, BuildError> {
    let folder = request.plan.output_folder();
    let prefix = folder.as_ref().map(|folder| format!("{folder}/")).unwrap_or_default();
    let served = request.files.iter().filter_map(|file| {
        let inside = file.path.as_str().strip_prefix(&prefix)?;
        let path = ProjectPath::parse(inside).ok().filter(is_served)?;
        Some((path, file.content.clone()))
    });
    let files: Files = served.collect();
    let refused = over(&files, request.limits.output);
    match refused.is_empty() {
        true => Ok(Ran {
            files,
            duration: Duration::ZERO,
            usage: BuildUsage::default(),
            needed_memory_bytes: None,
            ending: None,
        }),
        false => Err(refused_in(folder.as_ref(), refused)),
    }
}

/// Hidden files, lockfiles and `package.json` are a project's, not a site's; `.well-known` is (RFC 8615).
fn is_served(path: &ProjectPath) -> bool {
    let is_hidden =
        path.as_str().split('/').any(|segment| segment.starts_with('.') && segment != ".well-known");
    let is_tools = path.is_lockfile() || (path.is_at_root() && path.as_str() == "package.json");
    !is_hidden && !is_tools
}

fn over(files: &Files, limits: CollectLimits) -> Vec<Refused> {
    let mut refused: Vec<Refused> = files
        .iter()
        .filter(|(_, content)| content.len() as u64 > limits.file_bytes)
        .map(|(path, _)| Refused {
            path: path.as_str().to_owned(),
            reason: RefusalReason::FileTooLarge(limits.file_bytes),
        })
        .collect();
    let whole = |reason| Refused { path: String::new(), reason };
    if files.len() > limits.files {
        refused.push(whole(RefusalReason::TooManyFiles(limits.files)));
    }
    if files.values().map(|content| content.len() as u64).sum::<u64>() > limits.total_bytes {
        refused.push(whole(RefusalReason::TooManyBytes(limits.total_bytes)));
    }
    refused
}

/// Runs the command; once more with twice the memory when it ran out of it.
pub(super) async fn run(
    driver: &dyn Driver,
    request: &BuildRequest,
    log: &dyn BuildLog,
    cancel: &CancellationToken,
) -> Result<Ran, BuildError> {
    let mut book = LogBook::new(log, &request.guard);
    let first = attempt(driver, request, &request.limits, &mut book, cancel).await;
    let outcome = match (first, request.limits.doubled()) {
        (Err(BuildError::Limit(ReachedLimit::Memory(bytes))), Some(more)) => {
            book.say(&format!(
                "The build ran out of its {} MiB of memory; it starts anew with {} MiB.",
                bytes >> 20,
                more.memory_bytes >> 20
            ));
            book.forget_words();
            let second = attempt(driver, request, &more, &mut book, cancel).await;
            second.map(|ran| Ran { needed_memory_bytes: Some(more.memory_bytes), ..ran })
        }
        (first, _) => first,
    };
    book.finish();
    outcome
}

/// One sandbox from its start to its end. When this fails, it is gone; when it succeeds, it is going.
async fn attempt(
    driver: &dyn Driver,
    request: &BuildRequest,
    limits: &BuildLimits,
    book: &mut LogBook<'_>,
    cancel: &CancellationToken,
) -> Result<Ran, BuildError> {
    let command = environment::command(request, limits.memory_bytes)?;
    let starting = driver.start(spec(request, limits));
    let Started { sandbox, events } =
        cancel.run_until_cancelled(starting).await.ok_or(BuildError::Cancelled)??;
    let mut attempt = Attempt {
        sandbox: sandbox.clone(),
        request,
        limits,
        book,
        usage: BuildUsage::default(),
        peak_pids: 0,
        oom_kills: 0,
    };
    let running = tokio::time::timeout(limits.wall, attempt.run(command, events));
    let outcome = match cancel.run_until_cancelled(running).await {
        None => Err(BuildError::Cancelled),
        Some(Err(_)) => Err(BuildError::TimedOut(limits.wall)),
        Some(Ok(outcome)) => outcome,
    };
    // Whatever happened: nothing outlives the build. What it left is here, and can be looked through meanwhile.
    match outcome {
        Ok(ran) => Ok(Ran { ending: Some(Ending::begin(sandbox)), ..ran }),
        Err(error) => {
            stop(sandbox.as_ref()).await;
            Err(error)
        }
    }
}

fn spec(request: &BuildRequest, limits: &BuildLimits) -> SandboxSpec {
    let mut mounts =
        vec![Mount::ReadOnly { source: request.toolchain.clone(), target: TOOLCHAIN_DIR.into() }];
    mounts.extend(
        request
            .compile_cache
            .iter()
            .map(|source| Mount::ReadOnly { source: source.clone(), target: COMPILE_CACHE_DIR.into() }),
    );
    mounts.extend(request.node_modules.iter().map(|node_modules| Mount::Overlay {
        lowers: vec![node_modules.clone()],
        target: format!("{PROJECT_DIR}/node_modules").into(),
    }));
    let limits = Limits {
        memory_bytes: limits.memory_bytes,
        cpu_millis: limits.cpu_millis,
        urgency: Urgency::Background,
        pids: limits.pids,
        disk_bytes: limits.disk_bytes,
        open_files: limits.open_files,
    };
    SandboxSpec { id: request.sandbox_id.clone(), mounts, limits }
}

struct Attempt<'a, 'log> {
    sandbox: Arc<dyn Sandbox>,
    request: &'a BuildRequest,
    limits: &'a BuildLimits,
    book: &'a mut LogBook<'log>,
    usage: BuildUsage,
    peak_pids: u32,
    oom_kills: u64,
}

impl Attempt<'_, '_> {
    async fn run(
        &mut self,
        command: vitrine_sandbox::driver::Command,
        events: mpsc::Receiver<SandboxEvent>,
    ) -> Result<Ran, BuildError> {
        let files = FileBatch { put: self.request.files.clone(), removed: Vec::new() };
        self.sandbox.apply(files).await.map_err(|error| self.of_driver(error))?;
        let started = Instant::now();
        self.sandbox.spawn(BUILD, command).await.map_err(|error| self.of_driver(error))?;
        let exit = self.follow(events).await;
        self.book.flush();
        let exit = exit?;
        let duration = started.elapsed();
        self.look().await;
        if !exit.is_success() {
            return Err(self.failure(exit));
        }
        let folder = self.request.plan.output_folder();
        let collected = self.sandbox.collect(folder.as_ref(), self.limits.output).await?;
        match collected.refused.is_empty() {
            true => Ok(Ran {
                files: collected.files,
                duration,
                usage: self.usage,
                needed_memory_bytes: None,
                ending: None,
            }),
            false => Err(refused_in(folder.as_ref(), collected.refused)),
        }
    }

    /// Takes down what the command says until it ends.
    async fn follow(&mut self, mut events: mpsc::Receiver<SandboxEvent>) -> Result<Exit, BuildError> {
        let mut looking = tokio::time::interval(LOOK_EVERY);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                _ = looking.tick() => {
                    self.look().await;
                    continue;
                }
            };
            match event {
                Some(SandboxEvent::Output { is_stderr, line, .. }) => self.book.push(is_stderr, &line),
                Some(SandboxEvent::OutputDropped { lines, .. }) => self.book.dropped(lines),
                Some(SandboxEvent::Exited { exit, .. }) => return Ok(exit),
                Some(SandboxEvent::Ended { reason: EndReason::OutOfMemory }) => return Ok(Exit::OutOfMemory),
                Some(SandboxEvent::Ended { reason: EndReason::GuestLost(why) }) => {
                    return Err(DriverError::Setup { step: "build".to_owned(), reason: why }.into());
                }
                Some(SandboxEvent::Ended { reason: EndReason::Stopped }) | None => {
                    return Err(DriverError::Ended.into());
                }
            }
        }
    }

    async fn look(&mut self) {
        // A sandbox that has just ended says so by an event.
        let Ok(usage) = self.sandbox.usage().await else { return };
        self.usage.memory_bytes = self.usage.memory_bytes.max(usage.memory_bytes);
        self.usage.cpu_micros = self.usage.cpu_micros.max(usage.cpu_micros);
        self.peak_pids = self.peak_pids.max(usage.pids);
        self.oom_kills = self.oom_kills.max(usage.oom_kills);
    }

    /// A limit explains a failure better than the tool's surprise at it. What a tool prints may be a lie, and then
    /// misleads its own maker alone.
    fn failure(&self, exit: Exit) -> BuildError {
        let words = self.book.words();
        // Often a child is killed, and its parent ends with a code of its own.
        if exit == Exit::OutOfMemory || self.oom_kills > 0 || words::tell_of_full_heap(&words) {
            return BuildError::Limit(ReachedLimit::Memory(self.limits.memory_bytes));
        }
        if words::tell_of_full_disk(&words) {
            return BuildError::Limit(ReachedLimit::Disk(self.limits.disk_bytes));
        }
        if self.peak_pids >= self.limits.pids || words::tell_of_too_many_processes(&words) {
            return BuildError::Limit(ReachedLimit::Processes(self.limits.pids));
        }
        let paths: BTreeSet<&str> = self.request.files.iter().map(|file| file.path.as_str()).collect();
        let location = words::location(&words, &paths);
        BuildError::Failed { exit, words, location }
    }

    fn of_driver(&self, error: DriverError) -> BuildError {
        match error {
            DriverError::Limit(_) => BuildError::Limit(ReachedLimit::Disk(self.limits.disk_bytes)),
            // The command itself could not be executed: a program that is not there.
            DriverError::Refused(words) => {
                BuildError::Failed { exit: Exit::Code { code: 127 }, words, location: None }
            }
            error => error.into(),
        }
    }
}
