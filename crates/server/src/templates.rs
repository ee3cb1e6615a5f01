//! The template packs inside the binary.

use rust_embed::RustEmbed;
use vitrine_build::template::{self, TemplateError, TemplatePack};

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../templates"]
#[exclude = "*/node_modules/*"]
struct Files;

/// Every pack, in the order of their keys.
pub(crate) fn load() -> Result<Vec<TemplatePack>, TemplateError> {
    let files = Files::iter()
        .filter_map(|path| Some((path.to_string(), Files::get(&path)?.data.into_owned().into())));
    Ok(template::load(files)?.into_values().collect())
}

#[cfg(test)]
mod tests {
    #[test]
    fn every_pack_of_this_version_is_valid() {
        let packs = super::load().unwrap();
        let keys: Vec<_> = packs.iter().map(|pack| pack.manifest.key.as_str()).collect();
        let expected = [
            "baseline-landing",
            "chat-classic",
            "chat-editorial",
            "chat-grid",
            "chat-neon",
            "chat-soft",
            "foundation",
        ];
        assert_eq!(keys, expected);
        for pack in &packs {
            assert!(pack.tree.get(pack.manifest.entry_file.as_str()).is_some(), "{}", pack.manifest.key);
            assert!(
                pack.tree.iter().any(|(path, _)| path.is_lockfile()),
                "{} has no lockfile",
                pack.manifest.key
            );
        }
    }
}
