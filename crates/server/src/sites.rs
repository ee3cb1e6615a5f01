//! What hosting serves, read from the store: which app is behind a name, what it shows, and the bytes of its files.

use std::sync::{Arc, OnceLock};
use std::time::Duration;

use async_trait::async_trait;
use serde_json::{Map, Value, json};
use tokio_util::sync::CancellationToken;
use vitrine_edge::{
    Gateway, HostMap, Hosting, Object, Scheme, Site, SiteKey, SiteSource, SiteState, SourceError, cdn_path,
    permalink_slug,
};
use vitrine_model::hosting::HostingSettings;
use vitrine_model::{AppId, ArtifactId, LinkId, Manifest, Sha256, Timestamp};
use vitrine_store::{SiteRow, SlugName, Store, StoreError};

use crate::publishes::Visitors;

/// How often visits are written down; a crash loses at most these.
const USAGE_INTERVAL: Duration = Duration::from_secs(60);

/// Objects up to this size come as bytes and stay in memory within hosting's budget; larger ones as open files, which the
/// kernel sends by itself.
const SMALL_BYTES: u64 = 64 * 1024;

/// Milliseconds in a day.
const DAY_MILLIS: i64 = 24 * 60 * 60 * 1_000;

/// Makes the URLs under which apps are served.
pub(crate) struct SiteUrls {
    hosts: HostMap,
    scheme: Scheme,
    port: u16,
    /// Signs the keys of artifacts that were never released.
    gateway: Arc<Gateway>,
}

impl SiteUrls {
    /// For these hosts, as browsers reach them.
    pub(crate) fn new(hosts: HostMap, (scheme, port): (Scheme, u16), gateway: Arc<Gateway>) -> Self {
        Self { hosts, scheme, port, gateway }
    }

    /// Where the app's current release is.
    pub(crate) fn site(&self, slug: &str) -> String {
        format!("{}/", self.origin(&self.hosts.app_host(slug)))
    }

    /// Where one artifact of the app is, for ever.
    pub(crate) fn permalink(&self, artifact: &ArtifactId, slug: &str) -> String {
        format!("{}/", self.origin(&self.hosts.artifact_host(artifact, slug)))
    }

    /// The same for an artifact that was never released, with a key that opens it.
    pub(crate) fn private_permalink(&self, app: &AppId, artifact: &ArtifactId, slug: &str) -> String {
        self.gateway.private_url(&self.permalink(artifact, slug), app, artifact)
    }

    /// The same for the visitors of a link, for as long as it is open.
    pub(crate) fn permalink_by_link(
        &self,
        app: &AppId,
        artifact: &ArtifactId,
        slug: &str,
        link: &LinkId,
    ) -> String {
        self.gateway.private_url_by(&self.permalink(artifact, slug), app, artifact, Some(link))
    }

    /// The same files by CDN-style path.
    pub(crate) fn cdn(&self, artifact: &ArtifactId, slug: &str) -> String {
        format!("{}{}", self.origin(&self.hosts.cdn_host(slug)), cdn_path(slug, artifact))
    }

    fn origin(&self, host: &str) -> String {
        match self.port == self.scheme.default_port() {
            true => format!("{}://{host}", self.scheme.as_str()),
            false => format!("{}://{host}:{}", self.scheme.as_str(), self.port),
        }
    }
}

/// The store as hosting sees it.
pub(crate) struct Sites {
    store: Store,
    /// Where the shared back end is, on every app's origin.
    api_base_path: String,
    grace: Duration,
}

impl Sites {
    pub(crate) fn new(store: Store, api_base_path: String, grace: Duration) -> Self {
        Self { store, api_base_path, grace }
    }

    fn site_of(&self, row: SiteRow) -> Site {
        let runtime_config = runtime_config(&row.settings, (&row.slug, &row.name), &self.api_base_path);
        let (state, artifact, manifest) = match row.current {
            Some(current) => {
                let is_public = current.released_at.is_some();
                let state = if is_public { SiteState::Published } else { SiteState::Private };
                (state, current.artifact, Arc::new(current.manifest))
            }
            None => (SiteState::Unpublished, Manifest::default().id(), Arc::default()),
        };
        Site {
            app: row.app,
            slug: row.slug,
            version: row.version,
            state,
            artifact,
            manifest,
            earlier: row.earlier.into_iter().map(Arc::new).collect(),
            settings: row.settings,
            runtime_config,
        }
    }
}

/// What the app is told about itself: nothing of it is in the artifact.
pub(crate) fn runtime_config(
    settings: &HostingSettings,
    (slug, name): (&str, &str),
    api_base_path: &str,
) -> Value {
    let mut document: Map<String, Value> = settings.runtime_config.clone();
    // Ours win: an app that relies on them must not be led astray by a setting.
    for (name, value) in
        [("app_slug", json!(slug)), ("display_name", json!(name)), ("api_base_path", json!(api_base_path))]
    {
        document.insert(name.to_owned(), value);
    }
    Value::Object(document)
}

#[async_trait]
impl SiteSource for Sites {
    async fn site(&self, key: &SiteKey) -> Result<Option<Site>, SourceError> {
        let row = match key {
            SiteKey::App { slug } => self.store.site_by_slug(slug, self.grace).await,
            SiteKey::Artifact { artifact, slug, is_cut: false } => {
                self.store.site_by_artifact(artifact, SlugName::Whole(slug)).await
            }
            SiteKey::Artifact { artifact, slug, is_cut: true } => {
                let row = self.store.site_by_artifact(artifact, SlugName::Cut(slug)).await;
                row.map(|row| row.filter(|row| permalink_slug(&row.slug) == slug))
            }
        };
        Ok(row.map_err(|error| source_error(&error))?.map(|row| self.site_of(row)))
    }

    async fn object(&self, sha256: &Sha256, size: u64) -> Result<Object, SourceError> {
        if size > SMALL_BYTES
            && let Some(file) = self.store.object_file(sha256).map_err(|error| source_error(&error))?
        {
            let len = file.metadata().map_err(|error| SourceError::Unavailable(error.to_string()))?.len();
            return Ok(Object::File { file: Arc::new(file), len });
        }
        Ok(Object::Bytes(self.store.object(sha256).await.map_err(|error| source_error(&error))?))
    }
}

fn source_error(error: &StoreError) -> SourceError {
    match error {
        StoreError::NotFound | StoreError::Corrupt(_) => SourceError::Missing,
        error => SourceError::Unavailable(error.to_string()),
    }
}

/// Hosting, as publishes see it. Set once, right after construction.
#[derive(Default)]
pub(crate) struct HostedVisitors(OnceLock<Arc<Hosting>>);

impl HostedVisitors {
    pub(crate) fn set(&self, hosting: Arc<Hosting>) {
        let _ = self.0.set(hosting);
    }
}

impl Visitors for HostedVisitors {
    fn switched(&self, app: &AppId) {
        if let Some(hosting) = self.0.get() {
            hosting.invalidate(app);
        }
    }
}

/// Writes down how much the apps are visited, now and then and at the end.
pub(crate) async fn count_visits(
    hosting: Arc<Hosting>,
    store: Store,
    now: impl Fn() -> Timestamp,
    stopping: CancellationToken,
) {
    loop {
        let is_last = tokio::select! {
            () = tokio::time::sleep(USAGE_INTERVAL) => false,
            () = stopping.cancelled() => true,
        };
        let usage: Vec<_> = hosting
            .drain_usage()
            .into_iter()
            .map(|(app, usage)| (app, usage.requests, usage.bytes))
            .collect();
        if !usage.is_empty()
            && let Err(error) = store.add_usage(day_of(now()), usage).await
        {
            tracing::warn!(%error, "visits were not counted");
        }
        if is_last {
            return;
        }
    }
}

/// The day of a moment, counted from 1970-01-01 in UTC.
pub(crate) fn day_of(at: Timestamp) -> u32 {
    u32::try_from(at.as_millis().div_euclid(DAY_MILLIS)).unwrap_or(0)
}

/// A day as `2026-11-21`.
pub(crate) fn day_text(day: u32) -> String {
    let text = Timestamp::from_millis(i64::from(day) * DAY_MILLIS).to_string();
    text.split('T').next().unwrap_or_default().to_owned()
}
