//! What tenants have stored and sent, counted in the transactions that store and note it: nothing is ever
//! added up anew.

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _,
};
use vitrine_model::quota::Quota;
use vitrine_model::{AppId, TenantId, Timestamp};

use crate::codec::signed;
use crate::entity_links::{tenant_egress, tenant_usage};
use crate::entity_publishing::artifacts;
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Counts `bytes` more for the tenant; [`StoreError::QuotaExceeded`] when that is more than it may have.
    pub(crate) async fn take_storage<C: ConnectionTrait>(
        &self,
        tx: &C,
        tenant: &TenantId,
        bytes: u64,
    ) -> Result<(), StoreError> {
        add_storage(tx, tenant.as_str(), signed(bytes)).await?;
        let quota = Quota::StorageBytes;
        let Some(limit) = self.quotas_in(tx, tenant).await?.of(quota).limit() else { return Ok(()) };
        match storage_of(tx, tenant).await? {
            used if used <= limit => Ok(()),
            // What is told is the use that stays: this transaction is undone.
            used => Err(StoreError::QuotaExceeded { quota, limit, used: used.saturating_sub(bytes) }),
        }
    }
}

/// Changes what is counted for a tenant.
pub(crate) async fn add_storage<C: ConnectionTrait>(
    tx: &C,
    tenant: &str,
    bytes: i64,
) -> Result<(), StoreError> {
    use tenant_usage::{Column, Entity, Model};
    let row = Model { tenant_id: tenant.to_owned(), storage_bytes: bytes };
    let sum = Expr::col((Entity, Column::StorageBytes)).add(bytes);
    let add = OnConflict::column(Column::TenantId).value(Column::StorageBytes, sum).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(add).exec_without_returning(tx).await?;
    Ok(())
}

/// Bytes of an app's artifacts, which go with it.
pub(crate) async fn artifact_bytes<C: ConnectionTrait>(tx: &C, app: &AppId) -> Result<i64, StoreError> {
    let sum = artifacts::Entity::find()
        .filter(artifacts::Column::AppId.eq(app.as_str()))
        .select_only()
        .column_as(artifacts::Column::SizeBytes.sum(), "bytes");
    let sum: Option<Option<i64>> = sum.into_tuple().one(tx).await?;
    Ok(sum.flatten().unwrap_or(0))
}

/// What is counted for a tenant.
pub(crate) async fn storage_of<C: ConnectionTrait>(db: &C, tenant: &TenantId) -> Result<u64, StoreError> {
    let row = tenant_usage::Entity::find_by_id(tenant.as_str()).one(db).await?;
    Ok(row.map_or(0, |row| u64::try_from(row.storage_bytes).unwrap_or(0)))
}

/// Notes what a tenant's apps sent in a month.
pub(crate) async fn add_egress<C: ConnectionTrait>(
    tx: &C,
    tenant: &str,
    month: &str,
    bytes: i64,
) -> Result<(), StoreError> {
    use tenant_egress::{Column, Entity, Model};
    let row = Model { tenant_id: tenant.to_owned(), month: month.to_owned(), bytes };
    let sum = Expr::col((Entity, Column::Bytes)).add(bytes);
    let add = OnConflict::columns([Column::TenantId, Column::Month]).value(Column::Bytes, sum).to_owned();
    Entity::insert(row.into_active_model()).on_conflict(add).exec_without_returning(tx).await?;
    Ok(())
}

/// What a tenant's apps sent in a month.
pub(crate) async fn egress_of<C: ConnectionTrait>(
    db: &C,
    tenant: &TenantId,
    month: &str,
) -> Result<u64, StoreError> {
    let key = (tenant.to_string(), month.to_owned());
    let row = tenant_egress::Entity::find_by_id(key).one(db).await?;
    Ok(row.map_or(0, |row| u64::try_from(row.bytes).unwrap_or(0)))
}

/// The month of a moment in UTC, as `2026-11`.
pub(crate) fn month_of(at: Timestamp) -> String {
    // RFC 3339 begins with it.
    at.to_string().chars().take(7).collect()
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sea_orm::{JoinType, RelationDef};
    use vitrine_model::Sha256;
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};

    use super::*;
    use crate::entity::{apps, blob_grants, blobs};
    use crate::migration::COUNT_STORAGE;
    use crate::{Allowance, DatabaseConfig, ObjectsConfig, Quotas, StoreConfig};

    async fn store_in(dir: &tempfile::TempDir) -> Store {
        let config = StoreConfig {
            database: DatabaseConfig::Sqlite { path: dir.path().join("vitrine.db") },
            objects: ObjectsConfig::Local { dir: dir.path().join("objects") },
        };
        let sources = (Arc::new(FixedClock::at_millis(1)), Arc::new(CountingEntropy::default()));
        Store::open(config, sources.0, sources.1).await.unwrap()
    }

    #[tokio::test]
    async fn whoever_brings_what_another_brings_at_once_is_held_to_the_quota_too() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_in(&dir).await;
        let scope = store.default_scope().await.unwrap();
        let storage_bytes = Allowance::AtMost(10);
        store.set_default_quotas(Quotas { storage_bytes, ..Quotas::default() });
        let stage = async |texts: &[&'static str]| {
            let contents = texts.iter().map(|text| (Sha256::of(text.as_bytes()), (*text).into()));
            store.stage(contents.collect()).await.unwrap()
        };
        // All find out what is new before any of it is written.
        let staged = [stage(&["both"]).await, stage(&["both", "too much"]).await, stage(&["both"]).await];
        let mut outcomes = Vec::new();
        for staged in staged {
            let tx = store.begin().await.unwrap();
            let written = store.write_staged(&tx, &scope, &staged).await;
            if written.is_ok() {
                tx.commit().await.unwrap();
            }
            outcomes.push(written);
        }
        assert!(outcomes[0].is_ok() && outcomes[2].is_ok(), "{outcomes:?}");
        assert!(
            matches!(outcomes[1], Err(StoreError::QuotaExceeded { limit: 10, used: 4, .. })),
            "{outcomes:?}"
        );
    }

    /// Counts anew what a tenant has stored. Reads everything it has.
    async fn recount_storage<C: ConnectionTrait>(tx: &C, tenant: &TenantId) -> Result<(), StoreError> {
        let granted: RelationDef = blobs::Entity::belongs_to(blob_grants::Entity)
            .from(blobs::Column::Sha256)
            .to(blob_grants::Column::Sha256)
            .into();
        let content = blobs::Entity::find()
            .join(JoinType::InnerJoin, granted)
            .filter(blob_grants::Column::TenantId.eq(tenant.as_str()))
            .select_only()
            .column_as(blobs::Column::Size.sum(), "bytes");
        let content: Option<Option<i64>> = content.into_tuple().one(tx).await?;
        let of_app: RelationDef = artifacts::Entity::belongs_to(apps::Entity)
            .from(artifacts::Column::AppId)
            .to(apps::Column::Id)
            .into();
        let built = artifacts::Entity::find()
            .join(JoinType::InnerJoin, of_app)
            .filter(apps::Column::TenantId.eq(tenant.as_str()))
            .select_only()
            .column_as(artifacts::Column::SizeBytes.sum(), "bytes");
        let built: Option<Option<i64>> = built.into_tuple().one(tx).await?;
        let total = content.flatten().unwrap_or(0) + built.flatten().unwrap_or(0);
        let before = signed(storage_of(tx, tenant).await?);
        add_storage(tx, tenant.as_str(), total - before).await
    }

    #[tokio::test]
    async fn counting_everything_anew_gives_what_was_counted_with_each_write() {
        let dir = tempfile::tempdir().unwrap();
        let store = store_in(&dir).await;
        let mine = store.default_scope().await.unwrap();
        let other = store.named_scope("other", "owner").await.unwrap();
        let large = vec![7; 300_000];
        for (scope, content) in [(&mine, b"12345".to_vec()), (&mine, large.clone()), (&other, large)] {
            store.put_blob(scope, content.into()).await.unwrap();
        }
        let both = async || {
            let db = store.0.db.reader();
            (storage_of(db, &mine.tenant).await.unwrap(), storage_of(db, &other.tenant).await.unwrap())
        };
        assert_eq!(both().await, (300_005, 300_000));
        let tx = store.begin().await.unwrap();
        recount_storage(&tx, &mine.tenant).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(both().await, (300_005, 300_000));
        // As the migration does it, for a store of before.
        let tx = store.begin().await.unwrap();
        tx.execute_unprepared("DELETE FROM tenant_usage").await.unwrap();
        tx.execute_unprepared(COUNT_STORAGE).await.unwrap();
        tx.commit().await.unwrap();
        assert_eq!(both().await, (300_005, 300_000));
    }
}
