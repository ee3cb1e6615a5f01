//! Where a user stands: what they may do in a tenant at this moment.

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _,
};
use vitrine_model::identity::Tenant;
use vitrine_model::{Role, TenantId, UserId};

use crate::codec::{of_word, parsed};
use crate::entity::tenants;
use crate::entity_identity::members::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenants::tenant_of;

/// A user in a tenant, with what they may do there.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Standing {
    /// The tenant and the user.
    pub scope: Scope,
    /// What they may do.
    pub role: Role,
    /// True when the tenant is suspended, and nobody may do anything.
    pub is_suspended: bool,
}

/// One of the tenants a user belongs to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Membership {
    /// The tenant.
    pub tenant: Tenant,
    /// What they may do there.
    pub role: Role,
}

impl Store {
    /// Where a user stands in a tenant; `None` unless they are a member. Without a tenant: in the one they joined first of
    /// those that are not suspended, else in the one they joined first of all. For finding out who calls.
    pub async fn standing(
        &self,
        user: &UserId,
        tenant: Option<&TenantId>,
    ) -> Result<Option<Standing>, StoreError> {
        standing_in(self.0.db.reader(), user, tenant).await
    }

    /// The tenants that a user belongs to, the one they joined first first. For the user alone to see.
    pub async fn memberships(&self, user: &UserId) -> Result<Vec<Membership>, StoreError> {
        let rows = of_user(user).all(self.0.db.reader()).await?;
        let ids = rows.iter().map(|row| row.tenant_id.clone());
        let found =
            tenants::Entity::find().filter(tenants::Column::Id.is_in(ids)).all(self.0.db.reader()).await?;
        rows.iter()
            .filter_map(|row| Some((row, found.iter().find(|tenant| tenant.id == row.tenant_id)?)))
            .map(|(row, tenant)| {
                Ok(Membership { tenant: tenant_of(tenant.clone())?, role: of_word(&row.role)? })
            })
            .collect()
    }
}

pub(crate) async fn standing_in<C: ConnectionTrait>(
    db: &C,
    user: &UserId,
    tenant: Option<&TenantId>,
) -> Result<Option<Standing>, StoreError> {
    let mut query = of_user(user);
    if let Some(tenant) = tenant {
        query = query.filter(Column::TenantId.eq(tenant.as_str()));
    }
    let rows = query.all(db).await?;
    let suspended = tenants::Entity::find()
        .select_only()
        .column(tenants::Column::Id)
        .filter(tenants::Column::Id.is_in(rows.iter().map(|row| &row.tenant_id)))
        .filter(tenants::Column::SuspendedAt.is_not_null())
        .into_tuple::<String>()
        .all(db)
        .await?;
    let is_suspended = |row: &members::Model| suspended.contains(&row.tenant_id);
    let Some(row) = rows.iter().find(|row| !is_suspended(row)).or(rows.first()) else { return Ok(None) };
    Ok(Some(Standing {
        scope: Scope { tenant: parsed(&row.tenant_id)?, user: user.clone() },
        role: of_word(&row.role)?,
        is_suspended: is_suspended(row),
    }))
}

fn of_user(user: &UserId) -> sea_orm::Select<members::Entity> {
    let query = members::Entity::find().filter(Column::UserId.eq(user.as_str()));
    query.order_by_asc(Column::CreatedAt).order_by_asc(Column::TenantId)
}
