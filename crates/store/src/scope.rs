//! Whose data a call is about.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
use vitrine_model::{TenantId, UserId};

use crate::codec::parsed;
use crate::entity::{tenants, users};
use crate::error::StoreError;
use crate::store::Store;

/// The tenant that a call is confined to, and the user who makes it.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct Scope {
    /// The tenant.
    pub tenant: TenantId,
    /// The user.
    pub user: UserId,
}

/// The tenant of a server that has no others.
const DEFAULT_TENANT: &str = "default";

/// Its only user until members are added.
const OWNER: &str = "owner";

impl Store {
    /// The default tenant and its owner, made on the first call. Calls at once all get the same.
    pub async fn default_scope(&self) -> Result<Scope, StoreError> {
        self.named_scope(DEFAULT_TENANT, OWNER).await
    }

    /// The tenant and the user of these names, made when missing. Calls at once all get the same.
    pub async fn named_scope(&self, tenant: &str, user: &str) -> Result<Scope, StoreError> {
        let (clock, entropy) = (self.0.clock.as_ref(), self.0.entropy.as_ref());
        let created_at = self.now().as_millis();
        let tx = self.begin().await?;
        let row =
            tenants::Model { id: TenantId::mint(clock, entropy).into(), name: tenant.to_owned(), created_at };
        let taken = OnConflict::column(tenants::Column::Name).do_nothing().to_owned();
        tenants::Entity::insert(row.into_active_model())
            .on_conflict(taken)
            .try_insert()
            .exec_without_returning(&tx)
            .await?;
        let found = tenants::Entity::find().filter(tenants::Column::Name.eq(tenant)).one(&tx).await?;
        let tenant_id = found.ok_or(StoreError::NotFound)?.id;
        let row = users::Model {
            id: UserId::mint(clock, entropy).into(),
            tenant_id: tenant_id.clone(),
            name: user.to_owned(),
            created_at,
        };
        let taken =
            OnConflict::columns([users::Column::TenantId, users::Column::Name]).do_nothing().to_owned();
        users::Entity::insert(row.into_active_model())
            .on_conflict(taken)
            .try_insert()
            .exec_without_returning(&tx)
            .await?;
        let found = users::Entity::find()
            .filter(users::Column::TenantId.eq(&tenant_id))
            .filter(users::Column::Name.eq(user))
            .one(&tx)
            .await?;
        let user_id = found.ok_or(StoreError::NotFound)?.id;
        tx.commit().await?;
        Ok(Scope { tenant: parsed(&tenant_id)?, user: parsed(&user_id)? })
    }
}
