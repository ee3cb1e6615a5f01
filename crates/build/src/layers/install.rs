//! One installation: a fresh sandbox that sees the toolchain, the few files that matter, and the registry.

use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use tokio::sync::mpsc;
use vitrine_model::limits::MAX_LOCKFILE_BYTES;
use vitrine_model::{FileMode, ProjectPath, Sha256};
use vitrine_sandbox::driver::{
    Command, EndReason, Exit, FileBatch, FilePut, Limits, Mount, PROJECT_DIR, Sandbox, SandboxEvent,
    SandboxSpec, Started, TOOLCHAIN_DIR, Urgency,
};
use vitrine_sandbox::egress::{
    CA_TARGET, Destination, EgressLabel, EgressLimits, EgressPolicy, EgressProxy, PROXY_PORT,
};

use super::flight::Flight;
use super::tool::{self, Attempt};
use super::{InstallEvent, Installed, Job, LayerConfig, LayerError, LayerStore, lockfile, seal};
use crate::Files;
use crate::diagnostic::Diagnostic;
use crate::profile::PackageManager;
use crate::toolchain::Toolchain;

/// The name of the package manager's process.
const INSTALL: &str = "install";

/// Of the package manager's output, the end that is kept.
const TOOL_OUTPUT_BYTES: usize = 16 * 1024;

/// How often the growing tree is weighed: seldom enough to cost nothing, often enough to stop a bomb.
const WEIGH_EVERY: Duration = Duration::from_secs(10);

/// Processes and threads of an installation.
const PIDS: u32 = 512;

/// Scratch of an installation: npm keeps every archive there until it is done.
const SCRATCH_BYTES: u64 = 2 * 1024 * 1024 * 1024;

/// Open files of each process: npm and pnpm write many files at once.
const OPEN_FILES: u64 = 16_384;

/// Makes the tree in a staging directory. Nothing is left when it fails.
pub(super) async fn run(
    store: &LayerStore,
    job: &Job,
    toolchain: &Toolchain,
    flight: &Flight,
) -> Result<Installed, LayerError> {
    let staging = store.shelf.stage().map_err(LayerError::io)?;
    match install_into(store, job, toolchain, (flight, staging.path())).await {
        Ok(Made { id, resolved_lockfile, diagnostics, stats }) => {
            Ok(Installed { staging, id, resolved_lockfile, diagnostics, stats })
        }
        Err(error) => {
            staging.remove().await;
            Err(error)
        }
    }
}

/// What was made, but for where.
struct Made {
    id: Sha256,
    resolved_lockfile: Option<(ProjectPath, Bytes)>,
    diagnostics: Vec<Diagnostic>,
    stats: super::LayerStats,
}

async fn install_into(
    store: &LayerStore,
    job: &Job,
    toolchain: &Toolchain,
    (flight, staging): (&Flight, &Path),
) -> Result<Made, LayerError> {
    let started = Instant::now();
    let node_modules = staging.join("node_modules");
    std::fs::create_dir(&node_modules).map_err(LayerError::io)?;
    let Started { sandbox, events } = store.driver.start(spec(store, toolchain, &node_modules)).await?;
    let installer = Installer {
        config: &store.config,
        job,
        flight,
        sandbox: sandbox.clone(),
        node_modules: &node_modules,
    };
    let outcome = installer.install(events, store).await;
    // Whatever happened: nothing may write into the tree any more.
    sandbox.stop().await?;
    let Outcome { diagnostics, lockfile, downloaded } = outcome?;
    flight.tell(&InstallEvent::Sealing);
    let mut stats = seal_off_thread(&node_modules, staging).await?;
    stats.install_ms = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
    stats.downloaded_bytes = downloaded;
    let (id, resolved_lockfile, diagnostics) = settle(store, job, lockfile, diagnostics);
    tracing::info!(layer = %id, files = stats.files, bytes = stats.bytes, millis = stats.install_ms, "layer installed");
    Ok(Made { id, resolved_lockfile, diagnostics, stats })
}

/// The name of what was installed, the lockfile to save, and what to tell. npm refuses some lockfiles that it would not
/// write differently itself (they lack optional packages for other platforms): then there is nothing to save.
fn settle(
    store: &LayerStore,
    job: &Job,
    lockfile: Option<(ProjectPath, Bytes)>,
    diagnostics: Vec<Diagnostic>,
) -> (Sha256, Option<(ProjectPath, Bytes)>, Vec<Diagnostic>) {
    let Some((path, content)) = lockfile else {
        return (job.id, None, diagnostics);
    };
    let inputs = job.inputs.clone().with_lockfile(&path, &content);
    let id = inputs.layer_id(job.manager, job.node, store.toolchains.platform());
    if id != job.id {
        // A lockfile that does not say all about the tree names it for nobody but those who ask for just the same.
        let id = match lockfile::says_all(&path, &content) {
            true => id,
            false => Sha256::of(format!("layer {id} of {}", job.id).as_bytes()),
        };
        return (id, Some((path, content)), diagnostics);
    }
    let unchanged = |diagnostic| match diagnostic {
        Diagnostic::LockfileUpdated { lockfile, tool_output } => {
            Diagnostic::LockfileIncomplete { lockfile, tool_output }
        }
        other => other,
    };
    (id, None, diagnostics.into_iter().map(unchanged).collect())
}

fn spec(store: &LayerStore, toolchain: &Toolchain, node_modules: &Path) -> SandboxSpec {
    let mut mounts = vec![
        Mount::ReadOnly { source: toolchain.dir.clone(), target: TOOLCHAIN_DIR.into() },
        Mount::Writable {
            source: node_modules.to_owned(),
            target: format!("{PROJECT_DIR}/node_modules").into(),
        },
    ];
    if let Some(bundle) = &store.config.registry.ca_bundle {
        mounts.push(Mount::ReadOnly { source: bundle.clone(), target: CA_TARGET.into() });
    }
    let limits = Limits {
        memory_bytes: store.config.memory_bytes,
        cpu_millis: store.config.cpu_millis,
        urgency: Urgency::Background,
        pids: PIDS,
        disk_bytes: SCRATCH_BYTES,
        open_files: OPEN_FILES,
    };
    SandboxSpec { id: store.mint_sandbox_id(), mounts, limits }
}

/// `own` is a directory of this process's.
async fn seal_off_thread(node_modules: &Path, own: &Path) -> Result<super::LayerStats, LayerError> {
    let own = own.metadata().map_err(LayerError::io)?;
    let (dir, owner) = (node_modules.to_owned(), (own.uid(), own.gid()));
    let sealing = tokio::task::spawn_blocking(move || {
        match std::fs::remove_dir_all(dir.join(".vitrine-store")) {
            Err(error) if error.kind() != std::io::ErrorKind::NotFound => return Err(LayerError::io(error)),
            _ => {}
        }
        seal::seal(&dir, owner)
    });
    sealing.await.map_err(|_| LayerError::Interrupted)?
}

struct Outcome {
    diagnostics: Vec<Diagnostic>,
    /// The lockfile that was used, when it is not the one given.
    lockfile: Option<(ProjectPath, Bytes)>,
    downloaded: u64,
}

/// What it took until the package manager was content.
struct Attempted {
    diagnostics: Vec<Diagnostic>,
    followed_lockfile: bool,
}

struct Installer<'a> {
    config: &'a LayerConfig,
    job: &'a Job,
    flight: &'a Flight,
    sandbox: Arc<dyn Sandbox>,
    node_modules: &'a Path,
}

/// How one run of the package manager ended.
struct Run {
    exit: Exit,
    tool_output: String,
}

impl Installer<'_> {
    async fn install(
        &self,
        mut events: mpsc::Receiver<SandboxEvent>,
        store: &LayerStore,
    ) -> Result<Outcome, LayerError> {
        // Layers are shared between apps: none of them is its app.
        let label = EgressLabel { purpose: "install", app: None, totals: None };
        let proxy = EgressProxy::new(egress_policy(self.config), store.resolver.clone(), label);
        let listener = self.sandbox.listen(PROXY_PORT).await?;
        let serving = tokio_util::task::AbortOnDropHandle::new(tokio::spawn(proxy.clone().serve(listener)));
        let attempts = self.attempt_all(&mut events);
        let attempted = tokio::time::timeout(self.config.timeout, attempts).await;
        drop(serving);
        let stats = proxy.stats();
        let Attempted { diagnostics, followed_lockfile } = match attempted {
            Err(_) => return Err(LayerError::TimedOut(self.config.timeout)),
            Ok(Err(LayerError::InstallFailed { manager, exit, tool_output, .. })) => {
                let refused_connections = stats.refused;
                return Err(LayerError::InstallFailed { manager, exit, tool_output, refused_connections });
            }
            Ok(outcome) => outcome?,
        };
        let lockfile = if followed_lockfile { None } else { self.changed_lockfile().await? };
        Ok(Outcome { diagnostics, lockfile, downloaded: super::downloaded(stats) })
    }

    /// Tries as strictly as the project allows first, and says what had to be given up.
    async fn attempt_all(&self, events: &mut mpsc::Receiver<SandboxEvent>) -> Result<Attempted, LayerError> {
        let job = self.job;
        let mut diagnostics = Vec::new();
        if !job.inputs.npmrc_left_out.is_empty() {
            let names = job.inputs.npmrc_left_out.clone();
            self.note(&mut diagnostics, Diagnostic::NpmrcSettingsIgnored { names });
        }
        let mut attempt = Attempt { is_locked: job.lockfile.is_some(), is_peer_strict: true };
        self.sandbox.apply(batch(&job.inputs.files)).await?;
        let mut addressed = self.addressed_lockfile();
        if let Some(files) = &addressed {
            self.sandbox.apply(batch(files)).await?;
        }
        loop {
            let command = tool::command(job.manager, attempt, &self.config.registry);
            let run = self.run(command, events).await?;
            if run.exit.is_success() {
                break;
            }
            let had_addresses = addressed.take().is_some();
            if had_addresses {
                self.sandbox.apply(batch(&job.inputs.files)).await?;
            }
            match tool::after_failure(job.manager, attempt, job.lockfile.as_ref(), &run.tool_output) {
                Some((next, diagnostic)) => {
                    self.note(&mut diagnostics, diagnostic);
                    if attempt.is_locked && !next.is_locked {
                        self.sandbox.apply(self.loosened()).await?;
                    }
                    attempt = next;
                }
                // The same again with the lockfile as it is: the addresses may have been at fault.
                None if had_addresses => {}
                None => return Err(self.failure(run)),
            }
        }
        if job.lockfile.is_none() {
            let saved = made_lockfile(job.manager);
            diagnostics.extend(saved.map(|saved| Diagnostic::LockfileMade { saved }));
        }
        Ok(Attempted { diagnostics, followed_lockfile: attempt.is_locked })
    }

    /// The lockfile alone, with the addresses it leaves out; `None` when it needs none.
    fn addressed_lockfile(&self) -> Option<Files> {
        let path = self.job.lockfile.clone().filter(|_| self.job.manager == PackageManager::Npm)?;
        let addressed =
            lockfile::with_addresses(self.job.inputs.files.get(&path)?, &self.config.registry.url)?;
        Some(Files::from([(path, addressed)]))
    }

    /// The lockfile as a tool may see it that is free to choose; gone where nobody can tell what it says.
    fn loosened(&self) -> FileBatch {
        let nothing = FileBatch { put: Vec::new(), removed: Vec::new() };
        let Some(path) = self.job.lockfile.clone().filter(|_| self.job.manager == PackageManager::Npm) else {
            return nothing;
        };
        match self.job.inputs.files.get(&path).map(lockfile::without_loose_addresses) {
            None => nothing,
            Some(Some(content)) => batch(&Files::from([(path, content)])),
            Some(None) => FileBatch { removed: vec![path], ..nothing },
        }
    }

    fn note(&self, diagnostics: &mut Vec<Diagnostic>, diagnostic: Diagnostic) {
        self.flight.tell(&InstallEvent::Diagnostic(diagnostic.clone()));
        diagnostics.push(diagnostic);
    }

    fn failure(&self, run: Run) -> LayerError {
        match run.exit {
            Exit::OutOfMemory => LayerError::OutOfMemory(self.config.memory_bytes),
            Exit::TimedOut => LayerError::TimedOut(self.config.timeout),
            exit => LayerError::InstallFailed {
                manager: self.job.manager.family(),
                exit,
                tool_output: run.tool_output,
                refused_connections: 0,
            },
        }
    }

    async fn run(
        &self,
        command: Command,
        events: &mut mpsc::Receiver<SandboxEvent>,
    ) -> Result<Run, LayerError> {
        let shown = [&[self.job.manager.family().to_owned()], &command.argv[1..]].concat().join(" ");
        self.flight.tell(&InstallEvent::Started { command: shown });
        self.sandbox.spawn(INSTALL, command).await?;
        let mut words = Tail::default();
        let mut weighing = tokio::time::interval_at(tokio::time::Instant::now() + WEIGH_EVERY, WEIGH_EVERY);
        loop {
            let event = tokio::select! {
                event = events.recv() => event,
                _ = weighing.tick() => {
                    self.check_weight().await?;
                    continue;
                }
            };
            match event {
                Some(SandboxEvent::Output { line, .. }) => {
                    words.push(&line);
                    self.flight.tell(&InstallEvent::Output(line));
                }
                Some(SandboxEvent::Exited { exit, .. }) => {
                    return Ok(Run { exit, tool_output: words.into_text() });
                }
                Some(SandboxEvent::Ended { reason: EndReason::OutOfMemory }) => {
                    return Err(LayerError::OutOfMemory(self.config.memory_bytes));
                }
                Some(SandboxEvent::Ended { .. }) | None => return Err(LayerError::Interrupted),
                Some(SandboxEvent::OutputDropped { .. }) => {}
            }
        }
    }

    async fn check_weight(&self) -> Result<(), LayerError> {
        let dir = self.node_modules.to_owned();
        let weighed = tokio::task::spawn_blocking(move || seal::is_too_large(&dir)).await;
        match weighed.map_err(|_| LayerError::Interrupted)? {
            true => Err(LayerError::TooLarge),
            false => Ok(()),
        }
    }

    /// The lockfile after the installation, when it is another than before.
    async fn changed_lockfile(&self) -> Result<Option<(ProjectPath, Bytes)>, LayerError> {
        let Some(path) = self.job.lockfile.clone().or_else(|| made_lockfile(self.job.manager)) else {
            return Ok(None);
        };
        let Some(content) = self.sandbox.read(&path, MAX_LOCKFILE_BYTES + 1).await? else {
            return Ok(None);
        };
        if content.len() as u64 > MAX_LOCKFILE_BYTES {
            return Err(LayerError::TooLarge);
        }
        let is_same = self.job.inputs.files.get(&path) == Some(&content);
        Ok((!is_same).then_some((path, content)))
    }
}

fn made_lockfile(manager: PackageManager) -> Option<ProjectPath> {
    ProjectPath::parse(manager.lockfile_name()).ok()
}

fn egress_policy(config: &LayerConfig) -> EgressPolicy {
    let registry = &config.registry;
    let destination =
        Destination { host: registry.host.clone(), port: registry.port, plain_http: registry.plain_http };
    EgressPolicy {
        destinations: vec![destination],
        exceptions: config.egress_exceptions.clone(),
        limits: EgressLimits { lifetime: config.timeout, ..EgressLimits::default() },
    }
}

fn batch(files: &Files) -> FileBatch {
    let put = files.iter().map(|(path, content)| FilePut {
        path: path.clone(),
        mode: FileMode::Regular,
        content: content.clone(),
    });
    FileBatch { put: put.collect(), removed: Vec::new() }
}

/// The last lines of an output, within a bound.
#[derive(Default)]
struct Tail {
    lines: std::collections::VecDeque<String>,
    bytes: usize,
}

impl Tail {
    fn push(&mut self, line: &str) {
        // npm points at log files that nobody will ever see.
        if line.contains("A complete log of this run can be found in")
            || line.contains("Log files were not written")
        {
            return;
        }
        self.bytes += line.len() + 1;
        self.lines.push_back(line.to_owned());
        while self.bytes > TOOL_OUTPUT_BYTES {
            let Some(first) = self.lines.pop_front() else { break };
            self.bytes -= first.len() + 1;
        }
    }

    fn into_text(self) -> String {
        Vec::from(self.lines).join("\n").trim().to_owned()
    }
}
