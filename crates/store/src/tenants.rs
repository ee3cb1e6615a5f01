//! Tenants: made by the server's operator or at the first sight of a host product's tenant; suspended and brought back.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use vitrine_model::app::Page;
use vitrine_model::identity::{ApiKey, Tenant};
use vitrine_model::{Role, TenantId, Timestamp, UserId};

use crate::api_keys::{NewKey, insert_key};
use crate::codec::parsed;
use crate::cursor;
use crate::entity::tenants::{self, Column};
use crate::entity::users;
use crate::error::{StoreError, is_unique_violation};
use crate::members::join_once;
use crate::scope::Scope;
use crate::store::Store;

/// What the external id of a host product's tenant begins with.
pub(crate) const HOST: &str = "host:";

/// A new tenant with its first owner.
#[derive(Debug, Clone)]
pub struct NewTenant {
    /// Its name, for people.
    pub name: String,
    /// What the host product calls it.
    pub host_id: Option<String>,
    /// The name of its first owner.
    pub owner_name: String,
    /// The owner's first key: without one, and without an email, nobody can act for the tenant.
    pub first_key: NewKey,
}

/// What to change of a tenant; absent fields stay.
#[derive(Debug, Clone, Default)]
pub struct TenantPatch {
    /// A new name.
    pub name: Option<String>,
    /// True to suspend it, false to bring it back.
    pub suspended: Option<bool>,
}

impl Store {
    /// Makes a tenant with its first owner, who cannot sign in until given an email, and the owner's first key: all of it or
    /// nothing. [`StoreError::TenantExists`] when the host product's tenant is there. For the server's operator.
    pub async fn create_tenant(&self, new: NewTenant) -> Result<(Tenant, Scope, ApiKey), StoreError> {
        let (clock, entropy) = (self.0.clock.as_ref(), self.0.entropy.as_ref());
        let now = self.now();
        let (tenant, user) = (TenantId::mint(clock, entropy), UserId::mint(clock, entropy));
        let tx = self.begin().await?;
        let row = TenantRow {
            id: tenant.clone(),
            name: new.name,
            external_id: new.host_id.map(|id| format!("{HOST}{id}")),
            created_at: now,
        };
        let row = row.model();
        let inserted = tenants::Entity::insert(row.clone().into_active_model());
        inserted.exec_without_returning(&tx).await.map_err(|error| match is_unique_violation(&error) {
            true => StoreError::TenantExists,
            false => error.into(),
        })?;
        let owner = users::Model {
            id: user.to_string(),
            tenant_id: tenant.to_string(),
            name: new.owner_name,
            created_at: now.as_millis(),
            external_id: None,
            email: None,
            password_hash: None,
        };
        users::Entity::insert(owner.into_active_model()).exec_without_returning(&tx).await?;
        let scope = Scope { tenant, user };
        join_once(&tx, &scope, Role::Owner, now).await?;
        let key = insert_key(&tx, &scope, new.first_key, now).await?;
        tx.commit().await?;
        Ok((tenant_of(row)?, scope, key))
    }

    /// Every tenant of the server, the oldest first; `limit` at a time, from `cursor` on. For the server's operator.
    pub async fn list_tenants(&self, limit: u32, cursor: Option<&str>) -> Result<Page<Tenant>, StoreError> {
        let mut query = tenants::Entity::find();
        if let Some(cursor) = cursor {
            let (created_at, id) = cursor::decode(cursor)?;
            let is_after = Condition::any().add(Column::CreatedAt.gt(created_at)).add(Column::Id.gt(id));
            query = query.filter(Column::CreatedAt.gte(created_at)).filter(is_after);
        }
        let query = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::Id);
        let rows = query.limit(u64::from(limit) + 1).all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.created_at, &row.id), tenant_of)
    }

    /// The caller's own tenant.
    pub async fn tenant(&self, scope: &Scope) -> Result<Tenant, StoreError> {
        let row = tenants::Entity::find_by_id(scope.tenant.as_str()).one(self.0.db.reader()).await?;
        tenant_of(row.ok_or(StoreError::NotFound)?)
    }

    /// Changes a tenant. Suspending one that is suspended keeps the time it was suspended at. For the server's operator.
    pub async fn update_tenant(&self, tenant: &TenantId, patch: TenantPatch) -> Result<Tenant, StoreError> {
        let tx = self.begin().await?;
        let row = lock_tenant(&tx, tenant.as_str()).await?;
        let suspended_at = match patch.suspended {
            Some(true) => row.suspended_at.or(Some(self.now().as_millis())),
            Some(false) => None,
            None => row.suspended_at,
        };
        let mut change = row.into_active_model();
        if let Some(name) = patch.name {
            change.name = Set(name);
        }
        change.suspended_at = Set(suspended_at);
        let row = change.update(&tx).await?;
        tx.commit().await?;
        tenant_of(row)
    }
}

/// The row of a tenant; nobody else changes the tenant or its members until the transaction ends.
pub(crate) async fn lock_tenant<C: ConnectionTrait>(
    tx: &C,
    tenant: &str,
) -> Result<tenants::Model, StoreError> {
    tenants::Entity::find_by_id(tenant).lock_exclusive().one(tx).await?.ok_or(StoreError::NotFound)
}

/// Whether a tenant is suspended; [`StoreError::NotFound`] when there is none.
pub(crate) async fn is_suspended<C: ConnectionTrait>(db: &C, tenant: &str) -> Result<bool, StoreError> {
    let row = tenants::Entity::find_by_id(tenant).one(db).await?.ok_or(StoreError::NotFound)?;
    Ok(row.suspended_at.is_some())
}

/// [`StoreError::TenantSuspended`] when the tenant is; it is not suspended until the transaction ends.
pub(crate) async fn require_active<C: ConnectionTrait>(tx: &C, tenant: &TenantId) -> Result<(), StoreError> {
    let row = tenants::Entity::find_by_id(tenant.as_str()).lock_shared().one(tx).await?;
    match row.ok_or(StoreError::NotFound)?.suspended_at {
        None => Ok(()),
        Some(_) => Err(StoreError::TenantSuspended),
    }
}

/// A tenant to be made unless there is one.
pub(crate) struct TenantRow {
    pub(crate) id: TenantId,
    pub(crate) name: String,
    pub(crate) external_id: Option<String>,
    pub(crate) created_at: Timestamp,
}

impl TenantRow {
    fn model(self) -> tenants::Model {
        tenants::Model {
            id: self.id.into(),
            name: self.name,
            created_at: self.created_at.as_millis(),
            external_id: self.external_id,
            quotas: None,
            suspended_at: None,
            audit_seq: 0,
            audit_head: None,
        }
    }
}

/// The tenant of the external id, made when missing. Transactions at once all get the same.
pub(crate) async fn tenant_once<C: ConnectionTrait>(tx: &C, new: TenantRow) -> Result<TenantId, StoreError> {
    let row = new.model();
    let external_id = row.external_id.clone();
    let there = OnConflict::new().do_nothing().to_owned();
    tenants::Entity::insert(row.into_active_model())
        .on_conflict(there)
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    let found = tenants::Entity::find().filter(Column::ExternalId.eq(external_id)).one(tx).await?;
    parsed(&found.ok_or(StoreError::NotFound)?.id)
}

/// A user to be made unless there is one.
pub(crate) struct UserRow {
    pub(crate) id: UserId,
    pub(crate) home: TenantId,
    pub(crate) name: String,
    pub(crate) external_id: String,
    pub(crate) created_at: Timestamp,
}

/// The user of the external id, made when missing. Transactions at once all get the same.
pub(crate) async fn user_once<C: ConnectionTrait>(tx: &C, new: UserRow) -> Result<UserId, StoreError> {
    let external_id = new.external_id.clone();
    let row = users::Model {
        id: new.id.into(),
        tenant_id: new.home.into(),
        name: new.name,
        created_at: new.created_at.as_millis(),
        external_id: Some(new.external_id),
        email: None,
        password_hash: None,
    };
    let there = OnConflict::new().do_nothing().to_owned();
    users::Entity::insert(row.into_active_model())
        .on_conflict(there)
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    let found = users::Entity::find().filter(users::Column::ExternalId.eq(external_id)).one(tx).await?;
    parsed(&found.ok_or(StoreError::NotFound)?.id)
}

pub(crate) fn tenant_of(row: tenants::Model) -> Result<Tenant, StoreError> {
    Ok(Tenant {
        id: parsed(&row.id)?,
        host_id: row.external_id.and_then(|id| id.strip_prefix(HOST).map(str::to_owned)),
        name: row.name,
        created_at: Timestamp::from_millis(row.created_at),
        suspended_at: row.suspended_at.map(Timestamp::from_millis),
    })
}
