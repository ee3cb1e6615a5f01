//! What hosting asks of whoever owns the apps: which site is behind a name, and the bytes of an object.

use std::sync::Arc;

use crate::host::is_maybe_cut;
use async_trait::async_trait;
use bytes::Bytes;
use vitrine_model::hosting::HostingSettings;
use vitrine_model::{AppId, ArtifactId, Manifest, Sha256};

/// What is asked for, by host and, under the CDN host, by path.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SiteKey {
    /// The current release of the app with this slug.
    App {
        /// The slug.
        slug: String,
    },
    /// One artifact of an app.
    Artifact {
        /// The artifact.
        artifact: ArtifactId,
        /// The app's slug, or as much of it as [`crate::permalink_slug`] leaves in a permalink.
        slug: String,
        /// Whether the slug may be cut: it is as long as a cut one, and comes from a permalink's host.
        is_cut: bool,
    },
}

impl SiteKey {
    /// What the host of a permalink names.
    pub(crate) fn of_permalink(artifact: &ArtifactId, slug: &str) -> Self {
        let is_cut = is_maybe_cut(slug);
        Self::Artifact { artifact: artifact.clone(), slug: slug.to_owned(), is_cut }
    }
}

/// Knows the sites: implemented by the server over its database and object store, and by tests.
///
/// Calls may be dropped half-way and must do no harm then.
#[async_trait]
pub trait SiteSource: Send + Sync + 'static {
    /// The site behind a key. Asked when it is not in memory, after [`super::Hosting::invalidate`], and now and then in the
    /// background; never once per request, and never twice at once for one key. None when there is none.
    async fn site(&self, key: &SiteKey) -> Result<Option<Site>, SourceError>;

    /// One stored object. Those too large for memory come as files, so that the kernel can send them.
    async fn object(&self, sha256: &Sha256, size: u64) -> Result<Object, SourceError>;
}

/// A stored object.
#[derive(Debug, Clone)]
pub enum Object {
    /// Its bytes, kept in memory within the budget.
    Bytes(Bytes),
    /// An open file that holds exactly the object and never changes.
    File {
        /// The file.
        file: Arc<std::fs::File>,
        /// How many bytes it has.
        len: u64,
    },
}

impl Object {
    /// How many bytes it has.
    pub fn len(&self) -> u64 {
        match self {
            Self::Bytes(bytes) => bytes.len() as u64,
            Self::File { len, .. } => *len,
        }
    }

    /// True without any byte.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }
}

/// Whether an app shows itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SiteState {
    /// It has a release.
    Published,
    /// It has none (any more).
    Unpublished,
    /// One artifact that is no release (any more): for those with a key alone, see [`super::Hosting::private`].
    Private,
}

/// Everything that is needed to answer for a site.
#[derive(Debug, Clone, PartialEq)]
pub struct Site {
    /// The app.
    pub app: AppId,
    /// Its whole slug.
    pub slug: String,
    /// The version of the app's release pointer: it only grows, and an answer with a lower one than is known is late.
    pub version: u64,
    /// Whether there is anything to show.
    pub state: SiteState,
    /// The files.
    pub manifest: Arc<Manifest>,
    /// The artifact they belong to.
    pub artifact: ArtifactId,
    /// Artifacts within their grace period: their assets stay reachable, so that a tab that is open never misses a part
    /// of itself. The first that has a file wins.
    pub earlier: Vec<Arc<Manifest>>,
    /// What the owner set.
    pub settings: HostingSettings,
    /// The whole document at `/.vitrine/runtime-config`.
    pub runtime_config: serde_json::Value,
}

/// Why a source does not answer.
#[derive(Debug, Clone, thiserror::Error)]
pub enum SourceError {
    /// It may answer later: the visitor is asked to come back.
    #[error("{0}")]
    Unavailable(String),
    /// The object is not there, though a manifest names it.
    #[error("an object of a manifest is missing")]
    Missing,
}
