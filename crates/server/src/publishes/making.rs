//! Makes artifacts: what a build stands on, the build itself, and the packing of what it left. Knows nothing of queues and
//! releases; publishes and prebuilt templates are made by the same hands.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;
use vitrine_build::Files;
use vitrine_build::layers::{InstallEvent, LayerRequest};
use vitrine_build::pipeline::inputs::{Ground as InputGround, inputs};
use vitrine_build::pipeline::pack::{Effort, Packed, pack};
use vitrine_build::pipeline::{
    self, BuildLimits, BuildLog, BuildPlan, BuildRequest, Built, provenance, sbom,
};
use vitrine_build::profile::{self, DetectedProfile};
use vitrine_build::toolchain::{Platform, Toolchain};
use vitrine_model::artifact::BuildInputs;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::profile::{Profile, ProfileKind};
use vitrine_model::publish::BuildMode;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{Manifest, ProjectPath, SandboxId, Sha256, Timestamp, Tree};
use vitrine_sandbox::Driver;
use vitrine_sandbox::driver::FilePut;
use vitrine_store::{Store, StoreError};

use crate::config::PublishConfig;
use crate::faults;
use crate::provision::{Provided, Provision};
use crate::secrets::BuildSecrets;

const MIB: u64 = 1024 * 1024;

/// Bytes of a manifest as JSON: every server that shows the site holds it in memory. 20,000 files have some 10 MiB.
const MOST_MANIFEST_BYTES: usize = 24 * 1024 * 1024;

/// How often an upload is tried again that meets the collection of the same object, and the pause before.
const LEAVING_TRIES: u32 = 20;
const LEAVING_PAUSE: Duration = Duration::from_millis(250);

/// Objects uploaded at once.
const UPLOADS_AT_ONCE: usize = 8;

/// What artifacts are made with.
#[derive(Clone)]
pub(crate) struct Maker {
    pub(crate) store: Store,
    pub(crate) driver: Arc<dyn Driver>,
    pub(crate) provision: Arc<dyn Provision>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    pub(crate) settings: PublishConfig,
    /// What provenance names as the builder.
    pub(crate) public_url: String,
}

/// Hears how the making goes.
pub(crate) trait Listener: Send + Sync {
    /// A line for the log.
    fn line(&self, is_stderr: bool, text: &str);

    /// What is being waited for.
    fn waiting(&self, text: &str);
}

/// A file tree, read and understood.
pub(crate) struct Project {
    pub(crate) tree: Tree,
    pub(crate) files: Files,
    pub(crate) detected: DetectedProfile,
    pub(crate) plan: BuildPlan,
}

impl Project {
    /// Finds out what kind of project it is and how it is built.
    pub(crate) fn read(
        tree: Tree,
        files: Files,
        owner: Option<&Profile>,
        mode: BuildMode,
    ) -> Result<Self, Box<Problem>> {
        let detected = profile::detect(&files, owner).map_err(|error| faults::of_profile(&error))?;
        let plan = pipeline::plan(&detected, &files, mode).map_err(|error| error.problem())?;
        Ok(Self { tree, files, detected, plan })
    }

    /// The lockfile that is followed.
    fn lockfile(&self) -> Option<(&ProjectPath, &[u8])> {
        let named = self.detected.lockfile.as_ref();
        let made = || {
            let name = self.detected.package_manager?.lockfile_name();
            self.files.keys().find(|path| path.as_str() == name)
        };
        let path = named.filter(|path| self.files.contains_key(*path)).or_else(made)?;
        Some((path, self.files.get(path)?.as_ref()))
    }

    /// The same with another lockfile: the one that was chosen when there was none that fits.
    fn with_lockfile(&mut self, path: ProjectPath, content: Bytes) {
        let entry = vitrine_model::FileEntry {
            sha256: Sha256::of(&content),
            size: content.len() as u64,
            mode: vitrine_model::FileMode::Regular,
        };
        self.tree.insert(path.clone(), entry);
        self.detected.lockfile = Some(path.clone());
        self.files.insert(path, content);
    }
}

/// Who has an artifact made, and how.
#[derive(Clone, Copy)]
pub(crate) struct Order<'a> {
    /// Where the files come from: a revision, or a template.
    pub(crate) source: &'a str,
    /// What has it built.
    pub(crate) invocation: &'a str,
    /// What the app is called.
    pub(crate) name: &'a str,
    pub(crate) effort: Effort,
}

/// What a build stands on; both absent for files that are served as they are.
#[derive(Default)]
pub(crate) struct Ground {
    pub(crate) toolchain: Option<Toolchain>,
    pub(crate) layer: Option<Provided>,
}

/// An artifact's parts, on their way to the object store.
pub(crate) struct Made {
    pub(crate) manifest: Manifest,
    pub(crate) objects: BTreeMap<Sha256, Bytes>,
    pub(crate) provenance: Sha256,
    pub(crate) sbom: Sha256,
    pub(crate) build_millis: u64,
    /// What a person should know about it, although it worked.
    pub(crate) warnings: Vec<String>,
}

impl Maker {
    pub(crate) async fn toolchain(&self, project: &Project) -> Result<Option<Toolchain>, Problem> {
        match project.plan.is_as_is() {
            true => Ok(None),
            false => self.provision.toolchain(&project.detected).await.map(Some),
        }
    }

    /// `node_modules`. Where versions had to be chosen, the chosen lockfile becomes part of what is built.
    pub(crate) async fn layer(
        &self,
        project: &mut Project,
        listener: &dyn Listener,
    ) -> Result<Option<Provided>, Problem> {
        if project.plan.is_as_is() || project.detected.package_manager.is_none() {
            return Ok(None);
        }
        let (progress, mut reports) = mpsc::channel(64);
        let request = LayerRequest {
            files: project.files.clone(),
            detected: project.detected.clone(),
            progress: Some(progress),
        };
        let reporting = async {
            while let Some(event) = reports.recv().await {
                report(listener, event);
            }
        };
        let (layer, ()) = tokio::join!(self.provision.layer(request), reporting);
        let layer = layer?;
        for diagnostic in &layer.diagnostics {
            listener.line(false, &diagnostic.to_string());
        }
        if let Some((path, content)) = layer.resolved_lockfile.clone() {
            project.with_lockfile(path, content);
        }
        Ok(Some(layer))
    }

    /// What the artifact is named by before it is made.
    pub(crate) fn inputs(
        &self,
        project: &Project,
        ground: &Ground,
        secrets: &BuildSecrets,
    ) -> Result<BuildInputs, Box<Problem>> {
        let platform = Platform::of_host().map_err(|error| {
            Box::new(Problem::new(Code::ToolchainUnavailable, format!("Nothing can be built here: {error}.")))
        })?;
        Ok(inputs(
            &project.plan,
            InputGround {
                tree: project.tree.hash(),
                node: project.detected.node,
                package_manager: project.detected.package_manager,
                layer: ground.layer.as_ref().map(|layer| layer.id),
                platform,
                environment: &secrets.digests,
                searched_for: secrets.searched_for,
            },
        ))
    }

    pub(crate) async fn build(
        &self,
        project: &Project,
        ground: &Ground,
        secrets: &BuildSecrets,
        listener: &dyn Listener,
    ) -> Result<Built, Problem> {
        let files = project.tree.iter().filter_map(|(path, entry)| {
            let content = project.files.get(path)?.clone();
            Some(FilePut { path: path.clone(), mode: entry.mode, content })
        });
        let request = BuildRequest {
            sandbox_id: SandboxId::mint(self.clock.as_ref(), self.entropy.as_ref()),
            plan: project.plan.clone(),
            files: files.collect(),
            toolchain: ground.toolchain.as_ref().map_or_else(PathBuf::new, |toolchain| toolchain.dir.clone()),
            node_modules: ground.layer.as_ref().map(|layer| layer.node_modules.clone()),
            compile_cache: self.compile_cache(ground),
            environment: secrets.given.environment.clone(),
            guard: secrets.given.guard.clone(),
            limits: self.limits(project.detected.profile.kind),
        };
        // Whoever cancels drops this future; the sandbox goes with it.
        let cancel = CancellationToken::new();
        let built = pipeline::build(self.driver.as_ref(), request, &Lines(listener), cancel).await;
        built.map_err(|error| {
            if error.is_ours() {
                tracing::warn!(%error, "a build's sandbox failed");
            }
            error.problem()
        })
    }

    fn compile_cache(&self, ground: &Ground) -> Option<PathBuf> {
        self.provision.compile_cache(ground.layer.as_ref()?, ground.toolchain.as_ref()?)
    }

    fn limits(&self, kind: ProfileKind) -> BuildLimits {
        let settings = &self.settings;
        let memory_mib = match kind {
            ProfileKind::Astro => settings.astro_memory_mib,
            ProfileKind::Vite | ProfileKind::Static | ProfileKind::Custom => settings.memory_mib,
        };
        BuildLimits {
            memory_bytes: memory_mib * MIB,
            memory_max_bytes: settings.memory_max_mib.max(memory_mib) * MIB,
            cpu_millis: settings.cpu_millis,
            pids: settings.pids,
            disk_bytes: settings.disk_mib * MIB,
            wall: Duration::from_secs(settings.build_timeout_secs),
            ..BuildLimits::of(kind)
        }
    }

    /// The manifest, the compressed forms, and what is on record about how it was made. Content of `earlier` is not
    /// compressed again.
    pub(crate) async fn pack(
        &self,
        project: &Project,
        inputs: &BuildInputs,
        built: &Built,
        (earlier, order): (&Manifest, Order<'_>),
    ) -> Result<Made, Problem> {
        let known: BTreeMap<_, _> =
            earlier.files.values().map(|file| (file.sha256, file.variants.clone())).collect();
        let packed = pack(&built.files, &built.inspection, &known, order.effort).await;
        let Packed { manifest, objects } = packed.map_err(|error| not_packed(&error))?;
        let bytes = serde_json::to_vec(&manifest).map_or(usize::MAX, |json| json.len());
        if bytes > MOST_MANIFEST_BYTES {
            let text =
                "The list of what the build left is too long: too many files, or too many inline scripts.";
            return Err(Problem::new(Code::BuildOutputRefused, text));
        }
        let mut objects: BTreeMap<_, _> = objects.into_iter().collect();
        let mut keep = |document: Vec<u8>| {
            let bytes = Bytes::from(document);
            let hash = Sha256::of(&bytes);
            objects.insert(hash, bytes);
            hash
        };
        let lockfile = project.lockfile().filter(|_| !project.plan.is_as_is());
        let subject = sbom::Subject { name: order.name, artifact: &manifest.id() };
        let mut warnings = Vec::new();
        let bill = sbom::sbom(lockfile, subject).or_else(|error| {
            // A lockfile in an old format installs all the same.
            warnings.push(format!("the list of packages is empty: {error}"));
            sbom::sbom(None, sbom::Subject { name: order.name, artifact: &manifest.id() })
        });
        let bill = keep(bill.map_err(|error| not_packed(&error))?);
        let build_millis = built.duration.as_millis() as u64;
        let finished_at = self.clock.now();
        let statement = keep(provenance::statement(&provenance::Provenance {
            builder: &self.public_url,
            manifest: &manifest,
            inputs,
            source: order.source,
            invocation: order.invocation,
            started_at: Timestamp::from_millis(finished_at.as_millis() - build_millis as i64),
            finished_at,
            sbom: Some(bill),
        }));
        Ok(Made { manifest, objects, provenance: statement, sbom: bill, build_millis, warnings })
    }

    /// Sends what the object store does not have; returns that, with its size. It is not known as stored before
    /// [`Self::verify`].
    pub(crate) async fn upload(&self, made: &Made) -> Result<Vec<(Sha256, u64)>, StoreError> {
        let sizes: Vec<_> = made.objects.iter().map(|(hash, bytes)| (*hash, bytes.len() as u64)).collect();
        let missing = self.store.missing_objects(&sizes).await?;
        let uploads: Vec<_> =
            missing.iter().filter_map(|hash| Some((*hash, made.objects.get(hash)?.clone()))).collect();
        let store = self.store.clone();
        stream::iter(uploads)
            .map(|(hash, content)| {
                let store = store.clone();
                async move { put_patiently(&store, &hash, content).await }
            })
            .buffer_unordered(UPLOADS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(sizes.into_iter().filter(|(hash, _)| missing.contains(hash)).collect())
    }

    /// Reads back what was uploaded, compares, and only then takes it for stored.
    pub(crate) async fn verify(&self, new: &[(Sha256, u64)]) -> Result<(), StoreError> {
        self.store.verify_objects(new).await
    }
}

/// Uploads; an object that is being removed at this moment is gone a moment later.
async fn put_patiently(store: &Store, hash: &Sha256, content: Bytes) -> Result<(), StoreError> {
    for _ in 0..LEAVING_TRIES {
        match store.put_object(hash, content.clone()).await {
            Err(StoreError::ObjectLeaving) => tokio::time::sleep(LEAVING_PAUSE).await,
            outcome => return outcome,
        }
    }
    store.put_object(hash, content).await
}

fn not_packed(error: &dyn std::fmt::Display) -> Problem {
    tracing::error!(%error, "an artifact was not packed");
    Problem::new(Code::Internal, "The output could not be packed; the log of the server has the reason.")
}

struct Lines<'a>(&'a dyn Listener);

impl BuildLog for Lines<'_> {
    fn line(&self, is_stderr: bool, text: &str) {
        self.0.line(is_stderr, text);
    }
}

fn report(listener: &dyn Listener, event: InstallEvent) {
    match event {
        InstallEvent::Output(line) => listener.line(false, &line),
        // Told once, with the finished layer.
        InstallEvent::Diagnostic(_) => {}
        InstallEvent::Queued => listener.waiting("waiting for other installations"),
        InstallEvent::Toolchain => listener.waiting("preparing the toolchain"),
        InstallEvent::Started { command } => listener.waiting(&format!("running {command}")),
        InstallEvent::Sealing => listener.waiting("checking and sealing what was installed"),
    }
}
