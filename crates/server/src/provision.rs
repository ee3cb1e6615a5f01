//! What a sandbox needs from this machine before it can run a project: a toolchain, a layer, a pre-bundle.
//!
//! A trait, so that everything above can be tested without a package registry.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::Mutex;
use vitrine_build::layers::{Collected, Layer, LayerRequest, LayerStore, LayersUsage};
use vitrine_build::policy::{FactStore, GatheredFacts, Policy};
use vitrine_build::prebundle::{PrebundleError, PrebundleKey, harvest_prebundle};
use vitrine_build::profile::DetectedProfile;
use vitrine_build::toolchain::Toolchain;
use vitrine_build::{Diagnostic, Files};
use vitrine_model::problem::Problem;
use vitrine_model::source::Clock;
use vitrine_model::{AppId, ProjectPath, Sha256};
use vitrine_sandbox::Sandbox;

use crate::faults;

/// The first start on a new layer is somebody waiting for a page: the cache is for those after it.
const BEFORE_COMPILING: Duration = Duration::from_secs(20);

/// Weighing looks at every file beside every layer; whoever watches asks every few seconds.
const WEIGHED_EVERY: Duration = Duration::from_secs(20);

/// Gives sandboxes what they are mounted with.
#[async_trait]
pub(crate) trait Provision: Send + Sync + 'static {
    /// The toolchain that the project runs on.
    async fn toolchain(&self, detected: &DetectedProfile) -> Result<Toolchain, Problem>;

    /// `node_modules` for the project; the same for every project with the same lockfile.
    async fn layer(&self, request: LayerRequest) -> Result<Provided, Problem>;

    /// What the policy has to know about the project's packages, as far as it can be had.
    async fn facts(&self, files: &Files, detected: &DetectedProfile, policy: &Policy) -> GatheredFacts;

    /// The compiled form of the layer's tools. Asked for when there is none, it is made in the background for the next time.
    fn compile_cache(&self, layer: &Provided, toolchain: &Toolchain) -> Option<PathBuf>;

    /// The pre-bundle of the first key that has one.
    fn prebundle(&self, layer: &Provided, keys: &[PrebundleKey]) -> Option<PathBuf>;

    /// Keeps what the dev server of an app has pre-bundled, for the next starts of that app alone.
    async fn keep_prebundle(
        &self,
        layer: Layer,
        app: AppId,
        sandbox: Arc<dyn Sandbox>,
    ) -> Result<(), PrebundleError>;

    /// Lets go of what is kept for an app that is being deleted, in the background.
    fn forget(&self, app: &AppId);

    /// What all layers take, as it was some seconds ago; `None` when that cannot be told.
    async fn layers_usage(&self) -> Option<LayersUsage>;

    /// Removes layers beyond their budget, or says which that would be.
    async fn collect_layers(&self, dry_run: bool) -> Result<Collected, Problem>;
}

/// A layer to mount.
pub(crate) struct Provided {
    /// Its name: equal inputs, equal names.
    pub(crate) id: Sha256,
    pub(crate) node_modules: PathBuf,
    /// The lockfile that was used, when it is not the project's.
    pub(crate) resolved_lockfile: Option<(ProjectPath, bytes::Bytes)>,
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// True when it was there already.
    pub(crate) reused: bool,
    /// Keeps it from being collected.
    pub(crate) lease: Option<Layer>,
}

/// What this machine installs packages with, and what it knows about them.
pub(crate) struct Machine {
    pub(crate) layers: Arc<LayerStore>,
    pub(crate) facts: FactStore,
    pub(crate) clock: Arc<dyn Clock>,
    /// What the layers took when they were last weighed.
    pub(crate) weighed: Mutex<Option<(Instant, LayersUsage)>>,
}

#[async_trait]
impl Provision for Machine {
    async fn toolchain(&self, detected: &DetectedProfile) -> Result<Toolchain, Problem> {
        self.layers.toolchain(detected).await.map_err(|error| faults::of_layer(&error))
    }

    async fn layer(&self, request: LayerRequest) -> Result<Provided, Problem> {
        let layer = self.layers.ensure(request).await.map_err(|error| faults::of_layer(&error))?;
        Ok(Provided {
            id: layer.id,
            node_modules: layer.node_modules.clone(),
            resolved_lockfile: layer.resolved_lockfile.clone(),
            diagnostics: layer.diagnostics.clone(),
            reused: layer.reused,
            lease: Some(layer),
        })
    }

    async fn facts(&self, files: &Files, detected: &DetectedProfile, policy: &Policy) -> GatheredFacts {
        self.facts.gather(files, detected, policy, self.clock.now()).await
    }

    fn compile_cache(&self, layer: &Provided, toolchain: &Toolchain) -> Option<PathBuf> {
        let layer = layer.lease.as_ref()?;
        let there = self.layers.compile_cache_dir(layer, toolchain);
        if there.is_none() {
            let (layers, layer, toolchain) = (self.layers.clone(), layer.clone(), toolchain.clone());
            tokio::spawn(async move {
                tokio::time::sleep(BEFORE_COMPILING).await;
                if let Err(error) = layers.make_compile_cache(&layer, &toolchain).await {
                    tracing::debug!(layer = %layer.id, %error, "no compile cache was made");
                }
            });
        }
        there
    }

    fn prebundle(&self, layer: &Provided, keys: &[PrebundleKey]) -> Option<PathBuf> {
        let layer = layer.lease.as_ref()?;
        keys.iter().find_map(|key| self.layers.prebundle_dir(layer, key))
    }

    async fn keep_prebundle(
        &self,
        layer: Layer,
        app: AppId,
        sandbox: Arc<dyn Sandbox>,
    ) -> Result<(), PrebundleError> {
        let files = harvest_prebundle(sandbox.as_ref()).await?;
        self.layers.store_prebundle(&layer, &PrebundleKey::App(app), files).await.map(|_| ())
    }

    fn forget(&self, app: &AppId) {
        let (layers, app) = (self.layers.clone(), app.clone());
        tokio::spawn(async move {
            if let Err(error) = layers.forget_prebundles(&app).await {
                tracing::warn!(%app, %error, "pre-bundles of a deleted app are left until their layers go");
            }
        });
    }

    async fn layers_usage(&self) -> Option<LayersUsage> {
        let mut weighed = self.weighed.lock().await;
        if let Some((at, usage)) = *weighed
            && at.elapsed() < WEIGHED_EVERY
        {
            return Some(usage);
        }
        match self.layers.usage().await {
            Ok(usage) => {
                *weighed = Some((Instant::now(), usage));
                Some(usage)
            }
            Err(error) => {
                tracing::warn!(%error, "the layers were not weighed");
                None
            }
        }
    }

    async fn collect_layers(&self, dry_run: bool) -> Result<Collected, Problem> {
        let collected = if dry_run { self.layers.surplus().await } else { self.layers.collect().await };
        collected.map_err(|error| faults::of_layer(&error))
    }
}
