//! The objects of artifacts: stored once for all tenants, each under its hash. No grants are needed: they are served only
//! through the manifests that name them.
//!
//! The table `assets` knows every object, in one of three states. `pending`: announced, perhaps uploaded, or
//! no longer named by anything; nothing counts on it. `present`: read back and found to be what its hash says; only this is ever named by an artifact. `leaving`:
//! being removed by [`crate::asset_collection`]; whoever wants to upload it has to wait. A row is written before its
//! object, and removed after it, so that an upload and a collection can never cross unseen.

use std::collections::{BTreeMap, BTreeSet, HashSet};

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _, stream};
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Select, Set,
};
use vitrine_model::{Sha256, Timestamp};

use crate::codec::{digest, hash, hash_column, signed};
use crate::entity_publishing::assets::{self, Column};
use crate::error::StoreError;
use crate::objects::Kind;
use crate::store::Store;

/// Announced; nothing counts on it.
pub(crate) const PENDING: &str = "pending";
/// Verified.
pub(crate) const PRESENT: &str = "present";
/// Being removed.
pub(crate) const LEAVING: &str = "leaving";

/// Hashes named in one query.
pub(crate) const HASHES_PER_QUERY: usize = 400;

/// Objects read back at once; each is in memory while it is hashed.
const VERIFIED_AT_ONCE: usize = 8;

impl Store {
    /// Which objects (hash and size) have to be uploaded, in their order, without repeats; they are announced with this
    /// call. Those that are there are kept from collection from now on for as long as its grace. By the database alone:
    /// nothing is asked of the object store.
    pub async fn missing_objects(&self, objects: &[(Sha256, u64)]) -> Result<Vec<Sha256>, StoreError> {
        let now = self.now();
        let sizes: BTreeMap<Sha256, u64> = objects.iter().copied().collect();
        let hashes: Vec<Sha256> = sizes.keys().copied().collect();
        let tx = self.begin().await?;
        let mut missing: HashSet<Sha256> = hashes.iter().copied().collect();
        for chunk in hashes.chunks(HASHES_PER_QUERY) {
            touch(&tx, chunk, now).await?;
            let rows = among(chunk).filter(Column::State.eq(PRESENT)).all(&tx).await?;
            for row in rows {
                missing.remove(&hash(&row.sha256)?);
            }
            let new = chunk.iter().filter(|hash| missing.contains(hash));
            let new = new.map(|hash| pending_row(hash, sizes.get(hash).copied().unwrap_or(0), now));
            let new: Vec<_> = new.collect();
            if !new.is_empty() {
                let there = OnConflict::column(Column::Sha256).do_nothing().to_owned();
                assets::Entity::insert_many(new).on_conflict(there).exec_without_returning(&tx).await?;
            }
        }
        tx.commit().await?;
        Ok(objects.iter().map(|(hash, _)| *hash).filter(|hash| missing.remove(hash)).collect())
    }

    /// Uploads an object, whole, over whatever may be there under its hash. It counts once it is verified. Faults that pass
    /// are tried again, for a bounded time.
    ///
    /// # Errors
    /// [`StoreError::HashMismatch`] when the content is not what the hash says; [`StoreError::ObjectLeaving`] when it is
    /// being removed at this moment; [`StoreError::Objects`] when the object store does not take it.
    pub async fn put_object(&self, hash: &Sha256, content: Bytes) -> Result<(), StoreError> {
        if digest(&content).await != *hash {
            return Err(StoreError::HashMismatch);
        }
        self.announce(hash, content.len() as u64).await?;
        self.0.objects.write(Kind::Asset, hash, content).await
    }

    /// Reads objects (hash and size) back from the object store, and from then on knows those as present that are what
    /// their hashes say. They have been announced. When one is not, none of them counts, and it is
    /// [`StoreError::MissingObjects`] with all that are missing or damaged: upload these again.
    pub async fn verify_objects(&self, objects: &[(Sha256, u64)]) -> Result<(), StoreError> {
        let sizes: BTreeMap<Sha256, u64> = objects.iter().copied().collect();
        let checks = stream::iter(sizes.clone()).map(|(hash, size)| async move {
            let holds = self.0.objects.holds_content(Kind::Asset, &hash, size).await?;
            Ok::<_, StoreError>((hash, holds))
        });
        let checked: BTreeMap<_, _> = checks.buffer_unordered(VERIFIED_AT_ONCE).try_collect().await?;
        let bad: Vec<_> = checked.iter().filter(|(_, holds)| !**holds).map(|(hash, _)| *hash).collect();
        if !bad.is_empty() {
            self.disown(&bad).await?;
            return Err(StoreError::MissingObjects(bad));
        }
        let hashes: Vec<_> = sizes.into_keys().collect();
        let tx = self.begin().await?;
        // Of this moment, not of the one before the reading: a collection compares it with its own.
        let now = self.now();
        for chunk in hashes.chunks(HASHES_PER_QUERY) {
            let present = assets::ActiveModel {
                state: Set(PRESENT.to_owned()),
                used_at: Set(now.as_millis()),
                ..Default::default()
            };
            assets::Entity::update_many()
                .set(present)
                .filter(Column::Sha256.is_in(chunk.iter().map(hash_column)))
                .filter(Column::State.is_in([PENDING, PRESENT]))
                .exec(&tx)
                .await?;
        }
        // One that nobody announced, or that began to leave meanwhile, is not there.
        require_present(&tx, &hashes).await?;
        Ok(tx.commit().await?)
    }

    /// The content of an object, checked against its hash. [`StoreError::Corrupt`] when it is not there or damaged.
    pub async fn object(&self, hash: &Sha256) -> Result<Bytes, StoreError> {
        self.0.objects.read(Kind::Asset, hash).await
    }

    /// An object as an open file, where objects are files; `None` where they are not. The content is not checked against
    /// its hash again. Opening a local file is short enough to do on any thread.
    pub fn object_file(&self, hash: &Sha256) -> Result<Option<std::fs::File>, StoreError> {
        self.0.objects.file(Kind::Asset, hash)
    }

    /// Writes or renews the row of an object before its upload.
    async fn announce(&self, hash: &Sha256, size: u64) -> Result<(), StoreError> {
        let now = self.now();
        let known = assets::Entity::find_by_id(hash_column(hash)).one(self.0.db.reader()).await?;
        if let Some(row) = known
            && row.state != LEAVING
            && now.as_millis() - row.used_at < FRESH_MILLIS
        {
            return Ok(());
        }
        let tx = self.begin().await?;
        let there = OnConflict::column(Column::Sha256).do_nothing().to_owned();
        let insert = assets::Entity::insert(pending_row(hash, size, now)).on_conflict(there);
        insert.try_insert().exec_without_returning(&tx).await?;
        touch(&tx, std::slice::from_ref(hash), now).await?;
        let row = assets::Entity::find_by_id(hash_column(hash)).one(&tx).await?;
        if row.is_none_or(|row| row.state == LEAVING) {
            return Err(StoreError::ObjectLeaving);
        }
        Ok(tx.commit().await?)
    }

    /// What was found missing or damaged counts as announced only, so that it is asked for again.
    async fn disown(&self, hashes: &[Sha256]) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        for chunk in hashes.chunks(HASHES_PER_QUERY) {
            assets::Entity::update_many()
                .set(assets::ActiveModel { state: Set(PENDING.to_owned()), ..Default::default() })
                .filter(Column::Sha256.is_in(chunk.iter().map(hash_column)))
                .filter(Column::State.eq(PRESENT))
                .exec(&tx)
                .await?;
        }
        Ok(tx.commit().await?)
    }
}

/// A row renewed this recently need not be renewed for an upload: collection leaves alone what is younger than a grace
/// that is never shorter.
const FRESH_MILLIS: i64 = 10 * 60 * 1_000;

/// Notes that an artifact names these objects now. [`StoreError::MissingObjects`] unless all are verified.
pub(crate) async fn use_objects<C: ConnectionTrait>(
    tx: &C,
    objects: BTreeSet<Sha256>,
    now: Timestamp,
) -> Result<(), StoreError> {
    let hashes: Vec<_> = objects.into_iter().collect();
    require_present(tx, &hashes).await?;
    for chunk in hashes.chunks(HASHES_PER_QUERY) {
        touch(tx, chunk, now).await?;
    }
    Ok(())
}

async fn require_present<C: ConnectionTrait>(tx: &C, hashes: &[Sha256]) -> Result<(), StoreError> {
    let mut missing: BTreeSet<_> = hashes.iter().copied().collect();
    for chunk in hashes.chunks(HASHES_PER_QUERY) {
        for row in among(chunk).filter(Column::State.eq(PRESENT)).all(tx).await? {
            missing.remove(&hash(&row.sha256)?);
        }
    }
    match missing.is_empty() {
        true => Ok(()),
        false => Err(StoreError::MissingObjects(missing.into_iter().collect())),
    }
}

/// Notes that objects are of use now; those that leave, leave.
async fn touch<C: ConnectionTrait>(tx: &C, hashes: &[Sha256], now: Timestamp) -> Result<(), StoreError> {
    assets::Entity::update_many()
        .set(assets::ActiveModel { used_at: Set(now.as_millis()), ..Default::default() })
        .filter(Column::Sha256.is_in(hashes.iter().map(hash_column)))
        .filter(Column::State.ne(LEAVING))
        .exec(tx)
        .await?;
    Ok(())
}

pub(crate) fn among(hashes: &[Sha256]) -> Select<assets::Entity> {
    assets::Entity::find().filter(Column::Sha256.is_in(hashes.iter().map(hash_column)))
}

fn pending_row(hash: &Sha256, size: u64, now: Timestamp) -> assets::ActiveModel {
    let row = assets::Model {
        sha256: hash_column(hash),
        size: signed(size),
        state: PENDING.to_owned(),
        used_at: now.as_millis(),
    };
    row.into_active_model()
}
