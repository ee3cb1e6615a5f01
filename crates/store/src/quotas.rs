//! How much each tenant may have: asked for and enforced in the transaction that would have more.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Select,
};
use vitrine_model::TenantId;
use vitrine_model::quota::{Quota, QuotaUse};

use crate::codec::unsigned;
use crate::entity::{apps, sessions, tenants};
use crate::entity_links::tenant_quotas::{self, Column};
use crate::entity_publishing::publishes;
use crate::error::StoreError;
use crate::publish_queue::running;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenant_usage::{egress_of, month_of, storage_of};
use crate::tenants::lock_tenant;

/// How a missing limit stands in the table, where an absent one is the server's.
const UNLIMITED: i64 = -1;

/// How much of one thing there may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Allowance {
    /// As much as there is room for.
    #[default]
    Unlimited,
    /// Not more than this.
    AtMost(u64),
}

impl Allowance {
    /// The limit, if there is one.
    pub fn limit(self) -> Option<u64> {
        match self {
            Self::Unlimited => None,
            Self::AtMost(limit) => Some(limit),
        }
    }
}

/// What one tenant may have.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Quotas {
    /// Apps.
    pub apps: Allowance,
    /// Sessions that are not over.
    pub sessions: Allowance,
    /// Builds that run at once.
    pub builds: Allowance,
    /// Bytes of content and artifacts.
    pub storage_bytes: Allowance,
    /// Bytes sent to visitors in a month.
    pub egress_bytes: Allowance,
}

/// Where a tenant's limits differ from the server's; absent ones do not.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct QuotaOverrides {
    /// Apps.
    pub apps: Option<Allowance>,
    /// Sessions that are not over.
    pub sessions: Option<Allowance>,
    /// Builds that run at once.
    pub builds: Option<Allowance>,
    /// Bytes of content and artifacts.
    pub storage_bytes: Option<Allowance>,
    /// Bytes sent to visitors in a month.
    pub egress_bytes: Option<Allowance>,
}

impl Quotas {
    /// What there may be of one thing.
    pub fn of(&self, quota: Quota) -> Allowance {
        match quota {
            Quota::Apps => self.apps,
            Quota::Sessions => self.sessions,
            Quota::Builds => self.builds,
            Quota::StorageBytes => self.storage_bytes,
            Quota::EgressBytes => self.egress_bytes,
        }
    }

    fn with(self, row: &tenant_quotas::Model) -> Result<Self, StoreError> {
        let own = QuotaOverrides::of(row)?;
        Ok(Self {
            apps: own.apps.unwrap_or(self.apps),
            sessions: own.sessions.unwrap_or(self.sessions),
            builds: own.builds.unwrap_or(self.builds),
            storage_bytes: own.storage_bytes.unwrap_or(self.storage_bytes),
            egress_bytes: own.egress_bytes.unwrap_or(self.egress_bytes),
        })
    }
}

impl QuotaOverrides {
    fn of(row: &tenant_quotas::Model) -> Result<Self, StoreError> {
        let read = |column: Option<i64>| match column {
            None => Ok(None),
            Some(UNLIMITED) => Ok(Some(Allowance::Unlimited)),
            Some(limit) => unsigned(limit).map(|limit| Some(Allowance::AtMost(limit))),
        };
        Ok(Self {
            apps: read(row.apps)?,
            sessions: read(row.sessions)?,
            builds: read(row.builds)?,
            storage_bytes: read(row.storage_bytes)?,
            egress_bytes: read(row.egress_bytes)?,
        })
    }
}

impl Store {
    /// What tenants may have that have no limits of their own. To be set once, at the server's start; until then, and
    /// without it, there are no limits. A second call changes nothing.
    pub fn set_default_quotas(&self, quotas: Quotas) {
        let _ = self.0.default_quotas.set(quotas);
    }

    /// What the tenant may have.
    pub async fn quotas(&self, tenant: &TenantId) -> Result<Quotas, StoreError> {
        self.quotas_in(self.0.db.reader(), tenant).await
    }

    /// Sets where the tenant's limits differ from the server's, in place of what was set before. What the tenant has already
    /// stays, also when it is more; the next transaction that would have more sees the new limits. [`StoreError::NotFound`]
    /// when there is no such tenant. For the operator: no person of a tenant may set their own limits.
    pub async fn set_quotas(&self, tenant: &TenantId, overrides: QuotaOverrides) -> Result<(), StoreError> {
        let column = |allowance: Option<Allowance>| {
            allowance.map(|allowance| match allowance {
                Allowance::Unlimited => UNLIMITED,
                Allowance::AtMost(limit) => crate::codec::signed(limit),
            })
        };
        let row = tenant_quotas::Model {
            tenant_id: tenant.to_string(),
            apps: column(overrides.apps),
            sessions: column(overrides.sessions),
            builds: column(overrides.builds),
            storage_bytes: column(overrides.storage_bytes),
            egress_bytes: column(overrides.egress_bytes),
        };
        let replace = OnConflict::column(Column::TenantId)
            .update_columns([
                Column::Apps,
                Column::Sessions,
                Column::Builds,
                Column::StorageBytes,
                Column::EgressBytes,
            ])
            .to_owned();
        let tx = self.begin().await?;
        lock_tenant(&tx, tenant.as_str()).await?;
        tenant_quotas::Entity::insert(row.into_active_model())
            .on_conflict(replace)
            .exec_without_returning(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Where the tenant's limits differ from the server's. [`StoreError::NotFound`] when there is no such tenant. For the
    /// operator.
    pub async fn quota_overrides(&self, tenant: &TenantId) -> Result<QuotaOverrides, StoreError> {
        let reader = self.0.db.reader();
        tenants::Entity::find_by_id(tenant.as_str()).one(reader).await?.ok_or(StoreError::NotFound)?;
        let row = tenant_quotas::Entity::find_by_id(tenant.as_str()).one(reader).await?;
        row.as_ref().map(QuotaOverrides::of).transpose().map(Option::unwrap_or_default)
    }

    /// How much of each quota the tenant of a scope uses.
    pub async fn quota_use(&self, scope: &Scope) -> Result<Vec<QuotaUse>, StoreError> {
        self.quota_use_of(&scope.tenant).await
    }

    /// How much of each quota a tenant uses. For the operator.
    pub async fn quota_use_of(&self, tenant: &TenantId) -> Result<Vec<QuotaUse>, StoreError> {
        let quotas = self.quotas(tenant).await?;
        let mut uses = Vec::with_capacity(Quota::ALL.len());
        for quota in Quota::ALL {
            let used = self.used(self.0.db.reader(), tenant, quota).await?;
            uses.push(QuotaUse { quota, limit: quotas.of(quota).limit(), used });
        }
        Ok(uses)
    }

    /// [`StoreError::QuotaExceeded`] when the tenant has as much of something as it may have. What is counted is read in the
    /// transaction that is about to have more.
    pub(crate) async fn require_room<C: ConnectionTrait>(
        &self,
        tx: &C,
        tenant: &TenantId,
        quota: Quota,
    ) -> Result<(), StoreError> {
        let Some(limit) = self.quotas_in(tx, tenant).await?.of(quota).limit() else { return Ok(()) };
        match self.used(tx, tenant, quota).await? {
            used if used < limit => Ok(()),
            used => Err(StoreError::QuotaExceeded { quota, limit, used }),
        }
    }

    pub(crate) async fn quotas_in<C: ConnectionTrait>(
        &self,
        db: &C,
        tenant: &TenantId,
    ) -> Result<Quotas, StoreError> {
        let defaults = self.default_quotas();
        match tenant_quotas::Entity::find_by_id(tenant.as_str()).one(db).await? {
            Some(row) => defaults.with(&row),
            None => Ok(defaults),
        }
    }

    pub(crate) fn default_quotas(&self) -> Quotas {
        self.0.default_quotas.get().copied().unwrap_or_default()
    }

    async fn used<C: ConnectionTrait>(
        &self,
        db: &C,
        tenant: &TenantId,
        quota: Quota,
    ) -> Result<u64, StoreError> {
        match quota {
            Quota::Apps => counted(apps_of(tenant), db).await,
            Quota::Sessions => counted(sessions_of(tenant), db).await,
            Quota::Builds => counted(builds_of(tenant), db).await,
            Quota::StorageBytes => storage_of(db, tenant).await,
            Quota::EgressBytes => egress_of(db, tenant, &month_of(self.now())).await,
        }
    }
}

async fn counted<E: sea_orm::EntityTrait, C: ConnectionTrait>(
    query: Select<E>,
    db: &C,
) -> Result<u64, StoreError> {
    unsigned(query.into_tuple::<i64>().one(db).await?.unwrap_or(0))
}

pub(crate) fn apps_of(tenant: &TenantId) -> Select<apps::Entity> {
    let of_tenant = apps::Entity::find().filter(apps::Column::TenantId.eq(tenant.as_str()));
    of_tenant.select_only().column_as(apps::Column::Id.count(), "count")
}

pub(crate) fn sessions_of(tenant: &TenantId) -> Select<sessions::Entity> {
    let open = sessions::Entity::find()
        .filter(sessions::Column::TenantId.eq(tenant.as_str()))
        .filter(sessions::Column::DueAt.is_not_null());
    open.select_only().column_as(sessions::Column::TenantId.count(), "count")
}

fn builds_of(tenant: &TenantId) -> Select<publishes::Entity> {
    let of_tenant = running().filter(publishes::Column::TenantId.eq(tenant.as_str()));
    of_tenant.select_only().column_as(publishes::Column::Id.count(), "count")
}

/// Of these tenants, those that may build more or less at once than others.
pub(crate) async fn builds_overridden<C: ConnectionTrait>(
    db: &C,
    tenants: impl Iterator<Item = &str>,
) -> Result<std::collections::HashMap<String, Allowance>, StoreError> {
    let rows = tenant_quotas::Entity::find()
        .filter(Column::TenantId.is_in(tenants))
        .filter(Column::Builds.is_not_null())
        .all(db)
        .await?;
    let of = |row: tenant_quotas::Model| {
        let builds = Quotas::default().with(&row)?.builds;
        Ok((row.tenant_id, builds))
    };
    rows.into_iter().map(of).collect()
}
