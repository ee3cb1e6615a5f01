//! Templates: packs that seed an app.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::hash::Sha256;
use crate::path::ProjectPath;
use crate::profile::Profile;

/// `template.manifest.json`, beside the project it describes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TemplateManifest {
    /// The key; the name of the pack's folder.
    pub key: String,
    /// The name, for people.
    pub name: String,
    /// One sentence, for people.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// The picture's file name, beside the manifest.
    pub thumbnail: String,
    /// How its apps run.
    pub profile: Profile,
    /// The file a person edits first.
    pub entry_file: ProjectPath,
    /// Design tokens, for tools that restyle.
    #[serde(default)]
    pub style_tokens: BTreeMap<String, String>,
}

/// A template as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct TemplateView {
    /// The key.
    pub key: String,
    /// The name, for people.
    pub name: String,
    /// One sentence, for people.
    pub description: String,
    /// Words to find it by.
    pub tags: Vec<String>,
    /// Where its picture is.
    pub thumbnail_url: String,
    /// How its apps run.
    pub profile: Profile,
    /// The file a person edits first.
    pub entry_file: ProjectPath,
    /// The hash of its project's tree.
    pub template_hash: Sha256,
    /// True when a built artifact of it is at hand.
    pub prebuilt: bool,
}
