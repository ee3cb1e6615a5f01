//! Everything a request handler can use.

use std::sync::Arc;

use tokio_util::sync::CancellationToken;
use vitrine_build::template::TemplatePack;
use vitrine_edge::Hosting;
use vitrine_model::source::{Clock, Entropy};
use vitrine_store::Store;

use crate::apps::Apps;
use crate::auth::Auth;
use crate::channels::Channels;
use crate::collection::Collection;
use crate::drafts::Drafts;
use crate::egress::DevEgress;
use crate::limits::RateLimits;
use crate::links::Links;
use crate::publishes::Publishes;
use crate::secrets::Secrets;
use crate::sessions::Sessions;
use crate::sites::SiteUrls;

/// The services of one server process.
pub(crate) struct Services {
    pub(crate) store: Store,
    pub(crate) apps: Apps,
    pub(crate) drafts: Drafts,
    pub(crate) channels: Channels,
    pub(crate) sessions: Sessions,
    pub(crate) publishes: Publishes,
    pub(crate) secrets: Secrets,
    pub(crate) egress: DevEgress,
    pub(crate) collection: Collection,
    pub(crate) links: Links,
    pub(crate) limits: Arc<RateLimits>,
    pub(crate) urls: Arc<SiteUrls>,
    pub(crate) hosting: Arc<Hosting>,
    pub(crate) templates: Arc<Vec<TemplatePack>>,
    pub(crate) auth: Auth,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Cancelled when the server begins to stop: open streams end, readiness says no.
    pub(crate) stopping: CancellationToken,
}

impl Services {
    pub(crate) fn template(&self, key: &str) -> Option<&TemplatePack> {
        self.templates.iter().find(|pack| pack.manifest.key == key)
    }
}
