//! Who was taken out of a tenant, and is not to come back by themselves: a host product's token makes members at first
//! sight, and would undo a removal with the very next request.

use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait as _, IntoActiveModel as _};
use vitrine_model::identity::Member;
use vitrine_model::{Role, Timestamp, UserId};

use crate::entity_identity::departures::{self, Column};
use crate::error::StoreError;
use crate::members::join_once;
use crate::scope::Scope;
use crate::store::Store;
use crate::tenants::lock_tenant;

impl Store {
    /// Makes somebody a member again who was taken out of the tenant. [`StoreError::NotFound`] when nobody was, or when they
    /// are a member.
    pub async fn readmit_member(
        &self,
        scope: &Scope,
        user: &UserId,
        role: Role,
    ) -> Result<Member, StoreError> {
        let theirs = Scope { tenant: scope.tenant.clone(), user: user.clone() };
        let tx = self.begin().await?;
        lock_tenant(&tx, scope.tenant.as_str()).await?;
        if !has_left(&tx, &theirs).await? {
            return Err(StoreError::NotFound);
        }
        join_once(&tx, &theirs, role, self.now()).await?;
        tx.commit().await?;
        self.member(scope, user).await
    }
}

/// True when the user of the scope was taken out of its tenant.
pub(crate) async fn has_left<C: ConnectionTrait>(tx: &C, scope: &Scope) -> Result<bool, StoreError> {
    Ok(departures::Entity::find_by_id(key(scope)).one(tx).await?.is_some())
}

/// Notes that a user was taken out of the tenant of a scope.
pub(crate) async fn note_departure<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    user: &UserId,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = departures::Model {
        tenant_id: scope.tenant.to_string(),
        user_id: user.to_string(),
        left_at: now.as_millis(),
    };
    let again =
        OnConflict::columns([Column::TenantId, Column::UserId]).update_column(Column::LeftAt).to_owned();
    let insert = departures::Entity::insert(row.into_active_model()).on_conflict(again);
    insert.exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets that the user of the scope was taken out of its tenant.
pub(crate) async fn forget_departure<C: ConnectionTrait>(tx: &C, scope: &Scope) -> Result<(), StoreError> {
    departures::Entity::delete_by_id(key(scope)).exec(tx).await?;
    Ok(())
}

fn key(scope: &Scope) -> (String, String) {
    (scope.tenant.to_string(), scope.user.to_string())
}
