//! Ahead of the first app: toolchains, layers and pre-bundles of the templates.

use std::sync::Arc;

use vitrine_build::compile_cache::CompileCacheError;
use vitrine_build::layers::{LayerError, LayerRequest, LayerStore};
use vitrine_build::prebundle::{PrebundleError, PrebundleKey};
use vitrine_build::profile;
use vitrine_build::template::TemplatePack;

/// Makes what is missing, one template after the other. A failure is logged and shown again, with its reason, to
/// whoever makes an app of that template.
pub(crate) async fn run(layers: Arc<LayerStore>, templates: Arc<Vec<TemplatePack>>) {
    for pack in templates.iter() {
        let key = pack.manifest.key.as_str();
        match warm(&layers, pack).await {
            Ok(()) => tracing::info!(template = key, "ready for its first app"),
            Err(error) => tracing::warn!(template = key, %error, "not made ahead of its first app"),
        }
    }
    tracing::info!("every template was looked at");
}

async fn warm(layers: &Arc<LayerStore>, pack: &TemplatePack) -> Result<(), WarmupError> {
    let detected = profile::detect(&pack.files, Some(&pack.manifest.profile))?;
    let toolchain = layers.toolchain(&detected).await?;
    let request = LayerRequest { files: pack.files.clone(), detected: detected.clone(), progress: None };
    let layer = layers.ensure(request).await?;
    let key = PrebundleKey::Template(pack.hash);
    if layers.prebundle_dir(&layer, &key).is_none() {
        layers.make_prebundle(&layer, &detected, &pack.files, &key).await?;
    }
    layers.make_compile_cache(&layer, &toolchain).await?;
    Ok(())
}

#[derive(Debug, thiserror::Error)]
enum WarmupError {
    #[error(transparent)]
    Profile(#[from] profile::ProfileError),
    #[error(transparent)]
    Layer(#[from] LayerError),
    #[error(transparent)]
    Prebundle(#[from] PrebundleError),
    #[error(transparent)]
    CompileCache(#[from] CompileCacheError),
}
