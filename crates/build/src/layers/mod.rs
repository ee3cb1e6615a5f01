//! Layers: `node_modules` for one lockfile, made once in a sandbox that sees the registry alone, sealed, and shared
//! read-only by every session that needs the same.
//!
//! A layer is a directory that describes itself (`layers/<id>/{layer.json, node_modules, prebundles}`): it is a cache,
//! can be deleted while the server is down, and needs no database.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use bytes::Bytes;
use ipnet::IpNet;
use serde::{Deserialize, Serialize};
use tokio::sync::{Semaphore, mpsc, watch};
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{ProjectPath, Sha256};
use vitrine_sandbox::driver::{Driver, DriverError, Exit};
use vitrine_sandbox::egress::{EgressStats, Resolver, SystemResolver};

use crate::compile_cache::Making;
use crate::diagnostic::Diagnostic;
use crate::profile::{DetectedProfile, PackageManager};
use crate::toolchain::{Toolchain, ToolchainError, ToolchainStore};
use crate::{Files, RegistrySettings};

mod flight;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
pub(crate) mod inputs;
mod install;
mod lockfile;
mod npmrc;
mod seal;
mod shelf;
mod tool;

use flight::Flight;
use inputs::InstallInputs;
pub(crate) use seal::weigh;
pub use shelf::Collected;
pub(crate) use shelf::{COMPILE_CACHES, PREBUNDLES};
use shelf::{Shelf, Staging};

/// How layers are made and how many are kept.
#[derive(Debug, Clone)]
pub struct LayerConfig {
    /// Where everything is kept; one server at a time owns it.
    pub dir: PathBuf,
    /// Layers are collected, least recently used first, when they are larger than this together.
    pub budget_bytes: u64,
    /// Where packages come from.
    pub registry: RegistrySettings,
    /// Addresses that are not public and may be connected to all the same.
    pub egress_exceptions: Vec<IpNet>,
    /// How long one installation may take, all attempts together.
    pub timeout: Duration,
    /// Memory of one installation.
    pub memory_bytes: u64,
    /// CPU of one installation in thousandths of a core.
    pub cpu_millis: u32,
    /// Installations at once; further ones wait.
    pub concurrent_installs: usize,
}

impl LayerConfig {
    /// The defaults, in `dir` and from `registry`.
    pub fn new(dir: impl Into<PathBuf>, registry: RegistrySettings) -> Self {
        Self {
            dir: dir.into(),
            budget_bytes: 10 * 1024 * 1024 * 1024,
            registry,
            egress_exceptions: Vec::new(),
            timeout: Duration::from_secs(600),
            memory_bytes: 3 * 1024 * 1024 * 1024,
            cpu_millis: 4_000,
            concurrent_installs: 2,
        }
    }
}

/// What is wanted.
#[derive(Debug, Clone)]
pub struct LayerRequest {
    /// The project's files; at least what [`crate::is_input`] selects.
    pub files: Files,
    /// What [`crate::profile::detect`] said about them.
    pub detected: DetectedProfile,
    /// Who wants to hear how it goes. Never waited for: events are dropped when it is full.
    pub progress: Option<mpsc::Sender<InstallEvent>>,
}

/// What happens on the way to a layer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum InstallEvent {
    /// Other installations are running; this one waits for its turn.
    Queued,
    /// The toolchain is being made ready.
    Toolchain,
    /// An attempt begins.
    Started {
        /// The command, without the path of its program.
        command: String,
    },
    /// A line of the package manager.
    Output(String),
    /// Something worth knowing was decided.
    Diagnostic(Diagnostic),
    /// Installed; the tree is being checked.
    Sealing,
}

/// What a layer weighs and how it came to be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default, Serialize, Deserialize)]
pub struct LayerStats {
    /// Files, folders and links.
    pub files: u64,
    /// Bytes of its files.
    pub bytes: u64,
    /// How long making it took, waiting not counted.
    pub install_ms: u64,
    /// Bytes that came from the registry.
    pub downloaded_bytes: u64,
}

/// All layers of a machine together.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LayersUsage {
    /// Layers on the disk.
    pub count: u64,
    /// Of those, how many cannot be collected now.
    pub in_use: u64,
    /// Bytes of them, with what is kept beside them.
    pub bytes: u64,
    /// What they may take before those used longest ago are collected.
    pub budget_bytes: u64,
}

/// A layer in use: as long as one of its clones lives, it is not collected.
#[derive(Debug, Clone)]
pub struct Layer {
    /// Its name: equal inputs, equal names.
    pub id: Sha256,
    /// Its `node_modules` on the host; mount it read-only or as a lower directory.
    pub node_modules: PathBuf,
    /// The lockfile that was used, when it is not the project's: save it into the draft.
    pub resolved_lockfile: Option<(ProjectPath, Bytes)>,
    /// What a person should know about the installation.
    pub diagnostics: Vec<Diagnostic>,
    /// What it weighs.
    pub stats: LayerStats,
    /// True when it was there already.
    pub reused: bool,
    lease: Arc<shelf::Lease>,
}

impl Layer {
    /// The directory that holds `node_modules` and pre-bundles.
    pub(crate) fn dir(&self) -> &Path {
        self.lease.dir()
    }
}

/// Why there is no layer. Cheap to clone: everybody who waited for the same installation gets it.
#[derive(Debug, Clone, thiserror::Error)]
pub enum LayerError {
    /// The project has nothing to install: run it without a layer.
    #[error("the project has no dependencies")]
    NothingToInstall,
    /// The package manager failed; its own words.
    #[error("{manager} could not install the dependencies:\n{tool_output}")]
    InstallFailed {
        /// `npm` or `pnpm`.
        manager: &'static str,
        /// How it ended.
        exit: Exit,
        /// The end of what it said.
        tool_output: String,
        /// Connections that the egress proxy refused; more than none often explains the failure.
        refused_connections: u64,
    },
    /// Over the time limit.
    #[error("the installation did not end within {0:?}")]
    TimedOut(Duration),
    /// Over the memory limit.
    #[error("the installation needs more memory than the {0} bytes it may have")]
    OutOfMemory(u64),
    /// More files or bytes than a layer may have.
    #[error("the dependencies are larger than a layer may be")]
    TooLarge,
    /// The installed tree holds what must not be shared.
    #[error("the installed tree holds {what} at `{path}`")]
    UnsafeTree {
        /// Where, from the end.
        path: String,
        /// What it is.
        what: &'static str,
    },
    /// The toolchain is not there.
    #[error(transparent)]
    Toolchain(Arc<ToolchainError>),
    /// The sandbox could not be made or was lost.
    #[error(transparent)]
    Sandbox(Arc<DriverError>),
    /// The disk failed or is full.
    #[error("the layer could not be kept: {0}")]
    Io(Arc<std::io::Error>),
    /// The installation ended without a result; a fault of ours.
    #[error("the installation was cut off")]
    Interrupted,
}

impl LayerError {
    pub(crate) fn io(error: std::io::Error) -> Self {
        Self::Io(Arc::new(error))
    }
}

impl From<DriverError> for LayerError {
    fn from(error: DriverError) -> Self {
        Self::Sandbox(Arc::new(error))
    }
}

/// Makes, keeps and lends layers.
pub struct LayerStore {
    config: LayerConfig,
    driver: Arc<dyn Driver>,
    toolchains: Arc<ToolchainStore>,
    resolver: Arc<dyn Resolver>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
    shelf: Shelf,
    flights: Mutex<HashMap<Sha256, Flight>>,
    turns: Semaphore,
    compile_caches: Making,
}

impl LayerStore {
    /// Opens the directory, removing what an interrupted server left in it. Call after
    /// [`Driver::remove_orphans`], so that no old sandbox still writes there.
    pub fn open(
        config: LayerConfig,
        driver: Arc<dyn Driver>,
        toolchains: Arc<ToolchainStore>,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Arc<Self>, LayerError> {
        let shelf = Shelf::open(&config.dir, clock.clone()).map_err(LayerError::io)?;
        let turns = Semaphore::new(config.concurrent_installs.max(1));
        Ok(Arc::new(Self {
            config,
            driver,
            toolchains,
            resolver: Arc::new(SystemResolver),
            clock,
            entropy,
            shelf,
            flights: Mutex::default(),
            turns,
            compile_caches: Making::default(),
        }))
    }

    /// The compile caches that are being made.
    pub(crate) fn compile_caches(&self) -> &Making {
        &self.compile_caches
    }

    /// The layer for these files; made when it is not there.
    ///
    /// Concurrent requests for the same share one installation and each hear how it goes. An installation goes on when
    /// nobody waits for it any more: its result is kept. A failure leaves nothing behind, and the next request tries
    /// again. [`LayerError::NothingToInstall`] when the profile names no package manager.
    pub async fn ensure(self: &Arc<Self>, request: LayerRequest) -> Result<Layer, LayerError> {
        let manager = request.detected.package_manager.ok_or(LayerError::NothingToInstall)?;
        let inputs = InstallInputs::select(&request.files, manager, request.detected.lockfile.as_ref());
        let job = Job {
            id: inputs.layer_id(manager, request.detected.node, self.toolchains.platform()),
            manager,
            lockfile: request.detected.lockfile.clone(),
            node: request.detected.node,
            inputs,
        };
        let made = match self.shelf.find(&job) {
            Some(layer) => layer,
            None => self.join_flight(job, request.progress).await?,
        };
        Ok(with_own_lockfile_name(made, &request.files))
    }

    /// The toolchain of a profile; downloaded when it is not there.
    pub async fn toolchain(&self, detected: &DetectedProfile) -> Result<Toolchain, LayerError> {
        let toolchain = self.toolchains.ensure(detected.node).await;
        toolchain.map_err(|error| LayerError::Toolchain(Arc::new(error)))
    }

    /// Removes layers that are not in use, least recently used first, until the rest is within the budget.
    pub async fn collect(self: &Arc<Self>) -> Result<Collected, LayerError> {
        let store = self.clone();
        let collecting = tokio::task::spawn_blocking(move || store.shelf.collect(store.config.budget_bytes));
        collecting.await.map_err(|_| LayerError::Interrupted)?.map_err(LayerError::io)
    }

    /// What the layers take. Weighs what is kept beside them on the disk: to be asked now and then.
    pub async fn usage(self: &Arc<Self>) -> Result<LayersUsage, LayerError> {
        let store = self.clone();
        let weighing = tokio::task::spawn_blocking(move || store.shelf.usage());
        let (count, in_use, bytes) =
            weighing.await.map_err(|_| LayerError::Interrupted)?.map_err(LayerError::io)?;
        Ok(LayersUsage { count, in_use, bytes, budget_bytes: self.config.budget_bytes })
    }

    /// What [`LayerStore::collect`] would remove now; removes nothing.
    pub async fn surplus(self: &Arc<Self>) -> Result<Collected, LayerError> {
        let store = self.clone();
        let looking = tokio::task::spawn_blocking(move || store.shelf.surplus(store.config.budget_bytes));
        looking.await.map_err(|_| LayerError::Interrupted)?.map_err(LayerError::io)
    }

    /// Where the pre-bundles of all layers are.
    pub(crate) fn prebundle_shelves(&self) -> std::io::Result<Vec<PathBuf>> {
        self.shelf.prebundle_shelves()
    }

    /// The time for what is kept on disk.
    pub(crate) fn now(&self) -> SystemTime {
        let millis = u64::try_from(self.clock.now().as_millis()).unwrap_or(0);
        SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
    }

    pub(crate) fn driver(&self) -> &Arc<dyn Driver> {
        &self.driver
    }

    pub(crate) fn mint_sandbox_id(&self) -> vitrine_model::SandboxId {
        vitrine_model::SandboxId::mint(self.clock.as_ref(), self.entropy.as_ref())
    }

    async fn join_flight(
        self: &Arc<Self>,
        job: Job,
        progress: Option<mpsc::Sender<InstallEvent>>,
    ) -> Result<Layer, LayerError> {
        let mut result = {
            let mut flights = self.flights.lock().unwrap_or_else(PoisonError::into_inner);
            match flights.get(&job.id) {
                Some(flight) => flight.join(progress),
                None => {
                    let (flight, report) = Flight::new(progress);
                    let result = flight.result();
                    flights.insert(job.id, flight.clone());
                    tokio::spawn(self.clone().fly(job, flight, report));
                    result
                }
            }
        };
        let landed = result.wait_for(Option::is_some).await.map_err(|_| LayerError::Interrupted)?;
        landed.clone().unwrap_or(Err(LayerError::Interrupted))
    }

    /// Runs an installation to its end whoever waits for it.
    async fn fly(
        self: Arc<Self>,
        job: Job,
        flight: Flight,
        report: watch::Sender<Option<Result<Layer, LayerError>>>,
    ) {
        // It may have landed between the look at the shelf and the take-off.
        let outcome = match self.shelf.find(&job) {
            Some(layer) => Ok(layer),
            None => self.install_in_turn(&job, &flight).await,
        };
        if let Err(error) = &outcome {
            tracing::info!(layer = %job.id, %error, "no layer");
        }
        self.flights.lock().unwrap_or_else(PoisonError::into_inner).remove(&job.id);
        report.send_replace(Some(outcome));
        if let Err(error) = self.collect().await {
            tracing::warn!(%error, "layers could not be collected");
        }
    }

    async fn install_in_turn(&self, job: &Job, flight: &Flight) -> Result<Layer, LayerError> {
        if self.turns.available_permits() == 0 {
            flight.tell(&InstallEvent::Queued);
        }
        let turn = self.turns.acquire().await.map_err(|_| LayerError::Interrupted)?;
        if !self.toolchains.is_ready(job.node) {
            flight.tell(&InstallEvent::Toolchain);
        }
        let toolchain = self.toolchains.ensure(job.node).await;
        let toolchain = toolchain.map_err(|error| LayerError::Toolchain(Arc::new(error)))?;
        let installed = install::run(self, job, &toolchain, flight).await?;
        drop(turn);
        self.shelf.put(job, installed)
    }
}

/// One installation to make.
#[derive(Debug, Clone)]
struct Job {
    /// The name of the request: of the layer itself when its lockfile is followed to the letter.
    id: Sha256,
    manager: PackageManager,
    lockfile: Option<ProjectPath>,
    node: crate::toolchain::NodeMajor,
    inputs: InstallInputs,
}

/// What an installation left in its staging directory.
#[derive(Debug)]
struct Installed {
    /// Holds `node_modules`; removed when dropped.
    staging: Staging,
    /// The name of the layer.
    id: Sha256,
    resolved_lockfile: Option<(ProjectPath, Bytes)>,
    diagnostics: Vec<Diagnostic>,
    stats: LayerStats,
}

fn with_own_lockfile_name(mut layer: Layer, files: &Files) -> Layer {
    if let Some((path, content)) = layer.resolved_lockfile.take() {
        let content = lockfile::with_own_name(&content, files);
        layer.resolved_lockfile = Some((path, content));
    }
    layer
}

/// The script behind a package's command of the same name, relative to the package; `None` when the package is not in
/// the tree or its manifest does not say. Never follows a link out of the tree.
pub(crate) fn bin_of(node_modules: &Path, package: &str) -> Option<String> {
    /// Manifests are small; a larger one is not read.
    const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
    let root = node_modules.canonicalize().ok()?;
    let manifest = root.join(package).join("package.json").canonicalize().ok()?;
    if !manifest.starts_with(&root) || manifest.metadata().ok()?.len() > MAX_MANIFEST_BYTES {
        return None;
    }
    let parsed: serde_json::Value = serde_json::from_slice(&std::fs::read(&manifest).ok()?).ok()?;
    let bin = parsed.get("bin")?;
    let script = bin.as_str().or_else(|| bin.get(package)?.as_str())?;
    let path = ProjectPath::parse(script.strip_prefix("./").unwrap_or(script)).ok()?;
    Some(path.into())
}

/// Bytes that the egress proxy moved towards a sandbox.
fn downloaded(stats: EgressStats) -> u64 {
    stats.bytes_in
}
