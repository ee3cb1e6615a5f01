//! Content: stored once for all, visible only to tenants that brought it.
//!
//! Knowing a hash is not having the content: a tenant sees what it has uploaded itself (a grant), so nobody can claim
//! another tenant's file by naming its hash. Up to [`vitrine_model::limits::INLINE_BLOB_BYTES`] content lives in the database, above
//! that in the object store, written before the row that names it. What nothing names any more goes with
//! [`crate::blob_collection`].

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::{ColumnTrait as _, EntityTrait, JoinType, QueryFilter as _, QuerySelect as _, RelationDef};
use vitrine_model::Sha256;

use crate::blob_staging::STAGINGS;
use crate::blob_transits::chunks;
use crate::codec::{digest, hash, hash_column, unsigned};
use crate::entity::{blob_grants, blobs};
use crate::error::StoreError;
use crate::objects::Kind;
use crate::scope::Scope;
use crate::store::Store;

/// Objects read at once.
const OBJECTS_AT_ONCE: usize = 8;

impl Store {
    /// Stores content and makes it visible to the tenant. Repeating it changes nothing.
    pub async fn put_blob(&self, scope: &Scope, content: Bytes) -> Result<Sha256, StoreError> {
        let hashes = self.put_blobs(scope, vec![content]).await?;
        hashes.into_iter().next().ok_or(StoreError::NotFound)
    }

    /// Stores content under the hash it was announced with. [`StoreError::HashMismatch`] when it has another.
    pub async fn put_blob_verified(
        &self,
        scope: &Scope,
        expected: &Sha256,
        content: Bytes,
    ) -> Result<(), StoreError> {
        if digest(&content).await != *expected {
            return Err(StoreError::HashMismatch);
        }
        self.put_hashed(scope, BTreeMap::from([(*expected, content)])).await
    }

    /// Stores many pieces of content, the small ones in one transaction; their hashes in the same order. What the tenant
    /// has already is not written again.
    pub async fn put_blobs(&self, scope: &Scope, contents: Vec<Bytes>) -> Result<Vec<Sha256>, StoreError> {
        let mut hashes = Vec::with_capacity(contents.len());
        for content in &contents {
            hashes.push(digest(content).await);
        }
        self.put_hashed(scope, hashes.iter().copied().zip(contents).collect()).await?;
        Ok(hashes)
    }

    async fn put_hashed(&self, scope: &Scope, contents: BTreeMap<Sha256, Bytes>) -> Result<(), StoreError> {
        for _ in 0..STAGINGS {
            match self.try_put(scope, contents.clone()).await {
                Err(StoreError::ObjectLeaving) => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::ObjectLeaving)
    }

    async fn try_put(&self, scope: &Scope, contents: BTreeMap<Sha256, Bytes>) -> Result<(), StoreError> {
        let staged = self.stage(contents).await?;
        if self.needs_writing(scope, &staged).await? {
            let tx = self.begin().await?;
            self.write_staged(&tx, scope, &staged).await?;
            tx.commit().await?;
        }
        self.keep_staged(scope, staged).await;
        Ok(())
    }

    /// Content by hash; [`StoreError::NotFound`] when the tenant never stored it.
    pub async fn blob(&self, scope: &Scope, hash: &Sha256) -> Result<Bytes, StoreError> {
        self.blobs(scope, std::slice::from_ref(hash)).await?.remove(hash).ok_or(StoreError::NotFound)
    }

    /// Content by hashes; what the tenant never stored is left out. All of it is in memory at once.
    pub async fn blobs(
        &self,
        scope: &Scope,
        hashes: &[Sha256],
    ) -> Result<HashMap<Sha256, Bytes>, StoreError> {
        let mut found = HashMap::with_capacity(hashes.len());
        let mut unknown = BTreeSet::new();
        for hash in hashes {
            match self.0.blobs.get(&scope.tenant, hash).await {
                Some(content) => _ = found.insert(*hash, content),
                None => _ = unknown.insert(*hash),
            }
        }
        for chunk in chunks(&unknown) {
            let rows = visible(scope, chunk).all(self.0.db.reader()).await?;
            let contents: Vec<_> = stream::iter(rows)
                .map(|row| self.content_of(row))
                .buffer_unordered(OBJECTS_AT_ONCE)
                .try_collect()
                .await?;
            for (hash, content) in contents {
                self.0.blobs.keep(&scope.tenant, hash, content.clone()).await;
                found.insert(hash, content);
            }
        }
        Ok(found)
    }

    /// The size of content in bytes; [`StoreError::NotFound`] when the tenant never stored it.
    pub async fn blob_size(&self, scope: &Scope, hash: &Sha256) -> Result<u64, StoreError> {
        let size = visible(scope, vec![hash_column(hash)])
            .select_only()
            .column(blobs::Column::Size)
            .into_tuple::<i64>()
            .one(self.0.db.reader())
            .await?;
        unsigned(size.ok_or(StoreError::NotFound)?)
    }

    /// Which of the hashes the tenant has not stored; in their order, without repeats. What it has stored and nothing names may be
    /// collected later.
    pub async fn missing_blobs(&self, scope: &Scope, hashes: &[Sha256]) -> Result<Vec<Sha256>, StoreError> {
        let unknown =
            hashes.iter().filter(|hash| !self.0.blobs.is_granted(&scope.tenant, hash)).copied().collect();
        let granted = self.granted(scope, &unknown).await?;
        let mut missing: HashSet<_> = unknown.iter().filter(|hash| !granted.contains(hash)).collect();
        Ok(hashes.iter().filter(|hash| missing.remove(hash)).copied().collect())
    }

    async fn granted(
        &self,
        scope: &Scope,
        hashes: &BTreeSet<Sha256>,
    ) -> Result<BTreeSet<Sha256>, StoreError> {
        let mut granted = BTreeSet::new();
        for chunk in chunks(hashes) {
            let rows = blob_grants::Entity::find()
                .filter(blob_grants::Column::TenantId.eq(scope.tenant.as_str()))
                .filter(blob_grants::Column::Sha256.is_in(chunk))
                .all(self.0.db.reader())
                .await?;
            for row in rows {
                let hash = hash(&row.sha256)?;
                self.0.blobs.grant(&scope.tenant, hash).await;
                granted.insert(hash);
            }
        }
        Ok(granted)
    }

    async fn content_of(&self, row: blobs::Model) -> Result<(Sha256, Bytes), StoreError> {
        let hash = hash(&row.sha256)?;
        match row.content {
            None => Ok((hash, self.0.objects.read(Kind::Blob, &hash).await?)),
            Some(content) if Sha256::of(&content) == hash => Ok((hash, content.into())),
            Some(_) => Err(StoreError::Corrupt(format!("the row of {hash} has other content"))),
        }
    }
}

/// The one place where content is looked up: through the tenant's grants.
fn visible(scope: &Scope, hashes: Vec<Vec<u8>>) -> sea_orm::Select<blobs::Entity> {
    let of_tenant: RelationDef = blobs::Entity::belongs_to(blob_grants::Entity)
        .from(blobs::Column::Sha256)
        .to(blob_grants::Column::Sha256)
        .into();
    blobs::Entity::find()
        .join(JoinType::InnerJoin, of_tenant)
        .filter(blob_grants::Column::TenantId.eq(scope.tenant.as_str()))
        .filter(blob_grants::Column::Sha256.is_in(hashes))
}
