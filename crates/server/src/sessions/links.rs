//! What the gateway asks about preview links: answered from memory, and from the store now and then.

use std::time::Duration;

use moka::future::Cache;
use vitrine_edge::OpenLink;
use vitrine_model::{AppId, LinkId, TenantId};
use vitrine_store::{Scope, Store, StoreError, StoredLink};

use super::Sessions;

/// How long what is known of a link is believed: within this, what another server process took back is noticed.
const KNOWN_FOR: Duration = Duration::from_secs(10);

/// Links that are known at once; visitors of more cost a query now and then.
const MOST_KNOWN: u64 = 10_000;

/// The links of which visitors were seen.
pub(super) struct KnownLinks {
    open: Cache<LinkId, Option<OpenLink>>,
    /// Links that were taken back or closed here: a look-up that began before must not bring one back.
    closed: Cache<LinkId, ()>,
    /// Visitors' use counts for this long after they opened the link.
    use_secs: i64,
}

impl KnownLinks {
    pub(super) fn new(use_secs: u64) -> Self {
        let cache = || Cache::builder().max_capacity(MOST_KNOWN).time_to_live(KNOWN_FOR).build();
        let closed = Cache::builder().max_capacity(MOST_KNOWN).time_to_live(2 * KNOWN_FOR).build();
        Self { open: cache(), closed, use_secs: i64::try_from(use_secs).unwrap_or(i64::MAX) }
    }

    /// The link, unless it was taken back or its tenant is suspended. What cannot be looked up is not open.
    pub(super) async fn find(&self, store: &Store, link: &LinkId) -> Option<OpenLink> {
        let look = async {
            match store.preview_link(link).await {
                Ok(found) => Ok(found.map(|stored| self.open_link(&stored))),
                Err(error) => {
                    tracing::error!(%link, %error, "a preview link could not be looked up");
                    Err(())
                }
            }
        };
        let found = self.open.try_get_with(link.clone(), look).await.ok().flatten()?;
        // Asked last: whatever the look-up saw, this is later.
        (!self.closed.contains_key(link)).then_some(found)
    }

    fn open_link(&self, stored: &StoredLink) -> OpenLink {
        let opened_at = stored.link.last_visit_at.unwrap_or(stored.link.created_at);
        OpenLink { ends_at: stored.link.expires_at, counts_until: opened_at.plus_secs(self.use_secs) }
    }
}

impl Sessions {
    /// Forgets a link that was taken back, and closes what its visitors have open.
    pub(crate) async fn close_link(&self, link: &LinkId) {
        self.0.known_links.closed.insert(link.clone(), ()).await;
        if let Some(links) = self.0.links.get() {
            links.close_link(link);
        }
    }

    /// Closes every link of a tenant that was suspended, and what their visitors have open.
    pub(crate) async fn close_links_of(&self, tenant: &TenantId) -> Result<(), StoreError> {
        for link in self.0.context.store.preview_links_of_tenant(tenant).await? {
            self.close_link(&link).await;
        }
        Ok(())
    }

    /// Forgets that a tenant's links were closed: it is not suspended any more.
    pub(crate) async fn reopen_links_of(&self, tenant: &TenantId) -> Result<(), StoreError> {
        for link in self.0.context.store.preview_links_of_tenant(tenant).await? {
            self.0.known_links.closed.invalidate(&link).await;
            self.0.known_links.open.invalidate(&link).await;
        }
        Ok(())
    }

    /// A link was opened just now: what is known of it is out of date.
    pub(crate) async fn link_visited(&self, link: &LinkId) {
        self.0.known_links.open.invalidate(link).await;
    }

    /// Gives the person who made a link a session on the app, as when they asked themselves; the URL at which a visitor sees
    /// it, once.
    pub(crate) async fn open_by_link(
        &self,
        scope: &Scope,
        app: &AppId,
        link: &LinkId,
    ) -> Result<String, StoreError> {
        let session = self.ensure(scope, app).await?;
        Ok(self.0.links.get().map(|links| links.link_url(&session.id, link)).unwrap_or_default())
    }
}
