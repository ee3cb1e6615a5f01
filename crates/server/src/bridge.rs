//! The script that goes into the pages of previews, embedded into the binary.

use rust_embed::RustEmbed;
use vitrine_edge::BridgeConfig;

use crate::config::PreviewConfig;

/// What Vite makes of `bridge/`.
const SCRIPT: &str = "bridge.js";

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../bridge/dist"]
struct Files;

/// The bridge as it is configured; none when it is switched off, or when this binary was built without it, which is said.
pub(crate) fn configured(config: &PreviewConfig) -> Option<BridgeConfig> {
    if !config.bridge {
        return None;
    }
    let script = Files::get(SCRIPT).and_then(|file| String::from_utf8(file.data.into_owned()).ok());
    if script.is_none() {
        tracing::warn!("this binary was built without the bridge of previews: run `make build`");
    }
    Some(BridgeConfig { script: script?, origins: config.bridge_origins() })
}
