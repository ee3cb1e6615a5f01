//! From a draft to a dev server that answers: the steps of a start, each measured, each with its own way to fail.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::sync::{mpsc, watch};
use vitrine_build::compile_cache::COMPILE_CACHE_DIR;
use vitrine_build::layers::{InstallEvent, LayerRequest};
use vitrine_build::prebundle::PrebundleKey;
use vitrine_build::profile::{self, DetectedProfile, DevSettings, Impact, PREBUNDLE_DIR};
use vitrine_build::template::TemplatePack;
use vitrine_build::toolchain::Toolchain;
use vitrine_build::{Files, is_input};
use vitrine_edge::SandboxUpstream;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::profile::{Profile, ProfileKind};
use vitrine_model::session::{LogSource, StepName};
use vitrine_model::tree::FileEntry;
use vitrine_model::{AppId, SandboxId, Sha256, Tree};
use vitrine_sandbox::driver::{
    Command, EndReason, HeldFile, Limits, Mount, PROJECT_DIR, SandboxEvent, SandboxSpec, TOOLCHAIN_DIR,
    Urgency,
};
use vitrine_sandbox::{DriverError, Sandbox};
use vitrine_store::{ChangeCause, Draft, Scope, StoreError};

mod claim;

use super::Context;
use super::logs::Logs;
use super::pace::Pace;
use super::preview::{Snapshot, batch_between};
use super::probe;
use super::room::Place;
use super::timings::Stopwatch;
use super::top::Counts;
use crate::config::SandboxConfig;
use crate::drafts::Contents;
use crate::egress::{Door, OpenError};
use crate::faults;
use crate::provision::Provided;
use crate::secrets::Given;
use claim::Claimed;

/// The name of the dev server among a sandbox's commands.
pub(super) const DEV_SERVER: &str = "dev";

/// Where the dev server listens when its sandbox has a network of its own.
const DEV_PORT: u16 = 5173;

/// How long a fresh dev server may serve its first pages before its pre-bundle is looked at.
const BEFORE_HARVEST: Duration = Duration::from_secs(20);

/// How many lines of a failed dev server's output a problem document carries.
pub(super) const TAIL_LINES: usize = 20;

/// Ports for dev servers that share the host's network: handed out in turn; a taken one fails the start, and the next
/// attempt gets the next.
pub(crate) struct Ports(AtomicU16);

impl Default for Ports {
    fn default() -> Self {
        Self(AtomicU16::new(FIRST_PORT))
    }
}

const FIRST_PORT: u16 = 20_000;
const PORTS: u16 = 10_000;

impl Ports {
    fn next(&self) -> u16 {
        FIRST_PORT + self.0.fetch_add(1, Ordering::Relaxed).wrapping_sub(FIRST_PORT) % PORTS
    }
}

/// One attempt.
pub(super) struct Start {
    pub(super) context: Arc<Context>,
    pub(super) scope: Scope,
    pub(super) app: AppId,
    pub(super) stopwatch: Stopwatch,
    pub(super) logs: Logs,
    pub(super) publish: watch::Sender<Snapshot>,
    /// The newest draft heard of, which may be on its way into the store still, and the content that came with it.
    pub(super) wanted: Option<Draft>,
    pub(super) contents: Contents,
    /// How often its memory has been doubled because it was too little.
    pub(super) memory_doublings: u32,
    /// The newest line of the log when it began: what comes after is its own.
    pub(super) log_begins_after: u64,
}

/// A dev server that answers, and what it was started with.
pub(super) struct Live {
    pub(super) sandbox: Arc<dyn Sandbox>,
    pub(super) events: mpsc::Receiver<SandboxEvent>,
    pub(super) upstream: Arc<SandboxUpstream>,
    /// The tree the sandbox holds, and its draft version.
    pub(super) held: Arc<Tree>,
    pub(super) version: u64,
    pub(super) pace: Pace,
    pub(super) since: Instant,
    pub(super) log_begins_after: u64,
    /// The files that decided how it was started.
    inputs: Files,
    owner: Option<Profile>,
    /// Kept while it is mounted, so that no layer of it is collected.
    ground: Ground,
    /// It is the pool's: its dev server ran already.
    pub(super) is_pooled: bool,
    /// Secrets were given to it: nothing that it makes is kept for others.
    has_secrets: bool,
    /// Its way out, if it has one.
    door: Option<Door>,
}

/// What a sandbox stands on, all of it read-only.
struct Ground {
    toolchain: PathBuf,
    layer: Option<Provided>,
    prebundle: Option<PathBuf>,
    compile_cache: Option<PathBuf>,
    /// It gets a way out, with these certificate authorities.
    reaches_out: bool,
    authorities: Option<Mount>,
}

impl Ground {
    fn mounts(&self) -> Vec<Mount> {
        let read_only = |source: &PathBuf, target: &str| Mount::ReadOnly {
            source: source.clone(),
            target: target.into(),
        };
        let mut mounts = vec![read_only(&self.toolchain, TOOLCHAIN_DIR)];
        mounts.extend(self.authorities.clone());
        mounts.extend(self.prebundle.as_ref().map(|dir| read_only(dir, PREBUNDLE_DIR)));
        mounts.extend(self.compile_cache.as_ref().map(|dir| read_only(dir, COMPILE_CACHE_DIR)));
        mounts.extend(self.layer.as_ref().map(|layer| Mount::Overlay {
            lowers: vec![layer.node_modules.clone()],
            target: format!("{PROJECT_DIR}/node_modules").into(),
        }));
        mounts
    }
}

/// What is to run in a sandbox, before anything of it is there.
pub(super) struct Order {
    pub(super) port: u16,
    pub(super) command: Command,
    given: Given,
    pub(super) limits: Limits,
}

/// A start whose parts are all known.
struct Plan {
    draft: Draft,
    inputs: Files,
    owner: Option<Profile>,
    ground: Ground,
    order: Order,
}

/// Why a sandbox did not get its files.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    #[error(transparent)]
    Driver(#[from] DriverError),
    #[error(transparent)]
    Store(#[from] StoreError),
    #[error("content {0} is not stored")]
    Content(Sha256),
}

impl Start {
    /// Runs the steps. Dropped half-way, it leaves nothing: the sandbox dies with its handle, and a layer in the making
    /// goes on for others or is removed.
    pub(super) async fn run(self) -> Result<Live, Problem> {
        let result = self.steps().await;
        match &result {
            Ok(_) => self.stopwatch.finish(),
            Err(_) => self.stopwatch.fail(),
        }
        result
    }

    async fn steps(&self) -> Result<Live, Problem> {
        let (draft, inputs, owner, detected) = self.measure(StepName::Files, self.read_project()).await?;
        let toolchain = self.measure(StepName::Toolchain, self.toolchain(&detected)).await?;
        let (layer, draft) = self.measure(StepName::Layer, self.layer(draft, &inputs, &detected)).await?;
        // The lockfile that an installation saved belongs to what this sandbox was started with.
        let inputs = match layer.as_ref().is_some_and(|layer| layer.resolved_lockfile.is_some()) {
            true => self.inputs_of(&draft).await.map_err(|error| faults::of_store(&error))?,
            false => inputs,
        };
        let template = self.template().await;
        let ground = self.ground(layer, toolchain, template).await?;
        let order = self.order(&detected, &ground).await?;
        let plan = Plan { draft, inputs, owner, ground, order };
        let recipe = self.recipe(template, &plan);
        let plan = match recipe {
            Some(recipe) => match self.claimed(recipe, plan).await? {
                Claimed::Live(live) => return Ok(*live),
                Claimed::Nothing(plan) => *plan,
            },
            None => plan,
        };
        let (_place, (sandbox, events)) = self
            .measure(StepName::Sandbox, async {
                let place = self.place().await?;
                Ok((place, self.sandbox(&plan).await?))
            })
            .await?;
        let (mut live, order) = self.live(plan, sandbox, events);
        self.measure(StepName::DevServer, self.dev_server(&mut live, order)).await?;
        Ok(live)
    }

    /// Room for a sandbox of its own; the wait for it belongs to the step.
    async fn place(&self) -> Result<Place, Problem> {
        if self.context.room.is_crowded() {
            self.stopwatch.detail(StepName::Sandbox, "many start at the same time; waiting for a turn");
        }
        let evict = self.context.evict.get().map(AsRef::as_ref);
        let place = self.context.room.enter(&self.scope.tenant, evict).await;
        place.map_err(|full| {
            Counts::add(&self.context.counts.refusals);
            Problem::new(Code::SandboxUnavailable, full.to_string())
        })
    }

    /// What the sandbox will stand on.
    async fn ground(
        &self,
        layer: Option<Provided>,
        toolchain: Toolchain,
        template: Option<&TemplatePack>,
    ) -> Result<Ground, Problem> {
        let prebundle = layer.as_ref().and_then(|layer| self.prebundle(layer, template));
        let compile_cache =
            layer.as_ref().and_then(|layer| self.context.provision.compile_cache(layer, &toolchain));
        let reaches_out = self.reaches_out().await?;
        let authorities = self.context.egress.mount().filter(|_| reaches_out);
        let toolchain = toolchain.dir;
        Ok(Ground { toolchain, layer, prebundle, compile_cache, reaches_out, authorities })
    }

    /// What will run in it.
    async fn order(&self, detected: &DetectedProfile, ground: &Ground) -> Result<Order, Problem> {
        let port = match self.context.driver.isolates_network() {
            true => DEV_PORT,
            false => self.context.ports.next(),
        };
        let settings = DevSettings {
            port,
            preview_host_suffix: &self.context.preview_suffix,
            timezone: "UTC",
            has_prebundle: ground.prebundle.is_some(),
            has_compile_cache: ground.compile_cache.is_some(),
            marks_elements: self.context.has_bridge,
        };
        let node_modules = ground.layer.as_ref().map(|layer| layer.node_modules.as_path());
        let command =
            detected.dev_command(node_modules, &settings).map_err(|error| faults::of_profile(&error))?;
        let given = self.context.secrets.for_dev(&self.scope, &self.app).await;
        let given = given.map_err(|error| faults::of_vault(&error))?;
        Ok(Order { port, command, given, limits: self.limits(detected.profile.kind) })
    }

    /// The template that the app was made from, if this version has it.
    async fn template(&self) -> Option<&TemplatePack> {
        let key = self.context.store.app(&self.scope, &self.app).await.ok()?.template?;
        self.context.templates.iter().find(|pack| pack.manifest.key == key)
    }

    async fn measure<T>(
        &self,
        step: StepName,
        work: impl Future<Output = Result<T, Problem>>,
    ) -> Result<T, Problem> {
        self.stopwatch.begin(step);
        let result = work.await?;
        self.stopwatch.end(step);
        Ok(result)
    }

    async fn read_project(&self) -> Result<(Draft, Files, Option<Profile>, DetectedProfile), Problem> {
        let store = &self.context.store;
        let stored = store.draft(&self.scope, &self.app).await.map_err(|error| faults::of_store(&error))?;
        let draft = self.wanted.clone().filter(|wanted| wanted.version > stored.version).unwrap_or(stored);
        let inputs = self.inputs_of(&draft).await.map_err(|error| faults::of_store(&error))?;
        let owner =
            store.owner_profile(&self.scope, &self.app).await.map_err(|error| faults::of_store(&error))?;
        let detected =
            profile::detect(&inputs, owner.as_ref()).map_err(|error| faults::of_profile(&error))?;
        if owner.is_none() {
            let found = store.set_detected_profile(&self.scope, &self.app, &detected.profile).await;
            found.map_err(|error| faults::of_store(&error))?;
        }
        for diagnostic in &detected.diagnostics {
            self.logs.push(LogSource::Vitrine, diagnostic.to_string());
        }
        let count = draft.tree.len();
        self.stopwatch
            .detail(StepName::Files, format!("{count} files, {}", kind_name(detected.profile.kind)));
        Ok((draft, inputs, owner, detected))
    }

    async fn inputs_of(&self, draft: &Draft) -> Result<Files, StoreError> {
        inputs_of(&self.context, &self.scope, &draft.tree, &self.contents).await
    }

    async fn toolchain(&self, detected: &DetectedProfile) -> Result<Toolchain, Problem> {
        self.stopwatch.detail(StepName::Toolchain, format!("Node.js {}", detected.node));
        self.context.provision.toolchain(detected).await
    }

    async fn layer(
        &self,
        draft: Draft,
        inputs: &Files,
        detected: &DetectedProfile,
    ) -> Result<(Option<Provided>, Draft), Problem> {
        if detected.package_manager.is_none() {
            self.stopwatch.detail(StepName::Layer, "nothing to install");
            return Ok((None, draft));
        }
        let (progress, mut reports) = mpsc::channel(64);
        let request =
            LayerRequest { files: inputs.clone(), detected: detected.clone(), progress: Some(progress) };
        let making = self.context.provision.layer(request);
        let reporting = async {
            while let Some(event) = reports.recv().await {
                self.report(event);
            }
        };
        let (layer, ()) = tokio::join!(making, reporting);
        let layer = layer?;
        self.stopwatch.detail(StepName::Layer, if layer.reused { "there already" } else { "installed" });
        for diagnostic in &layer.diagnostics {
            self.logs.push(LogSource::Vitrine, diagnostic.to_string());
        }
        let draft = match &layer.resolved_lockfile {
            Some((path, content)) => self.save_lockfile(draft, path.clone(), content.clone()).await?,
            None => draft,
        };
        Ok((Some(layer), draft))
    }

    fn report(&self, event: InstallEvent) {
        let text = match event {
            InstallEvent::Output(line) => return self.logs.push(LogSource::Install, line),
            // Told once, with the finished layer.
            InstallEvent::Diagnostic(_) => return,
            InstallEvent::Queued => "waiting for other installations".to_owned(),
            InstallEvent::Toolchain => "preparing the toolchain".to_owned(),
            InstallEvent::Started { command } => format!("running {command}"),
            InstallEvent::Sealing => "checking and sealing what was installed".to_owned(),
        };
        self.stopwatch.detail(StepName::Layer, text.clone());
        self.logs.push(LogSource::Vitrine, text);
    }

    /// A draft without a fitting lockfile gets the one that was used, so that the next start, and a publish, use the same.
    async fn save_lockfile(
        &self,
        draft: Draft,
        path: vitrine_model::ProjectPath,
        content: bytes::Bytes,
    ) -> Result<Draft, Problem> {
        let hash = Sha256::of(&content);
        if draft.tree.get(path.as_str()).is_some_and(|entry| entry.sha256 == hash) {
            return Ok(draft);
        }
        let Some(drafts) = self.context.drafts.get() else { return Ok(draft) };
        let files = vec![(path.clone(), content)];
        let saved = drafts.put_files(&self.scope, &self.app, files, ChangeCause::Install).await;
        saved.map_err(|error| {
            Problem::new(Code::Internal, format!("The new lockfile was not saved: {error}."))
        })?;
        self.logs.push(LogSource::Vitrine, format!("saved {path} into the draft"));
        self.context.store.draft(&self.scope, &self.app).await.map_err(|error| faults::of_store(&error))
    }

    async fn sandbox(
        &self,
        plan: &Plan,
    ) -> Result<(Arc<dyn Sandbox>, mpsc::Receiver<SandboxEvent>), Problem> {
        let id = SandboxId::mint(self.context.clock.as_ref(), self.context.entropy.as_ref());
        let spec = SandboxSpec { id, mounts: plan.ground.mounts(), limits: plan.order.limits.clone() };
        let empty = Tree::new();
        // The files come out of the store while the sandbox is being made.
        let batch = batch_between(&self.context, &self.scope, &empty, &plan.draft.tree, &self.contents);
        let (started, batch) = tokio::join!(self.context.driver.start(spec), batch);
        let started = started.map_err(|error| faults::of_driver(&error))?;
        started
            .sandbox
            .apply(batch.map_err(send_problem)?)
            .await
            .map_err(|error| faults::of_driver(&error))?;
        Ok((started.sandbox, started.events))
    }

    /// The app's own pre-bundle fits best; its template's is the next best. Nobody else's is ever used: a pre-bundle is
    /// code that somebody's configuration made.
    fn prebundle(&self, layer: &Provided, template: Option<&TemplatePack>) -> Option<PathBuf> {
        let keys = [
            Some(PrebundleKey::App(self.app.clone())),
            template.map(|pack| PrebundleKey::Template(pack.hash)),
        ];
        self.context.provision.prebundle(layer, &keys.into_iter().flatten().collect::<Vec<_>>())
    }

    /// A driver that isolates nothing has no way out to keep.
    async fn reaches_out(&self) -> Result<bool, Problem> {
        let is_wanted = self.context.egress.is_wanted(&self.scope, &self.app).await;
        Ok(is_wanted.map_err(|error| faults::of_store(&error))? && self.context.driver.isolates_network())
    }

    fn limits(&self, kind: ProfileKind) -> Limits {
        let settings = &self.context.sandbox;
        let memory_mib = memory_mib(settings, kind, self.memory_doublings);
        if self.memory_doublings > 0 {
            self.stopwatch.detail(StepName::Sandbox, format!("with {memory_mib} MiB of memory"));
        }
        Limits {
            memory_bytes: memory_mib * 1024 * 1024,
            cpu_millis: settings.cpu_millis,
            urgency: Urgency::Interactive,
            pids: settings.pids,
            disk_bytes: settings.disk_mib * 1024 * 1024,
            open_files: settings.open_files,
        }
    }

    fn live(
        &self,
        plan: Plan,
        sandbox: Arc<dyn Sandbox>,
        events: mpsc::Receiver<SandboxEvent>,
    ) -> (Live, Order) {
        let Plan { draft, inputs, owner, ground, order } = plan;
        let generation = self.context.next_generation();
        let upstream = Arc::new(SandboxUpstream { sandbox: sandbox.clone(), port: order.port, generation });
        let live = Live {
            sandbox,
            events,
            upstream,
            held: draft.tree,
            version: draft.version,
            pace: Pace::default(),
            since: Instant::now(),
            log_begins_after: self.log_begins_after,
            inputs,
            owner,
            ground,
            is_pooled: false,
            has_secrets: false,
            door: None,
        };
        (live, order)
    }

    async fn dev_server(&self, live: &mut Live, order: Order) -> Result<(), Problem> {
        let Order { command, given, .. } = order;
        let command = self.give(live, command, given).await?;
        self.stopwatch.detail(StepName::DevServer, "waiting for the dev server to answer");
        live.sandbox.spawn(DEV_SERVER, command).await.map_err(|error| faults::of_driver(&error))?;
        self.until_answers(live).await
    }

    /// Waits until the dev server has answered the page and its entry module.
    async fn until_answers(&self, live: &mut Live) -> Result<(), Problem> {
        let (sandbox, upstream) = (live.sandbox.clone(), live.upstream.clone());
        let port = upstream.port;
        let timeout = Duration::from_secs(self.context.settings.ready_timeout_secs);
        let answered = tokio::time::timeout(
            timeout,
            probe::until_ready(sandbox.as_ref(), port, || self.open(&upstream)),
        );
        let ready = tokio::select! {
            answered = answered => answered,
            problem = self.until_ended(&mut live.events) => return Err(problem),
        };
        match ready {
            Ok(Ok(ready)) => self.stopwatch.detail(StepName::DevServer, describe(&ready)),
            Ok(Err(error)) => return Err(faults::of_driver(&error)),
            Err(_) => {
                let detail =
                    format!("The dev server did not answer on port {port} within {} s.", timeout.as_secs());
                return Err(Problem::new(Code::DevServerSilent, faults::with_tail(&detail, &self.tail())));
            }
        }
        live.since = Instant::now();
        Ok(())
    }

    /// Adds what the dev server is given by name; what Vitrine sets itself stays. From here on the log shows no secret of it.
    async fn give(&self, live: &mut Live, mut command: Command, given: Given) -> Result<Command, Problem> {
        live.has_secrets = !given.guard.is_idle();
        self.logs.hide(given.guard);
        if live.ground.reaches_out {
            let door = self.context.egress.open(&self.scope, &self.app, live.sandbox.as_ref()).await;
            live.door = Some(door.map_err(|error| no_way_out(&error))?);
            command.env.extend(self.context.egress.environment());
        }
        for (name, value) in given.environment {
            command.env.entry(name).or_insert_with(|| value.reveal().to_owned());
        }
        Ok(command)
    }

    /// Lets requests through as soon as the page answers: a browser asks for the modules itself, and waits for them no
    /// longer than the probe does. What is being replaced goes on answering until the new one runs.
    fn open(&self, upstream: &Arc<SandboxUpstream>) {
        self.publish.send_if_modified(|snapshot| {
            let opens = snapshot.upstream.is_none();
            if opens {
                snapshot.upstream = Some(upstream.clone());
            }
            opens
        });
    }

    /// Takes the dev server's output down until it ends.
    async fn until_ended(&self, events: &mut mpsc::Receiver<SandboxEvent>) -> Problem {
        while let Some(event) = events.recv().await {
            match event {
                SandboxEvent::Output { is_stderr, line, .. } => {
                    self.logs.push(if is_stderr { LogSource::Stderr } else { LogSource::Stdout }, line);
                }
                SandboxEvent::Exited { exit, .. } => return faults::of_exit(exit, &self.tail()),
                SandboxEvent::Ended { reason } => return faults::of_end(&reason),
                SandboxEvent::OutputDropped { .. } => {}
            }
        }
        faults::of_end(&EndReason::GuestLost("its events ended".to_owned()))
    }

    fn tail(&self) -> String {
        self.logs.last_words(self.log_begins_after, TAIL_LINES)
    }
}

impl Live {
    /// What `wanted` means for this dev server, or `None` when it touches nothing that decides how it was started; also
    /// learns what the deciding files are now.
    pub(super) async fn impact(
        &mut self,
        context: &Context,
        scope: &Scope,
        wanted: &Tree,
        contents: &Contents,
    ) -> Result<Option<Impact>, Problem> {
        let diff = wanted.diff(&self.held);
        let paths: Vec<_> = diff.put.iter().chain(&diff.removed).collect();
        if !paths.iter().any(|path| path.is_at_root() || is_input(path)) {
            return Ok(None);
        }
        let after =
            inputs_of(context, scope, wanted, contents).await.map_err(|error| faults::of_store(&error))?;
        let impact = profile::impact_of(paths, &self.inputs, &after, self.owner.as_ref());
        let impact = impact.map_err(|error| faults::of_profile(&error))?;
        self.inputs = after;
        Ok(Some(impact))
    }

    /// Finds out what the sandbox really holds, after a delivery whose outcome is unknown.
    pub(super) async fn look_again(&mut self) -> Result<(), SendError> {
        let held = self.sandbox.digest().await?;
        // Files that tools made and the draft never had are theirs.
        let ours = held.into_iter().filter_map(|(path, HeldFile { sha256, mode })| {
            let known = self.held.get(path.as_str())?;
            let size = if known.sha256 == sha256 { known.size } else { 0 };
            Some((path, FileEntry { sha256, size, mode }))
        });
        self.held = Arc::new(ours.collect());
        Ok(())
    }

    /// Lets the next start of this app begin with what this one pre-bundles, unless it began with a pre-bundle itself.
    /// Goes on in the background; a sandbox that ends meanwhile ends it too.
    pub(super) fn keep_prebundle(&self, context: &Arc<Context>, app: &AppId) {
        let lease = self.ground.layer.as_ref().and_then(|layer| layer.lease.clone());
        let (Some(layer), None, false) = (lease, &self.ground.prebundle, self.has_secrets) else { return };
        let (context, app, sandbox) = (context.clone(), app.clone(), Arc::downgrade(&self.sandbox));
        tokio::spawn(async move {
            tokio::time::sleep(BEFORE_HARVEST).await;
            let Some(sandbox) = sandbox.upgrade() else { return };
            if let Err(error) = context.provision.keep_prebundle(layer, app.clone(), sandbox).await {
                tracing::debug!(%app, %error, "no pre-bundle was kept");
            }
        });
    }

    /// Takes the sandbox down for good.
    pub(super) async fn end(self) {
        if let Err(error) = self.sandbox.stop().await {
            tracing::error!(sandbox = %self.sandbox.id(), %error, "a sandbox was not removed cleanly");
        }
    }
}

/// The content of the files that detection and installation read.
async fn inputs_of(
    context: &Context,
    scope: &Scope,
    tree: &Tree,
    contents: &Contents,
) -> Result<Files, StoreError> {
    let inputs: Vec<_> = tree.iter().filter(|(path, _)| is_input(path)).collect();
    let absent: Vec<_> =
        inputs.iter().map(|(_, e)| e.sha256).filter(|hash| !contents.contains_key(hash)).collect();
    let stored = context.store.blobs(scope, &absent).await?;
    let content = |hash: &Sha256| contents.get(hash).or_else(|| stored.get(hash)).cloned();
    inputs
        .into_iter()
        .map(|(path, entry)| Ok((path.clone(), content(&entry.sha256).ok_or(StoreError::NotFound)?)))
        .collect()
}

/// What a session may use after its memory was too little so many times.
pub(super) fn memory_mib(settings: &SandboxConfig, kind: ProfileKind, doublings: u32) -> u64 {
    let first = match kind {
        ProfileKind::Astro => settings.astro_memory_mib,
        ProfileKind::Vite | ProfileKind::Static | ProfileKind::Custom => settings.memory_mib,
    };
    first.saturating_mul(1 << doublings.min(16)).min(settings.memory_max_mib.max(first))
}

fn describe(ready: &probe::Ready) -> String {
    match &ready.entry {
        Some((entry, 200)) => format!("answers / and {entry}"),
        Some((entry, status)) => format!("answers /, and {entry} with status {status}"),
        None => format!("answers / with status {}", ready.page),
    }
}

fn kind_name(kind: ProfileKind) -> &'static str {
    match kind {
        ProfileKind::Vite => "Vite",
        ProfileKind::Astro => "Astro",
        ProfileKind::Static => "static files",
        ProfileKind::Custom => "own dev command",
    }
}

fn no_way_out(error: &OpenError) -> Problem {
    match error {
        OpenError::Driver(error) => faults::of_driver(error),
        OpenError::Store(error) => faults::of_store(error),
    }
}

fn send_problem(error: SendError) -> Problem {
    match error {
        SendError::Driver(error) => faults::of_driver(&error),
        SendError::Store(error) => faults::of_store(&error),
        SendError::Content(_) => faults::of_store(&StoreError::NotFound),
    }
}
