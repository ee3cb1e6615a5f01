//! Changing the master key: every data key is wrapped anew, one after the other, while everything runs. Broken off at any
//! moment, each data key is under the old or under the new key, and the next call goes on.

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Set,
};

use super::{MasterKeys, Vault, VaultError};
use crate::entity_secrets::data_keys::{self, Column};
use crate::error::StoreError;
use crate::store::Store;

/// What the vault needs and has.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyReport {
    /// The names of the master keys that are there, the one that wraps first.
    pub master_keys: Vec<String>,
    /// Data keys under each of the master keys that is in use.
    pub in_use: Vec<(String, u64)>,
}

impl KeyReport {
    /// Data keys that are not under the first master key.
    pub fn outdated(&self) -> u64 {
        let first = self.master_keys.first();
        self.in_use.iter().filter(|(id, _)| Some(id) != first).map(|(_, count)| count).sum()
    }
}

/// What a call did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Rewrapped {
    /// Data keys that are under the first master key since.
    pub done: u64,
    /// Data keys that are not yet.
    pub left: u64,
}

impl Store {
    /// Whether there are secrets, or were: data keys that only the right master key opens. For the server itself.
    pub async fn has_data_keys(&self) -> Result<bool, StoreError> {
        Ok(data_keys::Entity::find().one(self.0.db.reader()).await?.is_some())
    }
}

impl Vault {
    /// Looks whether every data key can be opened. [`VaultError::UnknownMasterKey`] when a master key is missing.
    pub async fn check(&self) -> Result<KeyReport, VaultError> {
        let masters = self.load().await?;
        let rows: Vec<(String, i64)> = data_keys::Entity::find()
            .select_only()
            .column(Column::MasterKeyId)
            .column_as(Column::Id.count(), "count")
            .group_by(Column::MasterKeyId)
            .order_by_asc(Column::MasterKeyId)
            .into_tuple()
            .all(self.store.0.db.reader())
            .await?;
        if let Some((id, _)) = rows.iter().find(|(id, _)| masters.find(id).is_none()) {
            return Err(self.unknown(id));
        }
        Ok(KeyReport {
            master_keys: masters.ids().into_iter().map(str::to_owned).collect(),
            in_use: rows.into_iter().map(|(id, count)| (id, count.unsigned_abs())).collect(),
        })
    }

    /// Wraps up to `limit` data keys with the first master key. Calls at once do no harm.
    pub async fn rewrap(&self, limit: u64) -> Result<Rewrapped, VaultError> {
        let masters = self.load().await?;
        let Some(current) = masters.current().map(|key| key.id.clone()) else {
            return Ok(Rewrapped::default());
        };
        let outdated = || data_keys::Entity::find().filter(Column::MasterKeyId.ne(&current));
        let rows = outdated().order_by_asc(Column::Id).limit(limit).all(self.store.0.db.reader()).await?;
        let mut done = 0;
        for row in rows {
            done += self.rewrap_one(&masters, &row).await?;
        }
        Ok(Rewrapped { done, left: outdated().count(self.store.0.db.reader()).await? })
    }

    async fn rewrap_one(&self, masters: &MasterKeys, row: &data_keys::Model) -> Result<u64, VaultError> {
        let key = self.unwrap_with(masters, row)?;
        let (master_key_id, wrapped) = self.wrapped(masters, (&row.id, &row.tenant_id), &key)?;
        let change = data_keys::ActiveModel {
            master_key_id: Set(master_key_id),
            wrapped: Set(wrapped),
            ..Default::default()
        };
        let tx = self.store.begin().await?;
        let updated = data_keys::Entity::update_many()
            .set(change)
            .filter(Column::Id.eq(&row.id))
            // Somebody else may have been faster.
            .filter(Column::MasterKeyId.eq(&row.master_key_id))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        Ok(updated.rows_affected)
    }
}
