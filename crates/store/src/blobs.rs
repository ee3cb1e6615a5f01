//! Content: stored once for all, visible only to tenants that brought it.
//!
//! Knowing a hash is not having the content: a tenant sees what it has uploaded itself (a grant), so nobody can claim
//! another tenant's file by naming its hash. Up to [`INLINE_BLOB_BYTES`] content lives in the database, above that in the
//! object store, written before the row that names it.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait, IntoActiveModel as _, JoinType, QueryFilter as _,
    QuerySelect as _, RelationDef,
};
use vitrine_model::Sha256;
use vitrine_model::limits::INLINE_BLOB_BYTES;

use crate::codec::{digest, hash, hash_column, signed, unsigned};
use crate::entity::{blob_grants, blobs};
use crate::error::StoreError;
use crate::objects::Kind;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenant_usage::{recount_storage, storage_of};

/// Hashes named in one query; both databases take thousands of parameters, plans stay small with fewer.
const HASHES_PER_QUERY: usize = 400;

/// Rows in one insert; a row has at most [`INLINE_BLOB_BYTES`].
const ROWS_PER_INSERT: usize = 64;

/// Objects read or written at once.
const OBJECTS_AT_ONCE: usize = 8;

/// Content on its way in: what has to be written in the transaction that names it.
#[derive(Default)]
pub(crate) struct Staged {
    /// Everything by hash.
    pub(crate) contents: BTreeMap<Sha256, Bytes>,
    /// Which of it the database does not have; large ones are in the object store already.
    new: Vec<Sha256>,
    /// Which of it the tenant does not see yet.
    ungranted: Vec<Sha256>,
}

impl Staged {
    fn needs_writing(&self) -> bool {
        !(self.new.is_empty() && self.ungranted.is_empty())
    }
}

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
        let staged = self.stage(scope, contents).await?;
        if staged.needs_writing() {
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

    /// Which of the hashes the tenant has not stored; in their order, without repeats.
    pub async fn missing_blobs(&self, scope: &Scope, hashes: &[Sha256]) -> Result<Vec<Sha256>, StoreError> {
        let unknown =
            hashes.iter().filter(|hash| !self.0.blobs.is_granted(&scope.tenant, hash)).copied().collect();
        let granted = self.granted(scope, &unknown).await?;
        let mut missing: HashSet<_> = unknown.iter().filter(|hash| !granted.contains(hash)).collect();
        Ok(hashes.iter().filter(|hash| missing.remove(hash)).copied().collect())
    }

    /// [`StoreError::MissingBlobs`] unless the tenant has stored all of `hashes`, or brings them in `staged`.
    pub(crate) async fn require(
        &self,
        scope: &Scope,
        hashes: impl Iterator<Item = Sha256>,
        staged: &Staged,
    ) -> Result<(), StoreError> {
        let hashes: BTreeSet<_> = hashes.filter(|hash| !staged.contents.contains_key(hash)).collect();
        let missing = self.missing_blobs(scope, &hashes.into_iter().collect::<Vec<_>>()).await?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(StoreError::MissingBlobs(missing)),
        }
    }

    /// Finds out what of `contents` is new, and sees to it that the large ones are in the object store. Done before the
    /// transaction, so that no other writer waits for an upload; an object whose transaction then fails is found again by
    /// whoever brings it next.
    pub(crate) async fn stage(
        &self,
        scope: &Scope,
        contents: BTreeMap<Sha256, Bytes>,
    ) -> Result<Staged, StoreError> {
        let unknown =
            contents.keys().filter(|hash| !self.0.blobs.is_granted(&scope.tenant, hash)).copied().collect();
        let granted = self.granted(scope, &unknown).await?;
        let ungranted: BTreeSet<_> = unknown.difference(&granted).copied().collect();
        let mut stored = HashSet::new();
        for chunk in chunks(&ungranted) {
            let rows = blobs::Entity::find().select_only().column(blobs::Column::Sha256);
            let rows = rows.filter(blobs::Column::Sha256.is_in(chunk)).into_tuple::<Vec<u8>>();
            for row in rows.all(self.0.db.reader()).await? {
                stored.insert(hash(&row)?);
            }
        }
        let new: Vec<_> = ungranted.iter().filter(|hash| !stored.contains(hash)).copied().collect();
        // Known or not: bringing content again mends an object that was lost.
        let large = contents.iter().filter(|(_, content)| is_large(content));
        let large: Vec<_> = large.map(|(hash, content)| (*hash, content.clone())).collect();
        stream::iter(large)
            .map(|(hash, content)| async move { self.0.objects.put(Kind::Blob, &hash, content).await })
            .buffer_unordered(OBJECTS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(Staged { contents, new, ungranted: ungranted.into_iter().collect() })
    }

    /// Writes the rows of staged content. Others may have written the same since it was staged.
    /// [`StoreError::QuotaExceeded`] when the tenant may not store that much.
    pub(crate) async fn write_staged<C: ConnectionTrait>(
        &self,
        tx: &C,
        scope: &Scope,
        staged: &Staged,
    ) -> Result<(), StoreError> {
        let created_at = self.now().as_millis();
        for chunk in staged.new.chunks(ROWS_PER_INSERT) {
            let rows = chunk.iter().filter_map(|hash| {
                let content = staged.contents.get(hash)?;
                let row = blobs::Model {
                    sha256: hash_column(hash),
                    size: signed(content.len() as u64),
                    content: (!is_large(content)).then(|| content.to_vec()),
                    created_at,
                };
                Some(row.into_active_model())
            });
            // Collected: an iterator that borrows, held across an await, makes the future unusable in a handler.
            let rows: Vec<_> = rows.collect();
            let there = OnConflict::column(blobs::Column::Sha256).do_nothing().to_owned();
            blobs::Entity::insert_many(rows).on_conflict(there).exec_without_returning(tx).await?;
        }
        let mut has_met_another = false;
        for chunk in staged.ungranted.chunks(HASHES_PER_QUERY) {
            let rows = chunk.iter().map(|hash| {
                let row =
                    blob_grants::Model { tenant_id: scope.tenant.to_string(), sha256: hash_column(hash) };
                row.into_active_model()
            });
            let rows: Vec<_> = rows.collect();
            let columns = [blob_grants::Column::TenantId, blob_grants::Column::Sha256];
            let there = OnConflict::columns(columns).do_nothing().to_owned();
            let granted =
                blob_grants::Entity::insert_many(rows).on_conflict(there).exec_without_returning(tx).await?;
            has_met_another |= granted < chunk.len() as u64;
        }
        let bytes = staged
            .ungranted
            .iter()
            .filter_map(|hash| staged.contents.get(hash))
            .map(Bytes::len)
            .sum::<usize>();
        if has_met_another {
            let before = storage_of(tx, &scope.tenant).await?;
            recount_storage(tx, &scope.tenant).await?;
            self.require_storage(tx, &scope.tenant, before).await?;
        } else if bytes > 0 {
            self.take_storage(tx, &scope.tenant, bytes as u64).await?;
        }
        Ok(())
    }

    /// Remembers staged content once its transaction is committed.
    pub(crate) async fn keep_staged(&self, scope: &Scope, staged: Staged) {
        for (hash, content) in staged.contents {
            self.0.blobs.keep(&scope.tenant, hash, content).await;
        }
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

fn is_large(content: &Bytes) -> bool {
    content.len() > INLINE_BLOB_BYTES
}

fn chunks(hashes: &BTreeSet<Sha256>) -> Vec<Vec<Vec<u8>>> {
    let columns: Vec<_> = hashes.iter().map(hash_column).collect();
    columns.chunks(HASHES_PER_QUERY).map(<[_]>::to_vec).collect()
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
