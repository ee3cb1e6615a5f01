//! Content of drafts on its way in or out, and the fence between those who bring it and the collection that takes it away.
//!
//! Content in use has a row in `blobs`, a grant, and none here. A row here says that it is
//! - `arriving`: somebody uploads the object of large content, whose row in `blobs` comes with the transaction that uses it;
//! - `unneeded`: a collection found nothing that names it. It is there, and may be used as ever;
//! - `leaving`: its row is gone, and its object is being removed. Whoever brings it waits until it has left.
//!
//! *Why nothing that is used is ever lost.* One transaction writes at a time, and two kinds of it decide:
//!
//! 1. A writer's ([`admit`]) looks content up by its rows, not by what a cache says or an earlier query said, and deletes
//!    the `unneeded` row of everything it uses. What is not there any more it writes (small content), or refuses: the caller
//!    uploads again. For a large object that it has just uploaded it must find its own announcement: the same `arriving` row,
//!    known by its random token. If a collection came between, the row is gone or another's, and everything is done once more.
//! 2. A collection's ([`crate::blob_collection`]) takes away only what has an `unneeded` or abandoned `arriving` row that is old
//!    enough, and that neither a draft's row nor a counted tree names while no tree is uncounted.
//!
//! Whichever comes first, the other sees it: a writer after the collection finds nothing and writes anew; a collection after the
//! writer finds no row here, or a name. An object is removed between two transactions, the one that makes it `leaving` and the one
//! that forgets it, and in that time nobody uploads it. So the grace is no part of this argument; it is for those who look
//! content up in one request and use it in the next, and for backups. (A database with several writers at once would have to
//! run both transactions as serializable.)

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use tokio::time::Instant;
use vitrine_model::{Sha256, TenantId};

use crate::codec::{hash, hash_column};
use crate::entity::{blob_grants, blobs};
use crate::entity_collection::blob_transits::{self, Column};
use crate::error::StoreError;
use crate::store::Store;

/// An upload is announced.
pub(crate) const ARRIVING: &str = "arriving";
/// Nothing names it.
pub(crate) const UNNEEDED: &str = "unneeded";
/// Its object is being removed.
pub(crate) const LEAVING: &str = "leaving";

/// How often somebody who brings what is leaving looks again, and for how long: removing an object takes milliseconds on a disk,
/// and a collection that was broken off is ended when the server starts.
const LEAVING_PAUSE: Duration = Duration::from_millis(20);
const LEAVING_PATIENCE: Duration = Duration::from_secs(10);

/// Hashes named in one query.
pub(crate) const HASHES_PER_QUERY: usize = 400;

/// The tokens of announced uploads.
pub(crate) type Announced = BTreeMap<Sha256, i64>;

/// What the database knows of some content, for one tenant.
#[derive(Default)]
pub(crate) struct Known {
    /// Which of it is there.
    pub(crate) stored: HashSet<Sha256>,
    /// Which of it the tenant sees.
    pub(crate) granted: HashSet<Sha256>,
    /// Which of it is on its way.
    pub(crate) transits: HashMap<Sha256, blob_transits::Model>,
}

impl Store {
    /// Looks content up, for a tenant.
    pub(crate) async fn known_content<C: ConnectionTrait>(
        &self,
        db: &C,
        tenant: &TenantId,
        hashes: &BTreeSet<Sha256>,
    ) -> Result<Known, StoreError> {
        let mut known = Known::default();
        for chunk in chunks(hashes) {
            known.stored.extend(stored(db, &chunk).await?);
            let granted = blob_grants::Entity::find()
                .filter(blob_grants::Column::TenantId.eq(tenant.as_str()))
                .filter(blob_grants::Column::Sha256.is_in(chunk.clone()));
            for row in granted.all(db).await? {
                known.granted.insert(hash(&row.sha256)?);
            }
            known.transits.extend(transits(db, &chunk).await?);
        }
        Ok(known)
    }

    /// Announces the upload of objects, before it begins; gives the tokens of those that are not stored already. Waits for what
    /// is leaving. [`StoreError::ObjectLeaving`] when it does not leave.
    pub(crate) async fn announce_blobs(&self, hashes: &BTreeSet<Sha256>) -> Result<Announced, StoreError> {
        let until = Instant::now() + LEAVING_PATIENCE;
        let mut announced = Announced::new();
        for chunk in chunks(hashes) {
            let there = stored(self.0.db.reader(), &chunk).await?;
            if there.len() == chunk.len() {
                continue;
            }
            loop {
                if let Some(tokens) = self.try_announce(&chunk).await? {
                    announced.extend(tokens);
                    break;
                }
                if Instant::now() >= until {
                    return Err(StoreError::ObjectLeaving);
                }
                tokio::time::sleep(LEAVING_PAUSE).await;
            }
        }
        Ok(announced)
    }

    /// `None` when some of it is leaving.
    async fn try_announce(&self, hashes: &[Vec<u8>]) -> Result<Option<Announced>, StoreError> {
        let tx = self.begin().await?;
        let there = stored(&tx, hashes).await?;
        let transits = transits(&tx, hashes).await?;
        let (mut announced, mut rows) = (Announced::new(), Vec::new());
        for column in hashes {
            let hash = hash(column)?;
            if there.contains(&hash) {
                continue;
            }
            let token = match transits.get(&hash) {
                Some(transit) if transit.state == LEAVING => return Ok(None),
                // Somebody uploads the same: either announcement is good for both.
                Some(transit) if transit.state == ARRIVING => transit.token,
                _ => self.new_token(),
            };
            let since = self.now().as_millis();
            let row =
                blob_transits::Model { sha256: column.clone(), state: ARRIVING.to_owned(), since, token };
            rows.push(row.into_active_model());
            announced.insert(hash, token);
        }
        if !rows.is_empty() {
            let renew = OnConflict::column(Column::Sha256)
                .update_columns([Column::State, Column::Since, Column::Token])
                .to_owned();
            blob_transits::Entity::insert_many(rows).on_conflict(renew).exec_without_returning(&tx).await?;
            tx.commit().await?;
        }
        Ok(Some(announced))
    }

    fn new_token(&self) -> i64 {
        let mut bytes = [0; 8];
        self.0.entropy.fill(&mut bytes);
        i64::from_le_bytes(bytes)
    }
}

/// Notes that content is in use, in the transaction that uses it.
pub(crate) async fn admit<C: ConnectionTrait>(tx: &C, known: &Known) -> Result<(), StoreError> {
    let columns: Vec<_> = known.transits.keys().map(hash_column).collect();
    for chunk in columns.chunks(HASHES_PER_QUERY) {
        blob_transits::Entity::delete_many()
            .filter(Column::Sha256.is_in(chunk.to_vec()))
            .filter(Column::State.ne(LEAVING))
            .exec(tx)
            .await?;
    }
    Ok(())
}

/// Which of the hashes have a row.
pub(crate) async fn stored<C: ConnectionTrait>(
    db: &C,
    hashes: &[Vec<u8>],
) -> Result<HashSet<Sha256>, StoreError> {
    let rows = blobs::Entity::find().select_only().column(blobs::Column::Sha256);
    let rows = rows.filter(blobs::Column::Sha256.is_in(hashes.to_vec())).into_tuple::<Vec<u8>>();
    rows.all(db).await?.iter().map(|row| hash(row)).collect()
}

/// What of the hashes is on its way.
pub(crate) async fn transits<C: ConnectionTrait>(
    db: &C,
    hashes: &[Vec<u8>],
) -> Result<HashMap<Sha256, blob_transits::Model>, StoreError> {
    let rows = blob_transits::Entity::find().filter(Column::Sha256.is_in(hashes.to_vec())).all(db).await?;
    rows.into_iter().map(|row| Ok((hash(&row.sha256)?, row))).collect()
}

/// Moves rows to another state.
pub(crate) async fn set_state<C: ConnectionTrait>(
    tx: &C,
    hashes: &[Vec<u8>],
    state: &str,
) -> Result<(), StoreError> {
    blob_transits::Entity::update_many()
        .set(blob_transits::ActiveModel { state: Set(state.to_owned()), ..Default::default() })
        .filter(Column::Sha256.is_in(hashes.to_vec()))
        .exec(tx)
        .await?;
    Ok(())
}

/// Forgets rows.
pub(crate) async fn forget<C: ConnectionTrait>(tx: &C, hashes: &[Vec<u8>]) -> Result<(), StoreError> {
    blob_transits::Entity::delete_many().filter(Column::Sha256.is_in(hashes.to_vec())).exec(tx).await?;
    Ok(())
}

/// Hashes as columns, a query's worth at a time.
pub(crate) fn chunks(hashes: &BTreeSet<Sha256>) -> Vec<Vec<Vec<u8>>> {
    let columns: Vec<_> = hashes.iter().map(hash_column).collect();
    columns.chunks(HASHES_PER_QUERY).map(<[_]>::to_vec).collect()
}
