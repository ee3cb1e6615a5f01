//! One attempt at a publish: its steps, from the revision to the release pointer.

use std::collections::BTreeSet;

use vitrine_build::pipeline::Built;
use vitrine_build::pipeline::compare::compare;
use vitrine_build::pipeline::pack::Effort;
use vitrine_model::app::App;
use vitrine_model::artifact::{Artifact, BuildInputs};
use vitrine_model::problem::{Code, Problem, ProblemItem};
use vitrine_model::publish::{Publish, PublishStep, PublishStepName, PublishTarget};
use vitrine_model::{AppId, ArtifactId, Manifest, Sha256};
use vitrine_store::{ChangeCause, Claimed, NewArtifact, PublishEnd, Scope, Store, StoreError, Switched};

#[cfg(test)]
use super::Damage;
use super::Publishes;
use super::inputs::{Lockfile, refusal, sentence};
use super::making::{Ground, Listener, Made, Maker, Order, Project};
use super::recorder::Recorder;
use crate::faults;
use crate::secrets::BuildSecrets;

/// Differing files that a problem document lists.
const MOST_ITEMS: usize = 50;

/// One worker's try.
pub(super) struct Attempt {
    publishes: Publishes,
    scope: Scope,
    app: AppId,
    publish: Publish,
    fence: u64,
    recorder: Recorder,
}

/// How it ended.
pub(super) enum Outcome {
    /// Written down already, with the switch.
    Written,
    /// It cannot be done.
    Failed(Problem),
    /// The token is not ours any more.
    Lost,
}

/// Why a step did not end well.
enum Fault {
    Problem(Problem),
    Lost,
}

impl From<Problem> for Fault {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}

impl From<StoreError> for Fault {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::LeaseLost => Self::Lost,
            error => Self::Problem(faults::of_publish_store(&error)),
        }
    }
}

/// What will be served, and how it came about.
struct Finished {
    manifest: Manifest,
    /// Absent when the artifact is on record for the app already.
    record: Option<NewArtifact>,
    is_reused: bool,
}

impl Attempt {
    pub(super) fn new(publishes: Publishes, claimed: &Claimed, recorder: Recorder) -> Self {
        Self {
            publishes,
            scope: claimed.scope.clone(),
            app: claimed.publish.app_id.clone(),
            publish: claimed.publish.clone(),
            fence: claimed.fence,
            recorder,
        }
    }

    /// Runs the steps. Dropped half-way, it leaves nothing behind but objects that no artifact names; collection takes
    /// them.
    pub(super) async fn run(self) -> Outcome {
        match self.steps().await {
            Ok(()) => Outcome::Written,
            Err(Fault::Problem(problem)) => Outcome::Failed(problem),
            Err(Fault::Lost) => Outcome::Lost,
        }
    }

    async fn steps(&self) -> Result<(), Fault> {
        // Before anything is written down: what is secret must be known first.
        let secrets = self.secrets().await?;
        let mut project = self.step(PublishStepName::Check, self.check()).await?;
        let ground = self.ground(&mut project).await?;
        let inputs = self.maker().inputs(&project, &ground, &secrets).map_err(|problem| *problem)?;
        if self.publish.target == PublishTarget::Verify {
            let made = self.make(&project, &ground, (&inputs, &secrets)).await?;
            self.step(PublishStepName::Verify, self.compare(&made.manifest)).await?;
            return self.end_built(made.manifest.id(), false).await;
        }
        let finished = match self.known(&inputs).await? {
            Some(finished) => finished,
            None => self.make_and_store(&project, &ground, (&inputs, &secrets)).await?,
        };
        if let Some(record) = finished.record {
            self.store().record_artifact(&self.scope, &self.app, record).await?;
        }
        let artifact = finished.manifest.id();
        match self.publish.target {
            PublishTarget::Hosting => self.switch(&artifact, finished.is_reused).await,
            PublishTarget::Preview | PublishTarget::Verify => {
                self.end_built(artifact, finished.is_reused).await
            }
        }
    }

    /// What the build is given by name. From here on the record of the publish shows none of it.
    async fn secrets(&self) -> Result<BuildSecrets, Fault> {
        let service = &self.publishes.0.context.secrets;
        let secrets = service.for_build(&self.scope, &self.app, self.publish.environment).await;
        let secrets = secrets.map_err(|error| faults::of_vault(&error))?;
        self.recorder.hide(secrets.given.guard.clone());
        Ok(secrets)
    }

    async fn check(&self) -> Result<Project, Fault> {
        let tree = self.store().revision_tree(&self.scope, &self.app, &self.publish.revision_id).await?;
        let project = self.publishes.project(&self.scope, &self.app, tree, self.publish.mode).await?;
        for diagnostic in &project.detected.diagnostics {
            self.recorder.line(false, diagnostic.to_string());
        }
        let report = self.publishes.check(&self.scope, &project).await?;
        for warning in &report.warnings {
            self.recorder.line(false, sentence(warning));
        }
        if let Some(problem) = refusal(&report, Lockfile::MayBeMade) {
            return Err(problem.into());
        }
        let text = format!("{} files, {} warnings", project.tree.len(), report.warnings.len());
        self.recorder.detail(PublishStepName::Check, text);
        Ok(project)
    }

    async fn ground(&self, project: &mut Project) -> Result<Ground, Fault> {
        if project.plan.is_as_is() {
            self.recorder.skip(PublishStepName::Toolchain, "files served as they are");
            self.recorder.skip(PublishStepName::Layer, "files served as they are");
            return Ok(Ground::default());
        }
        let maker = self.maker();
        let toolchain = async { Ok(maker.toolchain(project).await?) };
        let toolchain = self.step(PublishStepName::Toolchain, toolchain).await?;
        if let Some(toolchain) = &toolchain {
            self.recorder.detail(PublishStepName::Toolchain, format!("Node.js {}", toolchain.node));
        }
        let listener = self.listener(PublishStepName::Layer);
        let layer = async { Ok(maker.layer(project, &listener).await?) };
        let layer = self.step(PublishStepName::Layer, layer).await?;
        let detail = match &layer {
            None => "nothing to install",
            Some(layer) if layer.reused => "there already",
            Some(_) => "installed",
        };
        self.recorder.detail(PublishStepName::Layer, detail);
        if let Some((path, content)) = layer.as_ref().and_then(|layer| layer.resolved_lockfile.clone()) {
            // What was chosen just now has to keep to the rules as well.
            let report = self.publishes.check(&self.scope, project).await?;
            if let Some(problem) = refusal(&report, Lockfile::MustFit) {
                return Err(problem.into());
            }
            if self.publish.target != PublishTarget::Verify {
                self.save_lockfile(path, content).await;
            }
        }
        Ok(Ground { toolchain, layer })
    }

    /// The lockfile that was chosen goes into the draft, unless the draft has moved on: then the draft's owner is at work,
    /// and a publish never writes over that.
    async fn save_lockfile(&self, path: vitrine_model::ProjectPath, content: bytes::Bytes) {
        let context = &self.publishes.0.context;
        let saving = async {
            let draft = context.store.draft(&self.scope, &self.app).await?;
            let built =
                context.store.revision_tree(&self.scope, &self.app, &self.publish.revision_id).await?;
            let same = |name: &str| draft.tree.get(name) == built.get(name);
            if !same("package.json") || !same(path.as_str()) {
                return Ok(false);
            }
            let files = vec![(path.clone(), content)];
            context.drafts.put_files(&self.scope, &self.app, files, ChangeCause::Install).await?;
            Ok::<_, crate::drafts::DraftError>(true)
        };
        match saving.await {
            Ok(true) => self.recorder.line(false, format!("saved {path} into the draft")),
            Ok(false) => self.recorder.line(false, format!("{path} was chosen for this build alone")),
            Err(error) => self.recorder.line(true, format!("{path} was not saved into the draft: {error}")),
        }
    }

    /// An artifact made of the same inputs: of this app, or of the template it was made from. When anything about it is in
    /// doubt, the app is built.
    async fn known(&self, inputs: &BuildInputs) -> Result<Option<Finished>, Fault> {
        let hash = inputs.hash();
        let own = self.store().artifact_by_inputs(&self.scope, &self.app, &hash).await?;
        let (manifest, record) = match own {
            Some((_, manifest)) => (manifest, None),
            None => match self.store().shared_artifact_by_inputs(&hash).await? {
                Some(known) => {
                    let record = NewArtifact {
                        artifact: self.artifact(&known.manifest, inputs, known.build_millis),
                        manifest: known.manifest.clone(),
                        provenance: known.provenance,
                        sbom: known.sbom,
                    };
                    (known.manifest, Some(record))
                }
                None => return Ok(None),
            },
        };
        let missing = self.missing(&manifest).await?;
        if !missing.is_empty() {
            let text =
                format!("an artifact of the same inputs lacks {} objects; building anew", missing.len());
            tracing::warn!(publish = %self.publish.id, "{text}");
            self.recorder.line(true, text);
            return Ok(None);
        }
        let why = match record {
            Some(_) => "nothing was changed since the template: its artifact is used",
            None => "nothing has changed: an earlier artifact is used",
        };
        for name in [PublishStepName::Build, PublishStepName::Pack, PublishStepName::Upload] {
            self.recorder.skip(name, why);
        }
        self.recorder.line(false, why);
        Ok(Some(Finished { manifest, record, is_reused: true }))
    }

    /// What of an artifact is not in the object store, or not as it was sent: read back, so that no release names what has
    /// been lost. That counts as not stored from then on, and a build uploads it again.
    async fn missing(&self, manifest: &Manifest) -> Result<Vec<Sha256>, Fault> {
        let objects: Vec<_> = manifest.objects().collect();
        let unknown = self.store().missing_objects(&objects).await?;
        if !unknown.is_empty() {
            return Ok(unknown);
        }
        let verifying = async {
            match self.store().verify_objects(&objects).await {
                Ok(()) => Ok(Vec::new()),
                Err(StoreError::MissingObjects(lost)) => Ok(lost),
                Err(error) => Err(error.into()),
            }
        };
        self.step(PublishStepName::Verify, verifying).await
    }

    async fn make(
        &self,
        project: &Project,
        ground: &Ground,
        (inputs, secrets): (&BuildInputs, &BuildSecrets),
    ) -> Result<Made, Fault> {
        let maker = self.maker();
        let listener = self.listener(PublishStepName::Build);
        let building = async { Ok(maker.build(project, ground, secrets, &listener).await?) };
        // What is asked of the store is there when the build is.
        let app = self.store().app(&self.scope, &self.app);
        let building = self.step(PublishStepName::Build, building);
        let (built, earlier, app) = tokio::join!(building, self.earlier(), app);
        let mut built = built?;
        let made = async { self.pack(project, inputs, &built, (earlier?, app?)).await };
        let made = made.await;
        // Its sandbox went meanwhile; nothing of it outlives the attempt.
        built.ended().await;
        made
    }

    async fn pack(
        &self,
        project: &Project,
        inputs: &BuildInputs,
        built: &Built,
        (earlier, app): (Manifest, App),
    ) -> Result<Made, Fault> {
        let maker = self.maker();
        let order = Order {
            source: self.publish.revision_id.as_str(),
            invocation: self.publish.id.as_str(),
            name: &app.name,
            effort: Effort::Quick,
        };
        let packing = async { Ok(maker.pack(project, inputs, built, (&earlier, order)).await?) };
        let made = self.step(PublishStepName::Pack, packing).await?;
        for warning in &made.warnings {
            self.recorder.line(true, warning.clone());
        }
        let files = made.manifest.files.len();
        let text = format!("{files} files, {}", size_text(made.manifest.size_bytes()));
        self.recorder.detail(PublishStepName::Pack, text);
        Ok(made)
    }

    /// What the app shows now: most of its files are in the next artifact, too.
    async fn earlier(&self) -> Result<Manifest, Fault> {
        let Some(release) = self.store().current_release(&self.scope, &self.app).await? else {
            return Ok(Manifest::default());
        };
        // It only saves work: without it everything is compressed anew.
        let earlier = self.store().artifact(&self.scope, &self.app, &release.artifact).await;
        let mut manifest = earlier.map(|(_, manifest)| manifest).unwrap_or_default();
        let forms = manifest.files.values().flat_map(|file| file.variants.values());
        let forms: Vec<_> = forms.map(|form| (form.sha256, form.size)).collect();
        let missing = self.store().missing_objects(&forms).await?;
        manifest.files.retain(|_, file| !file.variants.values().any(|form| missing.contains(&form.sha256)));
        Ok(manifest)
    }

    async fn make_and_store(
        &self,
        project: &Project,
        ground: &Ground,
        (inputs, secrets): (&BuildInputs, &BuildSecrets),
    ) -> Result<Finished, Fault> {
        let made = self.make(project, ground, (inputs, secrets)).await?;
        let maker = self.maker();
        let uploading = async { Ok(maker.upload(&made).await?) };
        let new = self.step(PublishStepName::Upload, uploading).await?;
        let content: BTreeSet<_> = made.manifest.objects().map(|(hash, _)| hash).collect();
        let sizes: Vec<_> =
            new.iter().filter(|(hash, _)| content.contains(hash)).map(|(_, size)| size).collect();
        let bytes = sizes.iter().copied().sum();
        let text = format!(
            "{} of {} files are new, compressed forms included: {}",
            sizes.len(),
            content.len(),
            size_text(bytes)
        );
        self.recorder.detail(PublishStepName::Upload, text);
        let verifying = async { Ok(maker.verify(&new).await?) };
        self.step(PublishStepName::Verify, verifying).await?;
        let record = NewArtifact {
            artifact: self.artifact(&made.manifest, inputs, made.build_millis),
            manifest: made.manifest.clone(),
            provenance: made.provenance,
            sbom: made.sbom,
        };
        Ok(Finished { manifest: made.manifest, record: Some(record), is_reused: false })
    }

    /// Whether the artifact that was asked for has come out again.
    async fn compare(&self, made: &Manifest) -> Result<(), Fault> {
        let Some(wanted) = &self.publish.artifact else {
            return Err(Problem::new(Code::InvalidRequest, "There is no artifact to compare with.").into());
        };
        let (_, recorded) = self.store().artifact(&self.scope, &self.app, wanted).await?;
        let differences = compare(&recorded, made);
        if differences.is_empty() {
            self.recorder.detail(PublishStepName::Verify, format!("{} files are the same", made.files.len()));
            return Ok(());
        }
        let text = format!("{} of {} files differ.", differences.len(), made.files.len());
        let mut problem = Problem::new(Code::NotReproducible, text);
        problem.errors = differences
            .iter()
            .take(MOST_ITEMS)
            .map(|difference| ProblemItem {
                path: Some(difference.path.to_string()),
                line: None,
                code: Code::NotReproducible,
                message: difference.to_string(),
            })
            .collect();
        Err(problem.into())
    }

    async fn end_built(&self, artifact: ArtifactId, is_reused: bool) -> Result<(), Fault> {
        self.recorder.flush().await?;
        let (end, steps) = (PublishEnd::Built { artifact }, self.recorder.steps());
        Ok(self.store().end_publish(&self.publish.id, self.fence, end, is_reused, &steps).await?)
    }

    /// Moves the release pointer, if this publish is still the newest. From then on every visitor gets the new release.
    async fn switch(&self, artifact: &ArtifactId, is_reused: bool) -> Result<(), Fault> {
        self.step(PublishStepName::Switch, async { Ok(()) }).await?;
        self.recorder.flush().await?;
        let steps = self.recorder.steps();
        match self.release(artifact, is_reused, steps).await? {
            Switched::Released(release) => {
                tracing::info!(publish = %self.publish.id, app = %self.app, release = release.number, %artifact, "published");
            }
            Switched::Superseded => {
                tracing::info!(publish = %self.publish.id, app = %self.app, %artifact, "superseded at the switch");
            }
            Switched::Cancelled => {
                tracing::info!(publish = %self.publish.id, app = %self.app, "cancelled at the switch");
            }
        }
        Ok(())
    }

    /// Commits the switch and tells whoever serves visitors. In a task of its own: an attempt may be dropped at any moment, and
    /// a switch that nobody heard of would leave visitors with the old release until it is looked at again.
    async fn release(
        &self,
        artifact: &ArtifactId,
        is_reused: bool,
        steps: Vec<PublishStep>,
    ) -> Result<Switched, Fault> {
        let publishes = self.publishes.clone();
        let (publish, fence, app) = (self.publish.id.clone(), self.fence, self.app.clone());
        let artifact = artifact.clone();
        let switching = tokio::spawn(async move {
            let context = &publishes.0.context;
            let switched =
                context.store.release_publish(&publish, fence, &artifact, is_reused, &steps).await?;
            context.visitors.switched(&app);
            Ok::<_, StoreError>(switched)
        });
        // A task that ended without a word, as with the process: nobody knows, so the lease decides.
        switching.await.map_err(|_| Fault::Lost)?.map_err(Fault::from)
    }

    fn artifact(&self, manifest: &Manifest, inputs: &BuildInputs, build_millis: u64) -> Artifact {
        Artifact {
            id: manifest.id(),
            app_id: self.app.clone(),
            revision_id: self.publish.revision_id.clone(),
            publish_id: self.publish.id.clone(),
            manifest_sha256: manifest.hash(),
            input_sha256: inputs.hash(),
            inputs: inputs.clone(),
            file_count: manifest.files.len() as u64,
            size_bytes: manifest.size_bytes(),
            build_millis,
            created_at: self.publishes.0.context.maker.clock.now(),
        }
    }

    /// Measures a step and records how it ended.
    async fn step<T>(
        &self,
        name: PublishStepName,
        work: impl Future<Output = Result<T, Fault>>,
    ) -> Result<T, Fault> {
        self.recorder.begin(name);
        #[cfg(test)]
        self.suffer(name).await?;
        let result = work.await?;
        self.recorder.end(name);
        Ok(result)
    }

    #[cfg(test)]
    async fn suffer(&self, name: PublishStepName) -> Result<(), Fault> {
        match self.publishes.0.context.sabotage.at(&self.publish, name).await {
            None => Ok(()),
            Some(Damage::Fails) => {
                Err(Problem::new(Code::Internal, format!("A test broke the step {name:?}.")).into())
            }
            Some(Damage::Vanishes) => Err(Fault::Lost),
        }
    }

    fn listener(&self, step: PublishStepName) -> StepListener {
        StepListener { recorder: self.recorder.clone(), step }
    }

    fn store(&self) -> &Store {
        &self.publishes.0.context.store
    }

    fn maker(&self) -> &Maker {
        &self.publishes.0.context.maker
    }
}

/// What is said during one step.
struct StepListener {
    recorder: Recorder,
    step: PublishStepName,
}

impl Listener for StepListener {
    fn line(&self, is_stderr: bool, text: &str) {
        self.recorder.line(is_stderr, text);
    }

    fn waiting(&self, text: &str) {
        self.recorder.detail(self.step, text);
        self.recorder.line(false, text);
    }
}

/// Bytes for people.
fn size_text(bytes: u64) -> String {
    match bytes {
        0..1_024 => format!("{bytes} bytes"),
        1_024..1_048_576 => format!("{} KiB", bytes / 1_024),
        _ => format!("{:.1} MiB", bytes as f64 / 1_048_576.0),
    }
}
