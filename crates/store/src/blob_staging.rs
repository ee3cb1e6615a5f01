//! Content on its way in: found new or not, uploaded when it is large, and written in the transaction that uses it.

use std::collections::{BTreeMap, BTreeSet};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait as _, IntoActiveModel as _};
use vitrine_model::Sha256;
use vitrine_model::limits::INLINE_BLOB_BYTES;

use crate::blob_transits::{ARRIVING, Announced, HASHES_PER_QUERY, Known, admit, stored, transits};
use crate::codec::{digest, hash_column, signed};
use crate::entity::{blob_grants, blobs};
use crate::entity_collection::blob_transits;
use crate::error::StoreError;
use crate::objects::Kind;
use crate::scope::Scope;
use crate::store::Store;

/// Rows in one insert; a row has at most [`INLINE_BLOB_BYTES`].
const ROWS_PER_INSERT: usize = 64;

/// Objects written at once.
const OBJECTS_AT_ONCE: usize = 8;

/// How often content is staged anew when a collection came between its upload and its transaction. Twice in a row would take
/// two collections within one request.
pub(crate) const STAGINGS: usize = 3;

/// Content that a transaction is about to use.
#[derive(Default)]
pub(crate) struct Staged {
    /// What is brought, by hash; the large of it is in the object store already.
    pub(crate) contents: BTreeMap<Sha256, Bytes>,
    /// What is named without being brought.
    named: BTreeSet<Sha256>,
    /// The announcements of the objects that were not known before.
    announced: Announced,
}

impl Staged {
    fn hashes(&self) -> BTreeSet<Sha256> {
        self.contents.keys().chain(&self.named).copied().collect()
    }

    /// True when an object that is not known lies in the object store under our own announcement.
    fn is_announced(&self, hash: &Sha256, known: &Known) -> bool {
        let token = self.announced.get(hash);
        token.is_some_and(|token| is_announcement(known.transits.get(hash), *token))
    }
}

/// Content by its hash.
pub(crate) async fn hashed(contents: &[Bytes]) -> BTreeMap<Sha256, Bytes> {
    let mut hashed = BTreeMap::new();
    for content in contents {
        hashed.insert(digest(content).await, content.clone());
    }
    hashed
}

impl Store {
    /// Sees to it that the large of `contents` is in the object store. Done before the transaction, so that no other writer
    /// waits for an upload; an object whose transaction then fails goes with a collection.
    pub(crate) async fn stage(&self, contents: BTreeMap<Sha256, Bytes>) -> Result<Staged, StoreError> {
        let large: Vec<_> = contents.iter().filter(|(_, content)| is_large(content)).collect();
        let large: Vec<_> = large.into_iter().map(|(hash, content)| (*hash, content.clone())).collect();
        let announced = self.announce_blobs(&large.iter().map(|(hash, _)| *hash).collect()).await?;
        // Known or not: bringing content again mends an object that was lost.
        stream::iter(large.into_iter().map(|(hash, content)| (hash, content, announced.get(&hash).copied())))
            .map(|(hash, content, token)| async move { self.upload(&hash, content, token).await })
            .buffer_unordered(OBJECTS_AT_ONCE)
            .try_collect::<()>()
            .await?;
        Ok(Staged { contents, named: BTreeSet::new(), announced })
    }

    /// [`StoreError::ObjectLeaving`] when it is gone again because a collection has just removed it.
    async fn upload(&self, hash: &Sha256, content: Bytes, token: Option<i64>) -> Result<(), StoreError> {
        let Err(error) = self.0.objects.put(Kind::Blob, hash, content).await else { return Ok(()) };
        let column = [hash_column(hash)];
        let transits = transits(self.0.db.reader(), &column).await?;
        let is_there = token.is_some_and(|token| is_announcement(transits.get(hash), token))
            || stored(self.0.db.reader(), &column).await?.contains(hash);
        Err(if is_there { error } else { StoreError::ObjectLeaving })
    }

    /// Has `hashes` used by the transaction too. [`StoreError::MissingBlobs`] unless the tenant has stored all of them, or brings
    /// them: an early answer, which the transaction does not rely on.
    pub(crate) async fn require(
        &self,
        scope: &Scope,
        hashes: impl Iterator<Item = Sha256>,
        staged: &mut Staged,
    ) -> Result<(), StoreError> {
        staged.named = hashes.filter(|hash| !staged.contents.contains_key(hash)).collect();
        let named: Vec<_> = staged.named.iter().copied().collect();
        let missing = self.missing_blobs(scope, &named).await?;
        match missing.is_empty() {
            true => Ok(()),
            false => Err(StoreError::MissingBlobs(missing)),
        }
    }

    /// True when what is staged is not all there for the tenant, or on its way out.
    pub(crate) async fn needs_writing(&self, scope: &Scope, staged: &Staged) -> Result<bool, StoreError> {
        let hashes = staged.hashes();
        let known = self.known_content(self.0.db.reader(), &scope.tenant, &hashes).await?;
        let is_there = |hash| known.stored.contains(hash) && known.granted.contains(hash);
        Ok(!known.transits.is_empty() || !hashes.iter().all(is_there))
    }

    /// Writes the rows of staged content and notes that all of it is used; see [`crate::blob_transits`].
    ///
    /// # Errors
    /// [`StoreError::MissingBlobs`] when something is named that the tenant does not have (any more);
    /// [`StoreError::ObjectLeaving`] when an uploaded object was collected meanwhile: stage it again;
    /// [`StoreError::QuotaExceeded`] when the tenant may not store that much.
    pub(crate) async fn write_staged<C: ConnectionTrait>(
        &self,
        tx: &C,
        scope: &Scope,
        staged: &Staged,
    ) -> Result<(), StoreError> {
        let known = self.known_content(tx, &scope.tenant, &staged.hashes()).await?;
        let missing: Vec<_> =
            staged.named.iter().filter(|hash| !known.granted.contains(hash)).copied().collect();
        if !missing.is_empty() {
            for hash in &missing {
                self.0.blobs.forget(&scope.tenant, *hash).await;
            }
            return Err(StoreError::MissingBlobs(missing));
        }
        let new: Vec<_> = staged.contents.iter().filter(|(hash, _)| !known.stored.contains(hash)).collect();
        if new.iter().any(|(hash, content)| is_large(content) && !staged.is_announced(hash, &known)) {
            return Err(StoreError::ObjectLeaving);
        }
        let ungranted: Vec<_> =
            staged.contents.iter().filter(|(hash, _)| !known.granted.contains(hash)).collect();
        self.write_rows(tx, &new).await?;
        admit(tx, &known).await?;
        write_grants(tx, scope, &ungranted).await?;
        match ungranted.iter().map(|(_, content)| content.len() as u64).sum() {
            0 => Ok(()),
            bytes => self.take_storage(tx, &scope.tenant, bytes).await,
        }
    }

    /// Remembers staged content once its transaction is committed.
    pub(crate) async fn keep_staged(&self, scope: &Scope, staged: Staged) {
        for (hash, content) in staged.contents {
            self.0.blobs.keep(&scope.tenant, hash, content).await;
        }
    }

    async fn write_rows<C: ConnectionTrait>(
        &self,
        tx: &C,
        new: &[(&Sha256, &Bytes)],
    ) -> Result<(), StoreError> {
        let created_at = self.now().as_millis();
        let row = |(hash, content): &(&Sha256, &Bytes)| blobs::Model {
            sha256: hash_column(hash),
            size: signed(content.len() as u64),
            content: (!is_large(content)).then(|| content.to_vec()),
            created_at,
        };
        for chunk in new.chunks(ROWS_PER_INSERT) {
            // Collected: an iterator that borrows, held across an await, makes the future unusable in a handler.
            let rows: Vec<_> = chunk.iter().map(|new| row(new).into_active_model()).collect();
            let there = OnConflict::column(blobs::Column::Sha256).do_nothing().to_owned();
            blobs::Entity::insert_many(rows).on_conflict(there).exec_without_returning(tx).await?;
        }
        Ok(())
    }
}

async fn write_grants<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    ungranted: &[(&Sha256, &Bytes)],
) -> Result<(), StoreError> {
    let row =
        |hash: &Sha256| blob_grants::Model { tenant_id: scope.tenant.to_string(), sha256: hash_column(hash) };
    for chunk in ungranted.chunks(HASHES_PER_QUERY) {
        let rows: Vec<_> = chunk.iter().map(|(hash, _)| row(hash).into_active_model()).collect();
        let columns = [blob_grants::Column::TenantId, blob_grants::Column::Sha256];
        let there = OnConflict::columns(columns).do_nothing().to_owned();
        blob_grants::Entity::insert_many(rows).on_conflict(there).exec_without_returning(tx).await?;
    }
    Ok(())
}

fn is_announcement(transit: Option<&blob_transits::Model>, token: i64) -> bool {
    transit.is_some_and(|transit| transit.state == ARRIVING && transit.token == token)
}

fn is_large(content: &Bytes) -> bool {
    content.len() > INLINE_BLOB_BYTES
}
