//! Collecting objects that nothing needs: uploads that never came to be an artifact's, and what no artifact names any more.
//!
//! Which objects are named is found by reading all manifests, a few at a time: a pass over what is there, in a quiet hour,
//! instead of a row per artifact and file that every publish would have to write. What the pass misses because it came
//! later was used later than the grace, and stays. A row is marked as leaving before its object is removed, and removed
//! after it; an interrupted collection is finished by the next.

use std::collections::HashSet;
use std::sync::atomic::Ordering;
use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, Condition, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select, Set,
};
use vitrine_model::{Sha256, Timestamp};

use crate::artifacts::manifest_of;
use crate::assets::{HASHES_PER_QUERY, LEAVING, PENDING, PRESENT, among};
use crate::blob_collection::Amount;
use crate::codec::{hash, hash_column, unsigned};
use crate::entity_publishing::assets::{self, Column};
use crate::entity_publishing::{artifacts, template_artifacts};
use crate::error::StoreError;
use crate::leases::Lease;
use crate::objects::Kind;
use crate::store::Store;

/// What is younger is never collected, whatever the caller says: no publish takes this long from asking what is missing to
/// recording its artifact.
const SHORTEST_GRACE_SECS: i64 = 60 * 60;

/// Rows of a state looked at in one call; the rest is for the next. A pass over the manifests should be worth it.
const MOST_CANDIDATES: u64 = 100_000;

/// Objects listed in one call, of as many of the 256 shards as it takes.
const MOST_LISTED: usize = 10_000;

/// Manifests read at once.
const MANIFESTS_PER_QUERY: u64 = 20;

/// Objects marked as leaving and removed in one step. Few: until they have left, whoever publishes one has to wait.
const LEAVING_AT_ONCE: u64 = HASHES_PER_QUERY as u64;

/// One collection at a time: a second one could remove what came back after the first.
const LEASE: &str = "collect-objects";

/// Longer than any step of a collection. Renewed from step to step; after a crash, other servers wait for its end.
const LEASE_TTL: Duration = Duration::from_secs(10 * 60);

/// What a collection did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Collected {
    /// Objects removed that no artifact named any more, or that never were an artifact's.
    pub unnamed: u64,
    /// Bytes of those, as far as the database knew them.
    pub unnamed_bytes: u64,
    /// Objects removed that the database did not know, and what interrupted writes left.
    pub unknown: u64,
}

/// Objects that have not been of use for long.
#[derive(Default)]
struct Old {
    /// What something names.
    kept: Vec<Sha256>,
    /// What nothing names, and was verified: announced only from now on.
    unnamed: Vec<Sha256>,
    /// What nothing names, and was announced only.
    leaving: Vec<Sha256>,
}

/// A collection under way.
struct Collection<'s> {
    store: &'s Store,
    lease: Lease,
}

impl Store {
    /// Removes objects that nothing has needed since `older_than`, which is at least an hour ago by the store's clock; those
    /// of artifacts in two steps, as far apart.
    /// Looks at a bounded number of rows and objects; call it from time to time. Does nothing while another call is at it, of
    /// this process or of another `holder`. `holder` names the server for as long as its data lives: it goes on at once where it
    /// was broken off, and no two that run at the same time have one name.
    /// Harmless at any time beside everything else.
    pub async fn collect_objects(
        &self,
        holder: &str,
        older_than: Timestamp,
    ) -> Result<Collected, StoreError> {
        let Ok(_alone) = self.0.collecting.try_lock() else {
            return Ok(Collected::default());
        };
        let Some(lease) = self.acquire_lease(LEASE, holder, LEASE_TTL).await? else {
            return Ok(Collected::default());
        };
        let mut collection = Collection { store: self, lease };
        let collected = collection.run(older_than).await;
        let released = self.release_lease(&collection.lease).await;
        let collected = collected?;
        released.map(|()| collected)
    }

    /// What [`Store::collect_objects`] would remove now, and what it would only announce to leave; removes and announces nothing.
    /// Nothing at all while a collection is under way.
    pub async fn survey_objects(
        &self,
        holder: &str,
        older_than: Timestamp,
    ) -> Result<(Amount, Amount), StoreError> {
        let Ok(_alone) = self.0.collecting.try_lock() else { return Ok(Default::default()) };
        let Some(lease) = self.acquire_lease(LEASE, holder, LEASE_TTL).await? else {
            return Ok(Default::default());
        };
        let mut collection = Collection { store: self, lease };
        let old = collection.old(self.oldest_objects(older_than)).await;
        let released = self.release_lease(&collection.lease).await;
        let Old { unnamed, leaving, .. } = old?;
        released?;
        Ok((self.size_of(&leaving).await?, self.size_of(&unnamed).await?))
    }

    fn oldest_objects(&self, older_than: Timestamp) -> Timestamp {
        older_than.min(self.now().plus_secs(-SHORTEST_GRACE_SECS))
    }

    async fn size_of(&self, hashes: &[Sha256]) -> Result<Amount, StoreError> {
        let mut amount = Amount::default();
        for chunk in hashes.chunks(HASHES_PER_QUERY) {
            for row in among(chunk).all(self.0.db.reader()).await? {
                amount.add(unsigned(row.size)?);
            }
        }
        Ok(amount)
    }

    async fn old(&self, state: &str, oldest: Timestamp) -> Result<Vec<Sha256>, StoreError> {
        let query = unused_since(state, oldest).limit(MOST_CANDIDATES);
        let rows = query.into_tuple::<Vec<u8>>().all(self.0.db.reader()).await?;
        rows.iter().map(|row| hash(row)).collect()
    }

    /// Changes those of the rows that are still old, and in one of the states they were found in: whoever uses or verifies one
    /// meanwhile keeps it.
    async fn change_old(
        &self,
        hashes: &[Sha256],
        (states, oldest): (&[&str], Timestamp),
        change: assets::ActiveModel,
    ) -> Result<(), StoreError> {
        for chunk in hashes.chunks(HASHES_PER_QUERY) {
            let tx = self.begin().await?;
            assets::Entity::update_many()
                .set(change.clone())
                .filter(Column::Sha256.is_in(chunk.iter().map(hash_column)))
                .filter(Column::UsedAt.lte(oldest.as_millis()))
                .filter(Column::State.is_in(states.iter().copied()))
                .exec(&tx)
                .await?;
            tx.commit().await?;
        }
        Ok(())
    }

    /// Marks those as leaving that the database does not know; false when there are none.
    async fn mark_unknown(&self, hashes: &[Sha256]) -> Result<bool, StoreError> {
        let mut unknown: HashSet<_> = hashes.iter().copied().collect();
        for row in among(hashes).all(self.0.db.reader()).await? {
            unknown.remove(&hash(&row.sha256)?);
        }
        let rows: Vec<_> = unknown.iter().map(leaving_row).collect();
        if rows.is_empty() {
            return Ok(false);
        }
        // One that is announced at this moment has its row already: it stays.
        let there = OnConflict::column(Column::Sha256).do_nothing().to_owned();
        let tx = self.begin().await?;
        assets::Entity::insert_many(rows).on_conflict(there).exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(true)
    }
}

impl Collection<'_> {
    async fn run(&mut self, older_than: Timestamp) -> Result<Collected, StoreError> {
        // What one left that was broken off.
        let mut unnamed = self.finish_leaving().await?;
        unnamed.add_all(self.release_unnamed(older_than).await?);
        Ok(Collected {
            unnamed: unnamed.count,
            unnamed_bytes: unnamed.bytes,
            unknown: self.release_unknown(older_than).await?,
        })
    }

    /// Goes on, if nobody else has begun to collect.
    async fn keep_on(&mut self) -> Result<(), StoreError> {
        self.lease = self.store.renew_lease(&self.lease, LEASE_TTL).await?;
        Ok(())
    }

    /// Takes a step with what is old and not named: what was present is only announced from now on, and what was announced
    /// leaves; says how many did. So an object stays for a grace after the last artifact that named it has gone. What is old and
    /// named has its use renewed, so that the next call looks at others.
    async fn release_unnamed(&mut self, older_than: Timestamp) -> Result<Amount, StoreError> {
        let store = self.store;
        let oldest = store.oldest_objects(older_than);
        let Old { kept, unnamed, leaving } = self.old(oldest).await?;
        let renewed =
            assets::ActiveModel { used_at: Set(store.now().as_millis()), ..assets::ActiveModel::default() };
        store.change_old(&kept, (&[PENDING, PRESENT], oldest), renewed.clone()).await?;
        let announced = assets::ActiveModel { state: Set(PENDING.to_owned()), ..renewed };
        store.change_old(&unnamed, (&[PRESENT], oldest), announced).await?;
        let mut removed = Amount::default();
        for chunk in leaving.chunks(HASHES_PER_QUERY) {
            let leaves =
                assets::ActiveModel { state: Set(LEAVING.to_owned()), ..assets::ActiveModel::default() };
            store.change_old(chunk, (&[PENDING], oldest), leaves).await?;
            removed.add_all(self.finish_leaving().await?);
        }
        Ok(removed)
    }

    /// What has not been of use for long, by what becomes of it.
    async fn old(&mut self, oldest: Timestamp) -> Result<Old, StoreError> {
        let pending = self.store.old(PENDING, oldest).await?;
        let present = self.store.old(PRESENT, oldest).await?;
        if pending.is_empty() && present.is_empty() {
            return Ok(Old::default());
        }
        let named = self.named_objects().await?;
        let is_named = |hash: &Sha256| named.contains(hash);
        let (mut kept, leaving): (Vec<_>, Vec<_>) = pending.into_iter().partition(is_named);
        let (also_kept, unnamed): (Vec<_>, Vec<_>) = present.into_iter().partition(is_named);
        kept.extend(also_kept);
        Ok(Old { kept, unnamed, leaving })
    }

    /// Removes the objects of what leaves, then the rows.
    async fn finish_leaving(&mut self) -> Result<Amount, StoreError> {
        let store = self.store;
        let mut removed = Amount::default();
        loop {
            self.keep_on().await?;
            let leaving = unused_since(LEAVING, Timestamp::from_millis(i64::MAX)).limit(LEAVING_AT_ONCE);
            let rows = leaving.into_tuple::<Vec<u8>>().all(store.0.db.reader()).await?;
            if rows.is_empty() {
                return Ok(removed);
            }
            let hashes: Vec<_> = rows.iter().map(|row| hash(row)).collect::<Result<_, _>>()?;
            removed.add_all(store.size_of(&hashes).await?);
            for hash in &hashes {
                store.0.objects.remove(Kind::Asset, hash).await?;
            }
            let tx = store.begin().await?;
            assets::Entity::delete_many()
                .filter(Column::Sha256.is_in(rows))
                .filter(Column::State.eq(LEAVING))
                .exec(&tx)
                .await?;
            tx.commit().await?;
        }
    }

    /// Removes objects that are in the object store and that the database does not know, and what interrupted writes left; says
    /// how many. Goes through the shards in turns, from where the last call stopped.
    async fn release_unknown(&mut self, older_than: Timestamp) -> Result<u64, StoreError> {
        let store = self.store;
        let oldest_staged = older_than.min(store.now().plus_secs(-SHORTEST_GRACE_SECS));
        let (mut listed, mut removed) = (0, 0);
        for _ in 0..=u8::MAX {
            if listed >= MOST_LISTED {
                break;
            }
            let shard = store.0.next_shard.fetch_add(1, Ordering::Relaxed);
            let found = store.0.objects.list(Kind::Asset, shard, MOST_LISTED - listed).await?;
            listed += found.len();
            let old = found.into_iter().filter(|object| object.written_at <= older_than.as_millis());
            let old: Vec<_> = old.map(|object| object.hash).collect();
            for chunk in old.chunks(HASHES_PER_QUERY) {
                if store.mark_unknown(chunk).await? {
                    removed += self.finish_leaving().await?.count;
                }
            }
            removed += store.0.objects.remove_staged(Kind::Asset, shard, oldest_staged).await?;
        }
        Ok(removed)
    }

    /// Everything that an artifact names. A manifest that cannot be read ends the collection.
    async fn named_objects(&mut self) -> Result<HashSet<Sha256>, StoreError> {
        let store = self.store;
        let mut named = HashSet::new();
        let mut position = (String::new(), String::new());
        loop {
            let rows = artifacts_after(&position).all(store.0.db.reader()).await?;
            let Some(last) = rows.last() else { break };
            if store.now().plus_secs(LEASE_TTL.as_secs() as i64 / 2) > self.lease.expires_at {
                self.keep_on().await?;
            }
            position = (last.app_id.clone(), last.id.clone());
            for row in &rows {
                let manifest = manifest_of(&row.manifest, &row.manifest_sha256)?;
                named.extend(manifest.objects().map(|(hash, _)| hash));
                named.extend([hash(&row.provenance)?, hash(&row.sbom)?]);
            }
        }
        // As many as there are templates.
        for row in template_artifacts::Entity::find().all(store.0.db.reader()).await? {
            let manifest = manifest_of(&row.manifest, &row.manifest_sha256)?;
            named.extend(manifest.objects().map(|(hash, _)| hash));
            named.extend([hash(&row.provenance)?, hash(&row.sbom)?]);
        }
        Ok(named)
    }
}

/// Hashes of objects in a state and without use since a time, the longest unused first.
pub(crate) fn unused_since(state: &str, oldest: Timestamp) -> Select<assets::Entity> {
    assets::Entity::find()
        .select_only()
        .column(Column::Sha256)
        .filter(Column::State.eq(state))
        .filter(Column::UsedAt.lte(oldest.as_millis()))
        .order_by_asc(Column::UsedAt)
}

/// The next artifacts in the order of their key.
pub(crate) fn artifacts_after((app, id): &(String, String)) -> Select<artifacts::Entity> {
    let is_after = Condition::any().add(artifacts::Column::AppId.gt(app)).add(artifacts::Column::Id.gt(id));
    artifacts::Entity::find()
        .filter(artifacts::Column::AppId.gte(app))
        .filter(is_after)
        .order_by_asc(artifacts::Column::AppId)
        .order_by_asc(artifacts::Column::Id)
        .limit(MANIFESTS_PER_QUERY)
}

fn leaving_row(hash: &Sha256) -> assets::ActiveModel {
    let row = assets::Model { sha256: hash_column(hash), size: 0, state: LEAVING.to_owned(), used_at: 0 };
    row.into_active_model()
}
