//! Collecting content of drafts that nothing names any more: no draft's row, no tree.
//!
//! A collection goes in steps, each one short transaction; what it has found out is in the database, so that one that is broken off
//! anywhere is taken up where it was:
//!
//! 1. *count*: what trees came since are counted ([`crate::tree_collection`]);
//! 2. *trees*: those that neither a draft nor a revision refers to give back their counts and go;
//! 3. *walk*: all content is looked at, a page after the other. What nothing names is noted as `unneeded`, which changes
//!    nothing for anybody;
//! 4. *sweep*: what has been `unneeded` for the grace, and still is, goes: its grants, what its tenants are charged for it, its
//!    row. Small content is gone with that transaction; an object is removed after it, and then forgotten;
//! 5. *strangers*: the object store is listed, a part at a time, for objects that the database does not know, and for what
//!    interrupted writes left.
//!
//! Between steps it rests for as long as the step took, so that writers have at least half of the time. Why nothing is lost beside
//! writers is said once, in [`crate::blob_transits`]. What makes a note of use superfluous for a name that only moves, from a
//! draft's row to a tree or from one tree to the next, is that a sweep happens only in a transaction that sees no uncounted tree:
//! a name that has left a draft's row is then in a count.

use std::time::Duration;

use futures::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
};
use tokio::time::Instant;
use vitrine_model::{Sha256, Timestamp};

use crate::blob_sweep::{due_since, named};
use crate::blob_transits::{HASHES_PER_QUERY, LEAVING, UNNEEDED, forget, stored, transits};
use crate::codec::{hash, hash_column};
use crate::entity::blobs;
use crate::entity_collection::{blob_transits, collection_positions};
use crate::error::StoreError;
use crate::leases::Lease;
use crate::objects::Kind;
use crate::store::Store;

/// Content looked at in one step.
const BLOBS_PER_PAGE: u64 = 1_000;

/// Objects removed in one step, and at the same time.
const LEAVING_AT_ONCE: u64 = 64;
const REMOVED_AT_ONCE: usize = 8;

/// Steps of one kind in a call: some seconds of work.
const MOST_STEPS: usize = 32;

/// Of the 256 shards of the object store, those listed in one call: strangers are rare, and a bucket charges for listings.
const SHARDS_PER_CALL: u8 = 32;

/// Objects of a shard looked at in one call; more are there only with millions of them.
const MOST_LISTED: usize = 10_000;

/// What is being uploaded is a file of its own until it is whole; none is uploaded for longer than this.
const LONGEST_UPLOAD_SECS: i64 = 60 * 60;

/// Writers wait for a step; a long one is no reason to stand still for longer than this.
const LONGEST_REST: Duration = Duration::from_millis(200);

/// One collection at a time, as with objects of artifacts: a second one could remove what came back after the first.
const LEASE: &str = "collect-content";
const LEASE_TTL: Duration = Duration::from_secs(10 * 60);

/// The walks, as their positions are called.
const TREES: &str = "trees";
const BLOBS: &str = "blobs";
const SHARDS: &str = "blob-shards";

/// How much of something.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Amount {
    /// Pieces.
    pub count: u64,
    /// Bytes of all of them, as they are stored.
    pub bytes: u64,
}

impl Amount {
    pub(crate) fn add(&mut self, bytes: u64) {
        self.count += 1;
        self.bytes += bytes;
    }

    pub(crate) fn add_all(&mut self, other: Self) {
        self.count += other.count;
        self.bytes += other.bytes;
    }
}

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct CollectedContent {
    /// Trees that nothing referred to.
    pub trees: Amount,
    /// Content that nothing named. An upload that was never used has no size here.
    pub blobs: Amount,
    /// Objects that the database did not know, and what interrupted writes left.
    pub strangers: u64,
    /// True when all content was looked at; otherwise another call goes on. Of the object store, each such call lists a part.
    pub is_done: bool,
}

/// A collection under way.
pub(crate) struct ContentCollection<'s> {
    pub(crate) store: &'s Store,
    lease: Lease,
    collected: CollectedContent,
}

impl Store {
    /// Removes content of drafts that nothing has named since `older_than`, and trees as old that nothing refers to. A call does
    /// a bounded part; `is_done` says when everything was looked at once. Does nothing, and is not done, while another call is at
    /// it, of this process or of another `holder`; `holder` is as for [`Store::collect_objects`].
    /// Harmless at any time beside everything else, whatever `older_than` says.
    pub async fn collect_content(
        &self,
        holder: &str,
        older_than: Timestamp,
    ) -> Result<CollectedContent, StoreError> {
        let Ok(_alone) = self.0.collecting_content.try_lock() else {
            return Ok(CollectedContent::default());
        };
        let Some(mut collection) = self.begin_content_collection(holder).await? else {
            return Ok(CollectedContent::default());
        };
        let outcome = collection.run(older_than).await;
        let collected = collection.collected;
        let released = collection.release().await;
        outcome?;
        released.map(|()| collected)
    }

    pub(crate) async fn begin_content_collection(
        &self,
        holder: &str,
    ) -> Result<Option<ContentCollection<'_>>, StoreError> {
        let lease = self.acquire_lease(LEASE, holder, LEASE_TTL).await?;
        let collection =
            |lease| ContentCollection { store: self, lease, collected: CollectedContent::default() };
        Ok(lease.map(collection))
    }

    /// Notes what of a page nothing names; the position after it, unless it was the last.
    async fn note_unneeded(&self, after: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let page: Vec<Vec<u8>> = page_after(after).into_tuple().all(self.0.db.reader()).await?;
        let next = page.last().filter(|_| page.len() as u64 == BLOBS_PER_PAGE).cloned();
        let mut unneeded = Vec::new();
        for chunk in page.chunks(HASHES_PER_QUERY) {
            let named = named(self.0.db.reader(), chunk).await?;
            let moving = transits(self.0.db.reader(), chunk).await?;
            for column in chunk {
                let hash = hash(column)?;
                if !named.contains(&hash) && !moving.contains_key(&hash) {
                    unneeded.push(column.clone());
                }
            }
        }
        let tx = self.begin().await?;
        for chunk in unneeded.chunks(HASHES_PER_QUERY) {
            let row = |sha256: &Vec<u8>| blob_transits::Model {
                sha256: sha256.clone(),
                state: UNNEEDED.to_owned(),
                since: self.now().as_millis(),
                token: 0,
            };
            insert_transits(&tx, chunk.iter().map(row).collect()).await?;
        }
        save_position(&tx, BLOBS, next.clone().unwrap_or_default()).await?;
        tx.commit().await?;
        Ok(next)
    }

    /// Marks those as leaving that the database does not know; says how many.
    async fn mark_strangers(&self, hashes: &[Sha256]) -> Result<u64, StoreError> {
        let columns: Vec<_> = hashes.iter().map(hash_column).collect();
        if stored(self.0.db.reader(), &columns).await?.len() == hashes.len() {
            return Ok(0);
        }
        let tx = self.begin().await?;
        let (known, moving) = (stored(&tx, &columns).await?, transits(&tx, &columns).await?);
        let unknown = hashes.iter().filter(|hash| !known.contains(hash) && !moving.contains_key(hash));
        let row = |hash| blob_transits::Model {
            sha256: hash_column(hash),
            state: LEAVING.to_owned(),
            since: self.now().as_millis(),
            token: 0,
        };
        let rows: Vec<_> = unknown.map(row).collect();
        let marked = rows.len() as u64;
        insert_transits(&tx, rows).await?;
        tx.commit().await?;
        Ok(marked)
    }

    pub(crate) async fn position(&self, name: &str) -> Result<Vec<u8>, StoreError> {
        let row = collection_positions::Entity::find_by_id(name).one(self.0.db.reader()).await?;
        Ok(row.map(|row| row.position).unwrap_or_default())
    }
}

impl ContentCollection<'_> {
    /// Lets others collect.
    pub(crate) async fn release(self) -> Result<(), StoreError> {
        self.store.release_lease(&self.lease).await
    }

    async fn run(&mut self, older_than: Timestamp) -> Result<(), StoreError> {
        // What one left that was broken off.
        self.finish_leaving().await?;
        let is_counted = self.count().await?;
        let has_walked_trees = self.walk_trees(older_than).await?;
        let has_walked_blobs = self.walk_blobs().await?;
        let has_swept = self.sweep(older_than).await?;
        let has_ended = is_counted && has_walked_trees && has_walked_blobs && has_swept;
        if has_ended {
            self.list_strangers(older_than).await?;
        }
        self.collected.is_done = has_ended;
        Ok(())
    }

    /// Gives the others their turn after a step, and goes on if nobody else has begun to collect.
    async fn rest(&mut self, began: Instant) -> Result<(), StoreError> {
        tokio::time::sleep(began.elapsed().min(LONGEST_REST)).await;
        if self.store.now().plus_secs(LEASE_TTL.as_secs() as i64 / 2) > self.lease.expires_at {
            self.lease = self.store.renew_lease(&self.lease, LEASE_TTL).await?;
        }
        Ok(())
    }

    /// Counts what trees name; true when none is uncounted.
    pub(crate) async fn count(&mut self) -> Result<bool, StoreError> {
        for _ in 0..MOST_STEPS {
            let began = Instant::now();
            let tx = self.store.begin().await?;
            let is_whole = self.store.count_trees(&tx).await?;
            tx.commit().await?;
            if is_whole {
                return Ok(true);
            }
            self.rest(began).await?;
        }
        Ok(false)
    }

    async fn walk_trees(&mut self, older_than: Timestamp) -> Result<bool, StoreError> {
        let store = self.store;
        for _ in 0..MOST_STEPS {
            let began = Instant::now();
            let position = store.position(TREES).await?;
            let (removed, next) = store.collect_trees(&position, older_than).await?;
            self.collected.trees.add_all(removed);
            let is_last = next.is_none();
            let tx = store.begin().await?;
            save_position(&tx, TREES, next.unwrap_or_default()).await?;
            tx.commit().await?;
            if is_last {
                return Ok(true);
            }
            self.rest(began).await?;
        }
        Ok(false)
    }

    /// Notes what nothing names; true at the end of the walk.
    pub(crate) async fn walk_blobs(&mut self) -> Result<bool, StoreError> {
        for _ in 0..MOST_STEPS {
            let began = Instant::now();
            let position = self.store.position(BLOBS).await?;
            if self.store.note_unneeded(&position).await?.is_none() {
                return Ok(true);
            }
            self.rest(began).await?;
        }
        Ok(false)
    }

    async fn sweep(&mut self, older_than: Timestamp) -> Result<bool, StoreError> {
        for _ in 0..MOST_STEPS {
            let began = Instant::now();
            let Some(swept) = self.store.sweep_content(older_than).await? else { return Ok(true) };
            self.collected.blobs.add_all(swept);
            self.finish_leaving().await?;
            self.rest(began).await?;
        }
        Ok(false)
    }

    /// Removes the objects of what leaves, then forgets it.
    async fn finish_leaving(&mut self) -> Result<(), StoreError> {
        let store = self.store;
        loop {
            let leaving = due_since(LEAVING, Timestamp::from_millis(i64::MAX)).limit(LEAVING_AT_ONCE);
            let rows = leaving.into_tuple::<Vec<u8>>().all(store.0.db.reader()).await?;
            if rows.is_empty() {
                return Ok(());
            }
            let began = Instant::now();
            let hashes: Vec<_> = rows.iter().map(|row| hash(row)).collect::<Result<_, _>>()?;
            stream::iter(hashes)
                .map(|hash| async move { store.0.objects.remove(Kind::Blob, &hash).await })
                .buffer_unordered(REMOVED_AT_ONCE)
                .try_collect::<()>()
                .await?;
            let tx = store.begin().await?;
            forget(&tx, &rows).await?;
            tx.commit().await?;
            self.rest(began).await?;
        }
    }

    /// Removes objects that the database does not know, of the next few shards.
    async fn list_strangers(&mut self, older_than: Timestamp) -> Result<(), StoreError> {
        let store = self.store;
        let oldest_staged = older_than.min(store.now().plus_secs(-LONGEST_UPLOAD_SECS));
        let first = store.position(SHARDS).await?.first().copied().unwrap_or(0);
        for shard in (0..SHARDS_PER_CALL).map(|number| first.wrapping_add(number)) {
            let found = store.0.objects.list(Kind::Blob, shard, MOST_LISTED).await?;
            let old = found.into_iter().filter(|object| object.written_at <= older_than.as_millis());
            let old: Vec<_> = old.map(|object| object.hash).collect();
            for chunk in old.chunks(HASHES_PER_QUERY) {
                let marked = store.mark_strangers(chunk).await?;
                self.collected.strangers += marked;
                if marked > 0 {
                    self.finish_leaving().await?;
                }
            }
            self.collected.strangers +=
                store.0.objects.remove_staged(Kind::Blob, shard, oldest_staged).await?;
        }
        let tx = store.begin().await?;
        save_position(&tx, SHARDS, vec![first.wrapping_add(SHARDS_PER_CALL)]).await?;
        Ok(tx.commit().await?)
    }
}

async fn insert_transits<C: ConnectionTrait>(
    tx: &C,
    rows: Vec<blob_transits::Model>,
) -> Result<(), StoreError> {
    if rows.is_empty() {
        return Ok(());
    }
    let rows: Vec<_> = rows.into_iter().map(|row| row.into_active_model()).collect();
    let there = OnConflict::column(blob_transits::Column::Sha256).do_nothing().to_owned();
    blob_transits::Entity::insert_many(rows).on_conflict(there).exec_without_returning(tx).await?;
    Ok(())
}

async fn save_position<C: ConnectionTrait>(tx: &C, name: &str, position: Vec<u8>) -> Result<(), StoreError> {
    use collection_positions::{Column, Entity, Model};
    let row = Model { name: name.to_owned(), position };
    let replace = OnConflict::column(Column::Name).update_column(Column::Position).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}

pub(crate) fn page_after(after: &[u8]) -> Select<blobs::Entity> {
    blobs::Entity::find()
        .select_only()
        .column(blobs::Column::Sha256)
        .filter(blobs::Column::Sha256.gt(after))
        .order_by_asc(blobs::Column::Sha256)
        .limit(BLOBS_PER_PAGE)
}
