//! Idempotency keys: a repeated mutation is answered like the first one, and never done twice.

use bytes::Bytes;
use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _, Select, Set, TryInsertResult,
};
use vitrine_model::Sha256;

use crate::codec::{corrupt, hash, hash_column};
use crate::entity::idempotency_keys::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;

/// How long a key is remembered.
const KEPT_SECS: i64 = 24 * 3_600;

/// What a key means for a request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Idempotency {
    /// Never seen, or forgotten: run the request, then finish or abandon the key.
    Fresh,
    /// The first request's answer.
    Replay {
        /// Its HTTP status.
        status: u16,
        /// Its body.
        body: Bytes,
        /// Its content type; empty when it had none.
        content_type: String,
    },
    /// The first request still runs, or its answer was never kept: whether it was done is not known.
    InFlight,
    /// The key came with another request.
    Mismatch,
}

impl Store {
    /// Claims a key of the caller for a request. Of several calls at once exactly one is [`Idempotency::Fresh`]. A key whose
    /// request was cut off by the end of the process stays [`Idempotency::InFlight`] until it is forgotten: running the
    /// request again could do it twice.
    pub async fn begin_idempotent(
        &self,
        scope: &Scope,
        key: &str,
        request_hash: Sha256,
    ) -> Result<Idempotency, StoreError> {
        let now = self.now();
        let claim = idempotency_keys::Model {
            tenant_id: scope.tenant.to_string(),
            user_id: scope.user.to_string(),
            idem_key: key.to_owned(),
            request_hash: hash_column(&request_hash),
            status: None,
            content_type: None,
            body: None,
            created_at: now.as_millis(),
        };
        let tx = self.begin().await?;
        let forgotten = Column::CreatedAt.lte(now.plus_secs(-KEPT_SECS).as_millis());
        let expired =
            idempotency_keys::Entity::delete_many().filter(forgotten).filter(Column::IdemKey.eq(key));
        expired.filter(of_caller(scope)).exec(&tx).await?;
        let there =
            OnConflict::columns([Column::TenantId, Column::UserId, Column::IdemKey]).do_nothing().to_owned();
        let insert = idempotency_keys::Entity::insert(claim.into_active_model()).on_conflict(there);
        if let TryInsertResult::Inserted(1..) = insert.try_insert().exec_without_returning(&tx).await? {
            tx.commit().await?;
            return Ok(Idempotency::Fresh);
        }
        answer(found(scope, key).one(&tx).await?.ok_or(StoreError::NotFound)?, &request_hash)
    }

    /// Keeps the answer to a claimed key. [`StoreError::NotFound`] when the key is not claimed or finished already.
    pub async fn finish_idempotent(
        &self,
        scope: &Scope,
        key: &str,
        status: u16,
        body: Bytes,
        content_type: &str,
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let row = in_flight(&tx, scope, key).await?;
        let mut change = row.into_active_model();
        change.status = Set(Some(i64::from(status)));
        change.content_type = Set(Some(content_type.to_owned()));
        change.body = Set(Some(body.to_vec()));
        change.update(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Gives a claimed key back, so that the request may be tried again. Does nothing when it is not claimed or finished.
    pub async fn abandon_idempotent(&self, scope: &Scope, key: &str) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        idempotency_keys::Entity::delete_many()
            .filter(of_caller(scope))
            .filter(Column::IdemKey.eq(key))
            .filter(Column::Status.is_null())
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Removes keys of all tenants that are older than a day, and returns how many. For the server's timer.
    pub async fn collect_idempotency_keys(&self) -> Result<u64, StoreError> {
        let oldest = self.now().plus_secs(-KEPT_SECS).as_millis();
        let tx = self.begin().await?;
        let expired = idempotency_keys::Entity::delete_many().filter(Column::CreatedAt.lte(oldest));
        let removed = expired.exec(&tx).await?.rows_affected;
        tx.commit().await?;
        Ok(removed)
    }
}

fn of_caller(scope: &Scope) -> sea_orm::Condition {
    sea_orm::Condition::all()
        .add(Column::TenantId.eq(scope.tenant.as_str()))
        .add(Column::UserId.eq(scope.user.as_str()))
}

fn found(scope: &Scope, key: &str) -> Select<idempotency_keys::Entity> {
    idempotency_keys::Entity::find().filter(of_caller(scope)).filter(Column::IdemKey.eq(key))
}

async fn in_flight<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    key: &str,
) -> Result<idempotency_keys::Model, StoreError> {
    let query = found(scope, key).filter(Column::Status.is_null());
    query.lock_exclusive().one(tx).await?.ok_or(StoreError::NotFound)
}

fn answer(row: idempotency_keys::Model, request_hash: &Sha256) -> Result<Idempotency, StoreError> {
    if hash(&row.request_hash)? != *request_hash {
        return Ok(Idempotency::Mismatch);
    }
    let Some(status) = row.status else { return Ok(Idempotency::InFlight) };
    Ok(Idempotency::Replay {
        status: u16::try_from(status).map_err(|_| corrupt("a status"))?,
        body: row.body.unwrap_or_default().into(),
        content_type: row.content_type.unwrap_or_default(),
    })
}
