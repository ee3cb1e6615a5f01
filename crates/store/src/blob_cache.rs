//! Small content and grants in memory, so that starting a session asks the database for nothing.

use bytes::Bytes;
use moka::future::Cache;
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_model::{Sha256, TenantId};

/// What all cached content may weigh.
const CONTENT_BYTES: u64 = 64 * 1024 * 1024;

/// What an entry costs beyond its content.
const ENTRY_BYTES: usize = 256;

/// Remembered grants: some 200 bytes each.
const GRANTS: u64 = 50_000;

/// The caches. Content is never stale: its hash is its name. A grant may be, once its content was collected: whoever relies on one
/// asks the database again in the transaction that uses it.
pub(crate) struct BlobCache {
    contents: Cache<Sha256, Bytes>,
    grants: Cache<(TenantId, Sha256), ()>,
}

impl Default for BlobCache {
    fn default() -> Self {
        let weigh =
            |_: &Sha256, content: &Bytes| u32::try_from(content.len() + ENTRY_BYTES).unwrap_or(u32::MAX);
        Self {
            contents: Cache::builder().max_capacity(CONTENT_BYTES).weigher(weigh).build(),
            grants: Cache::new(GRANTS),
        }
    }
}

impl BlobCache {
    /// True when the tenant is known to see the content; false says nothing.
    pub(crate) fn is_granted(&self, tenant: &TenantId, hash: &Sha256) -> bool {
        self.grants.contains_key(&(tenant.clone(), *hash))
    }

    pub(crate) async fn grant(&self, tenant: &TenantId, hash: Sha256) {
        self.grants.insert((tenant.clone(), hash), ()).await;
    }

    /// Forgets content that is gone, for a tenant that saw it.
    pub(crate) async fn forget(&self, tenant: &TenantId, hash: Sha256) {
        self.grants.invalidate(&(tenant.clone(), hash)).await;
        self.contents.invalidate(&hash).await;
    }

    /// The content, when it is here and the tenant is known to see it.
    pub(crate) async fn get(&self, tenant: &TenantId, hash: &Sha256) -> Option<Bytes> {
        match self.is_granted(tenant, hash) {
            true => self.contents.get(hash).await,
            false => None,
        }
    }

    /// Keeps content that the tenant sees, if it is small.
    pub(crate) async fn keep(&self, tenant: &TenantId, hash: Sha256, content: Bytes) {
        self.grant(tenant, hash).await;
        if content.len() <= INLINE_BLOB_BYTES {
            // A slice of a request's body would keep all of the body alive.
            self.contents.insert(hash, Bytes::copy_from_slice(&content)).await;
        }
    }
}
