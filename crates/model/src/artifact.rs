//! Artifacts: the immutable, content-addressed output of a build, and its manifest.

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

use crate::hash::{Sha256, Sha256Hasher};
use crate::id::{AppId, InvalidId, PublishId, RevisionId, body_of_bytes, is_body};
use crate::path::ProjectPath;
use crate::profile::ProfileKind;
use crate::publish::BuildMode;
use crate::time::Timestamp;

/// The name of an artifact: `art_` and 26 characters, the first 128 bits of its manifest's hash. Equal output, equal id,
/// whoever built it; so an id says nothing about whose it is, and is always looked up together with an app.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ArtifactId(String);

impl ArtifactId {
    /// The id of the artifact with this manifest hash.
    pub fn of(manifest: &Sha256) -> Self {
        let mut bytes = [0_u8; 16];
        bytes.copy_from_slice(&manifest.as_bytes()[..16]);
        Self(format!("art_{}", body_of_bytes(&bytes)))
    }

    /// The id as it appears in URLs and JSON.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The 26 characters after `art_`, as they stand in front of `--{slug}` in a permalink's host.
    pub fn host_part(&self) -> &str {
        &self.0[4..]
    }

    /// The inverse of [`Self::host_part`].
    pub fn from_host_part(part: &str) -> Result<Self, InvalidId> {
        format!("art_{part}").parse()
    }
}

impl FromStr for ArtifactId {
    type Err = InvalidId;
    fn from_str(text: &str) -> Result<Self, InvalidId> {
        match text.strip_prefix("art_") {
            Some(body) if is_body(body) => Ok(Self(text.to_owned())),
            _ => Err(InvalidId { kind: "art" }),
        }
    }
}

impl TryFrom<String> for ArtifactId {
    type Error = InvalidId;
    fn try_from(text: String) -> Result<Self, InvalidId> {
        text.parse()
    }
}

impl From<ArtifactId> for String {
    fn from(id: ArtifactId) -> String {
        id.0
    }
}

impl fmt::Display for ArtifactId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl utoipa::PartialSchema for ArtifactId {
    fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
        String::schema()
    }
}

impl utoipa::ToSchema for ArtifactId {}

/// How a file is stored besides as it is; the names of `Content-Encoding`.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
pub enum Encoding {
    /// Brotli (RFC 7932).
    #[serde(rename = "br")]
    Brotli,
    /// Zstandard (RFC 8878).
    #[serde(rename = "zstd")]
    Zstd,
    /// gzip (RFC 1952).
    #[serde(rename = "gzip")]
    Gzip,
}

impl Encoding {
    /// The token of `Content-Encoding` and `Accept-Encoding`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Brotli => "br",
            Self::Zstd => "zstd",
            Self::Gzip => "gzip",
        }
    }
}

/// A compressed form of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Variant {
    /// The hash of the compressed bytes: where they are stored.
    pub sha256: Sha256,
    /// How many there are.
    pub size: u64,
}

/// One file of an artifact.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ArtifactFile {
    /// The hash of the content: where it is stored.
    pub sha256: Sha256,
    /// The size of the content in bytes.
    pub size: u64,
    /// What it is served as.
    pub content_type: String,
    /// Its compressed forms; only those that are worth it. Not part of the artifact's identity.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub variants: BTreeMap<Encoding, Variant>,
    /// For a page: the `sha256-…` sources of its inline scripts, which the strict policy lets run. Derived from the content.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub script_hashes: Vec<String>,
    /// For a page: whether it has an empty [`RUNTIME_CONFIG_SLOT`] to be filled when it is served.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub has_config_slot: bool,
}

/// Where a page asks for its runtime configuration: this element, empty, is served with the document in it.
pub const RUNTIME_CONFIG_SLOT: &str = r#"<script type="application/json" id="vitrine-runtime-config">"#;

/// The files of an artifact by path, sorted.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Manifest {
    /// Every file.
    pub files: BTreeMap<ProjectPath, ArtifactFile>,
}

impl Manifest {
    /// What the artifact is named by. The only definition there is: SHA-256 over `sha256 SP size SP content_type TAB path
    /// LF` of every file in path order; compressed forms do not count.
    pub fn hash(&self) -> Sha256 {
        let mut hasher = Sha256Hasher::default();
        for (path, file) in &self.files {
            let line = format!("{} {} {}\t{path}\n", file.sha256, file.size, file.content_type);
            hasher.update(line.as_bytes());
        }
        hasher.finish()
    }

    /// The id of the artifact with these files.
    pub fn id(&self) -> ArtifactId {
        ArtifactId::of(&self.hash())
    }

    /// The size of all content in bytes, uncompressed; what no number of bytes can be counts as the largest.
    pub fn size_bytes(&self) -> u64 {
        self.files.values().fold(0, |sum, file| sum.saturating_add(file.size))
    }

    /// Every object the artifact needs, with its size: contents and compressed forms; the same one may come twice.
    pub fn objects(&self) -> impl Iterator<Item = (Sha256, u64)> + '_ {
        self.files.values().flat_map(|file| {
            let variants = file.variants.values().map(|variant| (variant.sha256, variant.size));
            std::iter::once((file.sha256, file.size)).chain(variants)
        })
    }
}

/// What an artifact was made of and with; equal inputs (see [`BuildInputs::hash`]) are built once.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct BuildInputs {
    /// The hash of the file tree.
    pub tree: Sha256,
    /// The kind of project.
    pub profile: ProfileKind,
    /// The build command.
    pub command: Vec<String>,
    /// Where it leaves its output; empty for a static site served as it is.
    pub output: String,
    /// How it was built.
    pub mode: BuildMode,
    /// The exact version of Node.js; absent when none ran.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub node: Option<String>,
    /// The package manager and its exact version, as `npm@11.6.2`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub package_manager: Option<String>,
    /// The layer its dependencies came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub layer: Option<Sha256>,
    /// The operating system and processor it ran on, as `linux-x64`.
    pub platform: String,
    /// Secrets and variables given to the build by name, with hashes of their values; those of secrets are made with a key.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub environment: BTreeMap<String, Sha256>,
    /// Stands for the secrets that the output was searched for, made with a key; absent without secrets.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub searched_for: Option<Sha256>,
    /// The version of Vitrine's build procedure: raised when the same inputs may give another artifact.
    pub procedure: u32,
}

impl BuildInputs {
    /// The name of these inputs: SHA-256 of their JSON, whose fields and maps have a fixed order.
    pub fn hash(&self) -> Sha256 {
        Sha256::of(&serde_json::to_vec(self).unwrap_or_default())
    }
}

/// An artifact as the API shows it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Artifact {
    /// The artifact.
    pub id: ArtifactId,
    /// The app it was built for.
    pub app_id: AppId,
    /// The revision it was first built from.
    pub revision_id: RevisionId,
    /// The publish that built it.
    pub publish_id: PublishId,
    /// The hash its id is made of.
    pub manifest_sha256: Sha256,
    /// The hash of `inputs`.
    pub input_sha256: Sha256,
    /// What it was made of and with.
    pub inputs: BuildInputs,
    /// How many files it has.
    pub file_count: u64,
    /// The size of its files in bytes, uncompressed.
    pub size_bytes: u64,
    /// How long the build command ran.
    pub build_millis: u64,
    /// When it was made.
    pub created_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn file(content: &str) -> ArtifactFile {
        ArtifactFile {
            sha256: Sha256::of(content.as_bytes()),
            size: content.len() as u64,
            content_type: "text/html; charset=utf-8".to_owned(),
            variants: BTreeMap::new(),
            script_hashes: Vec::new(),
            has_config_slot: false,
        }
    }

    #[test]
    fn compressed_forms_do_not_change_the_id_and_content_does() {
        let path: ProjectPath = "index.html".parse().unwrap();
        let plain = Manifest { files: BTreeMap::from([(path.clone(), file("a"))]) };
        let mut packed = plain.clone();
        let variant = Variant { sha256: Sha256::of(b"packed"), size: 6 };
        packed.files.get_mut(&path).unwrap().variants.insert(Encoding::Brotli, variant);
        assert_eq!(plain.id(), packed.id());
        assert_eq!(packed.objects().count(), 2);
        let other = Manifest { files: BTreeMap::from([(path, file("b"))]) };
        assert_ne!(plain.id(), other.id());
    }

    #[test]
    fn an_artifact_id_round_trips_as_text_and_in_a_host() {
        let id = Manifest::default().id();
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(ArtifactId::from_host_part(id.host_part()), Ok(id.clone()));
        assert!("art_I".parse::<ArtifactId>().is_err());
    }
}
