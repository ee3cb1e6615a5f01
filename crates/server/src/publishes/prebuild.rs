//! Builds the templates ahead, so that the first publish and the first static preview of an untouched app build nothing.

use std::sync::Arc;

use vitrine_build::pipeline::pack::Effort;
use vitrine_build::template::TemplatePack;
use vitrine_model::Manifest;
use vitrine_model::problem::Problem;
use vitrine_model::publish::BuildMode;
use vitrine_store::{StoreError, TemplateArtifact};

use super::making::{Ground, Listener, Maker, Order, Project};
use crate::secrets::BuildSecrets;

/// Builds what is missing, one template after the other. A failure is logged, and shown again, with its reason, to whoever
/// publishes an app of that template.
pub(crate) async fn run(maker: Maker, templates: Arc<Vec<TemplatePack>>) {
    for pack in templates.iter() {
        let template = pack.manifest.key.as_str();
        match prebuild(&maker, pack).await {
            Ok(true) => tracing::info!(template, "built ahead of its first publish"),
            Ok(false) => tracing::debug!(template, "was built ahead before"),
            Err(error) => {
                tracing::warn!(template, %error, "not built ahead; its first publish will build it")
            }
        }
    }
    tracing::info!("every template was built or looked at");
}

/// True when it was built now.
async fn prebuild(maker: &Maker, pack: &TemplatePack) -> Result<bool, PrebuildError> {
    let (tree, files) = (pack.tree.clone(), pack.files.clone());
    let mut project = Project::read(tree, files, Some(&pack.manifest.profile), BuildMode::Production)?;
    let toolchain = maker.toolchain(&project).await?;
    let layer = maker.layer(&mut project, &Unheard).await?;
    let ground = Ground { toolchain, layer };
    // A template belongs to nobody who could have secrets.
    let none = BuildSecrets::default();
    let inputs = maker.inputs(&project, &ground, &none)?;
    if maker.store.shared_artifact_by_inputs(&inputs.hash()).await?.is_some() {
        return Ok(false);
    }
    let mut built = maker.build(&project, &ground, &none, &Unheard).await?;
    let order = Order {
        source: &format!("template:{}", pack.manifest.key),
        invocation: "ahead of all publishes",
        name: &pack.manifest.name,
        effort: Effort::Best,
    };
    let made = maker.pack(&project, &inputs, &built, (&Manifest::default(), order)).await;
    built.ended().await;
    let made = made?;
    let new = maker.upload(&made).await?;
    maker.verify(&new).await?;
    let artifact = TemplateArtifact {
        template_hash: pack.hash,
        inputs,
        manifest: made.manifest,
        provenance: made.provenance,
        sbom: made.sbom,
        build_millis: made.build_millis,
    };
    maker.store.put_template_artifact(&artifact).await?;
    Ok(true)
}

/// Nobody follows what is built ahead; a failure carries its own words.
struct Unheard;

impl Listener for Unheard {
    fn line(&self, _: bool, _: &str) {}

    fn waiting(&self, _: &str) {}
}

#[derive(Debug, thiserror::Error)]
enum PrebuildError {
    #[error("{}", .0.detail)]
    Problem(Problem),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<Box<Problem>> for PrebuildError {
    fn from(problem: Box<Problem>) -> Self {
        Self::Problem(*problem)
    }
}

impl From<Problem> for PrebuildError {
    fn from(problem: Problem) -> Self {
        Self::Problem(problem)
    }
}
