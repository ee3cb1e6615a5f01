//! The step of a collection that takes content away: what is due, whether it is named after all, and what goes with it.

use std::collections::{BTreeMap, HashMap, HashSet};

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
    Select,
};
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_model::{Sha256, Timestamp};

use crate::blob_collection::Amount;
use crate::blob_transits::{ARRIVING, LEAVING, UNNEEDED, forget, set_state};
use crate::codec::{hash, parsed};
use crate::entity::{blob_grants, blobs, draft_deltas};
use crate::entity_collection::{blob_refs, blob_transits};
use crate::error::StoreError;
use crate::store::Store;
use crate::tenant_usage::add_storage;

/// Content that goes in one step.
const SWEPT_AT_ONCE: u64 = 64;

impl Store {
    /// Sweeps some of what is due; `None` when nothing is. Counts first, and sweeps nothing as long as a tree is uncounted.
    pub(crate) async fn sweep_content(&self, oldest: Timestamp) -> Result<Option<Amount>, StoreError> {
        let tx = self.begin().await?;
        if !self.count_trees(&tx).await? {
            tx.commit().await?;
            return Ok(Some(Amount::default()));
        }
        let mut due = Vec::new();
        for state in [UNNEEDED, ARRIVING] {
            due.extend(due_since(state, oldest).into_tuple::<Vec<u8>>().all(&tx).await?);
        }
        if due.is_empty() {
            tx.commit().await?;
            return Ok(None);
        }
        let named = named(&tx, &due).await?;
        let (kept, gone): (Vec<_>, Vec<_>) =
            due.into_iter().partition(|column| hash(column).is_ok_and(|hash| named.contains(&hash)));
        forget(&tx, &kept).await?;
        let (amount, seen) = take_away(&tx, gone).await?;
        tx.commit().await?;
        for (tenant, hash) in seen {
            self.0.blobs.forget(&parsed(&tenant)?, hash).await;
        }
        Ok(Some(amount))
    }
}

/// Which of the hashes a draft's row or a counted tree names.
pub(crate) async fn named<C: ConnectionTrait>(
    db: &C,
    hashes: &[Vec<u8>],
) -> Result<HashSet<Sha256>, StoreError> {
    let in_trees = blob_refs::Entity::find()
        .select_only()
        .column(blob_refs::Column::Sha256)
        .filter(blob_refs::Column::Sha256.is_in(hashes.to_vec()))
        .into_tuple::<Vec<u8>>()
        .all(db)
        .await?;
    let in_drafts = named_in_drafts(hashes).into_tuple::<Vec<u8>>().all(db).await?;
    in_trees.iter().chain(&in_drafts).map(|row| hash(row)).collect()
}

/// Takes content away: rows, grants and charges at once. What is an object is leaving then, the rest is gone. Says how much it
/// was, and who saw what of it.
async fn take_away<C: ConnectionTrait>(
    tx: &C,
    gone: Vec<Vec<u8>>,
) -> Result<(Amount, Vec<(String, Sha256)>), StoreError> {
    let sizes: Vec<(Vec<u8>, i64)> = blobs::Entity::find()
        .select_only()
        .columns([blobs::Column::Sha256, blobs::Column::Size])
        .filter(blobs::Column::Sha256.is_in(gone.clone()))
        .into_tuple()
        .all(tx)
        .await?;
    let sizes: HashMap<Vec<u8>, i64> = sizes.into_iter().collect();
    let of_gone = blob_grants::Column::Sha256.is_in(gone.clone());
    let mut charges = BTreeMap::<String, i64>::new();
    let mut seen = Vec::new();
    for grant in blob_grants::Entity::find().filter(of_gone.clone()).all(tx).await? {
        *charges.entry(grant.tenant_id.clone()).or_default() += sizes.get(&grant.sha256).unwrap_or(&0);
        seen.push((grant.tenant_id, hash(&grant.sha256)?));
    }
    for (tenant, bytes) in charges {
        add_storage(tx, &tenant, -bytes).await?;
    }
    blob_grants::Entity::delete_many().filter(of_gone).exec(tx).await?;
    blobs::Entity::delete_many().filter(blobs::Column::Sha256.is_in(gone.clone())).exec(tx).await?;
    let mut amount = Amount::default();
    let (mut objects, mut rows) = (Vec::new(), Vec::new());
    for column in gone {
        let size = sizes.get(&column).copied();
        amount.add(size.and_then(|size| u64::try_from(size).ok()).unwrap_or(0));
        // Without a row it was announced, and only objects are.
        match size.is_none_or(|size| size > INLINE_BLOB_BYTES as i64) {
            true => objects.push(column),
            false => rows.push(column),
        }
    }
    set_state(tx, &objects, LEAVING).await?;
    forget(tx, &rows).await?;
    Ok((amount, seen))
}

/// What has been in a state since a time, the longest first.
pub(crate) fn due_since(state: &str, oldest: Timestamp) -> Select<blob_transits::Entity> {
    blob_transits::Entity::find()
        .select_only()
        .column(blob_transits::Column::Sha256)
        .filter(blob_transits::Column::State.eq(state))
        .filter(blob_transits::Column::Since.lte(oldest.as_millis()))
        .order_by_asc(blob_transits::Column::Since)
        .limit(SWEPT_AT_ONCE)
}

/// What drafts' rows name of the hashes.
pub(crate) fn named_in_drafts(hashes: &[Vec<u8>]) -> Select<draft_deltas::Entity> {
    draft_deltas::Entity::find()
        .select_only()
        .column(draft_deltas::Column::Sha256)
        .filter(draft_deltas::Column::Sha256.is_in(hashes.to_vec()))
        .distinct()
}
