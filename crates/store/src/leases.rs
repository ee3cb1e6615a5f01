//! Leases: who may do a thing now, with a token that proves who did it last. No locks, no waiting.

use std::time::Duration;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QuerySelect as _, Set,
};
use vitrine_model::Timestamp;

use crate::codec::{after, signed, unsigned};
use crate::entity::leases;
use crate::error::StoreError;
use crate::store::Store;

/// A lease as it was granted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Lease {
    /// What it is on.
    pub name: String,
    /// Who has it.
    pub holder: String,
    /// Larger than that of every lease granted on this name before. Whoever writes under a lease sends it along, and
    /// whoever keeps what is written refuses a smaller one than it has seen.
    pub fencing_token: u64,
    /// When others may take it.
    pub expires_at: Timestamp,
}

impl Store {
    /// Takes the lease on `name` when it is free, has expired, or is `holder`'s own (whose earlier grant is then lost);
    /// `None` when somebody else has it. For the server itself.
    pub async fn acquire_lease(
        &self,
        name: &str,
        holder: &str,
        ttl: Duration,
    ) -> Result<Option<Lease>, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let nobody = leases::Model { name: name.to_owned(), holder: String::new(), token: 0, expires_at: 0 };
        let there = OnConflict::column(leases::Column::Name).do_nothing().to_owned();
        let insert = leases::Entity::insert(nobody.into_active_model()).on_conflict(there);
        insert.try_insert().exec_without_returning(&tx).await?;
        let row = locked(&tx, name).await?;
        if row.holder != holder && row.expires_at > now.as_millis() {
            return Ok(None);
        }
        let lease = Lease {
            name: name.to_owned(),
            holder: holder.to_owned(),
            fencing_token: unsigned(row.token)? + 1,
            expires_at: after(now, ttl),
        };
        let mut change = row.into_active_model();
        change.holder = Set(lease.holder.clone());
        change.token = Set(signed(lease.fencing_token));
        change.expires_at = Set(lease.expires_at.as_millis());
        change.update(&tx).await?;
        tx.commit().await?;
        Ok(Some(lease))
    }

    /// Moves the end of a lease, with the same token. [`StoreError::LeaseLost`] when it was granted anew or released since;
    /// one that has expired and that nobody took is still its holder's.
    pub async fn renew_lease(&self, lease: &Lease, ttl: Duration) -> Result<Lease, StoreError> {
        let expires_at = after(self.now(), ttl);
        let renewed = Lease { expires_at, ..lease.clone() };
        self.change_lease(lease, &lease.holder, expires_at.as_millis()).await?;
        Ok(renewed)
    }

    /// Gives a lease back. [`StoreError::LeaseLost`] when it is no longer this one.
    pub async fn release_lease(&self, lease: &Lease) -> Result<(), StoreError> {
        self.change_lease(lease, "", 0).await
    }

    async fn change_lease(&self, lease: &Lease, holder: &str, expires_at: i64) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let row = match locked(&tx, &lease.name).await {
            Ok(row) => row,
            Err(StoreError::NotFound) => return Err(StoreError::LeaseLost),
            Err(error) => return Err(error),
        };
        if row.holder != lease.holder || row.token != signed(lease.fencing_token) {
            return Err(StoreError::LeaseLost);
        }
        let mut change = row.into_active_model();
        change.holder = Set(holder.to_owned());
        change.expires_at = Set(expires_at);
        change.update(&tx).await?;
        Ok(tx.commit().await?)
    }
}

async fn locked<C: ConnectionTrait>(tx: &C, name: &str) -> Result<leases::Model, StoreError> {
    leases::Entity::find_by_id(name).lock_exclusive().one(tx).await?.ok_or(StoreError::NotFound)
}
