//! What somebody may do to others, looked up in the transaction that does it: between the request that asked and the
//! transaction, their own standing may have changed.

use sea_orm::{ColumnTrait as _, ConnectionTrait, EntityTrait as _, QueryFilter as _};
use vitrine_model::identity::{Actor, ActorKind};
use vitrine_model::{Role, Timestamp};

use crate::codec::of_word;
use crate::entity_identity::api_keys::{self, Column};
use crate::error::StoreError;
use crate::members::find_member;
use crate::scope::Scope;
use crate::tenants::lock_tenant;

/// What somebody may do in a tenant; nobody else changes the tenant or its members until the transaction ends.
pub(crate) struct Authority(Role);

impl Authority {
    /// What `by` may do at this moment in the tenant of the scope. [`StoreError::Forbidden`] when that is nothing: the
    /// tenant is suspended, they are no member, their key is over. Whoever runs the server may do everything.
    pub(crate) async fn of<C: ConnectionTrait>(
        tx: &C,
        scope: &Scope,
        by: &Actor,
        now: Timestamp,
    ) -> Result<Self, StoreError> {
        let tenant = lock_tenant(tx, scope.tenant.as_str()).await?;
        if by.kind == ActorKind::AdminKey {
            return Ok(Self(Role::Owner));
        }
        if tenant.suspended_at.is_some() {
            return Err(StoreError::Forbidden);
        }
        let member = find_member(tx, scope, &by.user_id).await.map_err(|error| match error {
            StoreError::NotFound => StoreError::Forbidden,
            other => other,
        })?;
        let role: Role = of_word(&member.role)?;
        let Some(key) = &by.key_id else { return Ok(Self(role)) };
        let live = api_keys::Entity::find_by_id(key.as_str())
            .filter(Column::TenantId.eq(scope.tenant.as_str()))
            .filter(Column::RevokedAt.is_null());
        let key = live.one(tx).await?.ok_or(StoreError::Forbidden)?;
        match key.expires_at.is_some_and(|end| end <= now.as_millis()) {
            true => Err(StoreError::Forbidden),
            false => Ok(Self(role.min(of_word(&key.role)?))),
        }
    }

    /// [`StoreError::Forbidden`] unless they manage others, and none of them is above themselves: what a role is, is to
    /// become, or would be given.
    pub(crate) fn manages(&self, role: Role) -> Result<(), StoreError> {
        match self.0 >= Role::Admin && self.0 >= role {
            true => Ok(()),
            false => Err(StoreError::Forbidden),
        }
    }
}
