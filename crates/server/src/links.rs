//! Preview links: made for an app, opened by whoever has them, until they are taken back.
//!
//! A link opens the session of the person who made it, or an artifact that was built of a revision. Its visitors get a
//! preview's cookie and nothing else: no API knows them.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vitrine_model::preview_link::PreviewLink;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{AppId, LinkId, RevisionId, Sha256};
use vitrine_store::{NewPreviewLink, Scope, Store, StoreError, StoredLink};

use crate::auth::{HashError, Passwords};
use crate::limits::{RateLimits, TooMany};
use crate::sessions::Sessions;
use crate::sites::SiteUrls;

/// Bytes of a link's secret: nobody guesses it.
const SECRET_BYTES: usize = 32;

/// Where links are on the builder's origin.
pub(crate) const PATH: &str = "/s/";

/// What a new link is to be.
pub(crate) struct NewLink {
    pub(crate) label: Option<String>,
    pub(crate) expires_in_secs: u64,
    pub(crate) password: Option<String>,
    pub(crate) revision: Option<RevisionId>,
}

/// Why a link was not made or does not open.
#[derive(Debug, thiserror::Error)]
pub(crate) enum LinkError {
    /// There is no such link, it has expired, or its tenant is suspended.
    #[error("there is no such link")]
    NoSuchLink,
    /// The password is not the link's, or none was given.
    #[error("this is not the link's password")]
    WrongPassword,
    /// The revision was never built.
    #[error("nothing was built of this revision")]
    NotBuilt,
    #[error(transparent)]
    TooMany(#[from] TooMany),
    #[error(transparent)]
    Password(#[from] HashError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// The service.
pub(crate) struct Links {
    parts: LinkParts,
}

/// What links are made and opened with.
pub(crate) struct LinkParts {
    pub(crate) store: Store,
    pub(crate) sessions: Sessions,
    pub(crate) urls: Arc<SiteUrls>,
    pub(crate) limits: Arc<RateLimits>,
    pub(crate) passwords: Arc<Passwords>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// The longest that a link may be open.
    pub(crate) most_secs: u64,
    /// The builder's origin, which links are on.
    pub(crate) origin: String,
}

impl Links {
    pub(crate) fn new(parts: LinkParts) -> Self {
        Self { parts }
    }

    /// The longest that a link may be open.
    pub(crate) fn most_secs(&self) -> u64 {
        self.parts.most_secs
    }

    /// Makes a link; its URL is told this once.
    pub(crate) async fn create(
        &self,
        scope: &Scope,
        app: &AppId,
        new: NewLink,
    ) -> Result<(PreviewLink, String), LinkError> {
        if let Some(revision) = &new.revision {
            self.artifact_of(scope, app, revision).await?;
        }
        let password_hash = match new.password {
            Some(password) => Some(self.parts.passwords.hash(&password).await?),
            None => None,
        };
        let mut secret = [0; SECRET_BYTES];
        self.parts.entropy.fill(&mut secret);
        let secret = URL_SAFE_NO_PAD.encode(secret);
        let secs = i64::try_from(new.expires_in_secs).unwrap_or(i64::MAX);
        let stored = NewPreviewLink {
            label: new.label,
            revision: new.revision,
            secret_hash: Sha256::of(secret.as_bytes()),
            password_hash,
            expires_at: self.parts.clock.now().plus_secs(secs),
        };
        let link = self.parts.store.create_preview_link(scope, app, stored).await?;
        Ok((link, format!("{}{PATH}{secret}", self.parts.origin)))
    }

    /// Takes a link back; what its visitors have open is closed when this returns.
    pub(crate) async fn delete(&self, scope: &Scope, app: &AppId, link: &LinkId) -> Result<(), StoreError> {
        self.parts.store.delete_preview_link(scope, app, link).await?;
        self.parts.sessions.close_link(link).await;
        Ok(())
    }

    /// The link of a secret, while it is open and its tenant is not suspended.
    pub(crate) async fn find(&self, secret: &str) -> Result<StoredLink, LinkError> {
        let found = self.parts.store.preview_link_by_secret(&Sha256::of(secret.as_bytes())).await?;
        let now = self.parts.clock.now();
        found.filter(|stored| now < stored.link.expires_at).ok_or(LinkError::NoSuchLink)
    }

    /// Opens a link: the URL at which this visitor sees what it shows, once. Brings the session on its way.
    pub(crate) async fn open(
        &self,
        stored: &StoredLink,
        password: Option<&str>,
    ) -> Result<String, LinkError> {
        if let Some(hash) = &stored.password_hash {
            self.parts.limits.check_guess(&stored.link.id)?;
            if !self.parts.passwords.verify(password.unwrap_or_default(), Some(hash)).await? {
                return Err(LinkError::WrongPassword);
            }
        }
        self.parts.store.count_link_visit(&stored.link.id).await?;
        self.parts.sessions.link_visited(&stored.link.id).await;
        let (scope, app, link) = (&stored.scope, &stored.app, &stored.link);
        match &link.revision {
            None => match self.parts.sessions.open_by_link(scope, app, &link.id).await {
                // Suspended since the link was looked up.
                Err(StoreError::TenantSuspended) => Err(LinkError::NoSuchLink),
                opened => Ok(opened?),
            },
            Some(revision) => {
                let (artifact, slug) = self.artifact_of(scope, app, revision).await?;
                Ok(self.parts.urls.permalink_by_link(app, &artifact, &slug, &link.id))
            }
        }
    }

    /// What was built of a revision last, and the app's slug.
    async fn artifact_of(
        &self,
        scope: &Scope,
        app: &AppId,
        revision: &RevisionId,
    ) -> Result<(vitrine_model::ArtifactId, String), LinkError> {
        let slug = self.parts.store.app(scope, app).await?.slug;
        self.parts.store.revision(scope, app, revision).await?;
        let artifact = self.parts.store.artifact_of_revision(scope, app, revision).await?;
        Ok((artifact.ok_or(LinkError::NotBuilt)?, slug))
    }
}
