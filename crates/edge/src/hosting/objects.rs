//! The objects that were sent lately: small ones in memory, large ones as open files.

use std::sync::Arc;

use bytes::Bytes;
use moka::future::Cache;
use vitrine_model::Sha256;

use super::config::HostingLimits;
use super::source::{Object, SiteSource, SourceError};

/// Objects by content, within one budget: bytes count as they are, an open file as its share of all files that may be open.
pub(crate) struct Objects {
    source: Arc<dyn SiteSource>,
    cache: Cache<Sha256, Object>,
}

impl Objects {
    pub(crate) fn new(source: Arc<dyn SiteSource>, limits: &HostingLimits) -> Self {
        let file_weight =
            u32::try_from(limits.memory_bytes / limits.max_open_files.max(1)).unwrap_or(u32::MAX).max(1);
        let cache = Cache::builder()
            .max_capacity(limits.memory_bytes)
            .weigher(move |_, object: &Object| match object {
                Object::Bytes(bytes) => u32::try_from(bytes.len()).unwrap_or(u32::MAX).max(1),
                Object::File { .. } => file_weight,
            })
            .build();
        Self { source, cache }
    }

    /// One object; several callers share one look at the source.
    pub(crate) async fn get(&self, sha256: &Sha256, size: u64) -> Result<Object, SourceError> {
        self.get_or(sha256, size, self.source.object(sha256, size)).await
    }

    /// Bytes with this hash: those at hand, or what `make` gives; several callers share one making.
    pub(crate) async fn get_or(
        &self,
        sha256: &Sha256,
        size: u64,
        make: impl Future<Output = Result<Object, SourceError>>,
    ) -> Result<Object, SourceError> {
        if let Some(object) = self.cache.get(sha256).await {
            return Ok(object);
        }
        let fetched = self.cache.try_get_with(*sha256, async {
            let object = make.await?;
            // A head with its length is made already: another length would let bytes run into the next answer.
            if object.len() == size { Ok(object) } else { Err(SourceError::Missing) }
        });
        fetched.await.map_err(|error: Arc<SourceError>| {
            tracing::warn!(%sha256, %error, "an object could not be read");
            (*error).clone()
        })
    }

    /// Keeps bytes that were made here, as long as there is room.
    pub(crate) async fn put(&self, sha256: Sha256, bytes: Bytes) {
        self.cache.insert(sha256, Object::Bytes(bytes)).await;
    }
}
