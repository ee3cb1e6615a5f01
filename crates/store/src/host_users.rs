//! People whom a host product vouches for: found by what it calls them, made at first sight where that is allowed.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, Set,
};
use vitrine_model::{Role, TenantId, UserId};

use crate::codec::{parsed, word};
use crate::departures::has_left;
use crate::entity::{tenants, users};
use crate::entity_identity::members;
use crate::error::StoreError;
use crate::members::{join_once, keep_an_owner};
use crate::scope::Scope;
use crate::standing::{Standing, standing_in};
use crate::store::Store;
use crate::tenants::{HOST, TenantRow, UserRow, lock_tenant, tenant_once, user_once};

/// Somebody as the host product describes them.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostUser {
    /// Who says so.
    pub issuer: String,
    /// What the issuer calls them; the same person as long as it is the same.
    pub subject: String,
    /// Their name, for people.
    pub name: String,
    /// What the issuer calls their tenant; absent for the server's default tenant.
    pub tenant: Option<String>,
    /// What they may do, where the issuer says so.
    pub role: Option<Role>,
}

/// What may be made of somebody who is seen for the first time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Sight {
    /// Whether their tenant is made.
    pub makes_tenants: bool,
    /// Whether they become a user and a member.
    pub makes_users: bool,
    /// What they may do, where the issuer does not say.
    pub default_role: Role,
}

impl Store {
    /// Where a host product's user stands; `None` when they or their tenant are not there and may not be made, and when they
    /// were taken out of the tenant. A role that the issuer states replaces the one on record, but for the only owner's, which
    /// stays there: they stand as the issuer says all the same. For finding out who calls.
    pub async fn host_standing(&self, seen: &HostUser, sight: Sight) -> Result<Option<Standing>, StoreError> {
        if let Some(standing) = self.known(seen).await?
            && seen.role.is_none_or(|role| role == standing.role)
        {
            return Ok(Some(standing));
        }
        let tx = self.begin().await?;
        let Some(tenant) = self.host_tenant(&tx, seen, sight).await? else { return Ok(None) };
        lock_tenant(&tx, tenant.as_str()).await?;
        let Some(user) = self.host_user(&tx, seen, (&tenant, sight)).await? else { return Ok(None) };
        let scope = Scope { tenant, user };
        let key = (scope.tenant.to_string(), scope.user.to_string());
        match members::Entity::find_by_id(key).one(&tx).await? {
            Some(row) => restate(&tx, &scope, row, seen.role).await?,
            None if !sight.makes_users || has_left(&tx, &scope).await? => return Ok(None),
            None => join_once(&tx, &scope, seen.role.unwrap_or(sight.default_role), self.now()).await?,
        }
        let standing = standing_in(&tx, &scope.user, Some(&scope.tenant)).await?;
        tx.commit().await?;
        let as_stated =
            |standing: Standing| Standing { role: seen.role.unwrap_or(standing.role), ..standing };
        Ok(standing.map(as_stated))
    }

    /// The user of a token, made at first sight where that is allowed.
    async fn host_user(
        &self,
        tx: &sea_orm::DatabaseTransaction,
        seen: &HostUser,
        (home, sight): (&TenantId, Sight),
    ) -> Result<Option<UserId>, StoreError> {
        let external_id = external_id(seen);
        let found = users::Entity::find().filter(users::Column::ExternalId.eq(&external_id)).one(tx).await?;
        match found {
            Some(row) => parsed(&row.id).map(Some),
            None if !sight.makes_users => Ok(None),
            None => {
                let id = UserId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref());
                let (home, name) = (home.clone(), seen.name.clone());
                let row = UserRow { id, home, name, external_id, created_at: self.now() };
                user_once(tx, row).await.map(Some)
            }
        }
    }

    /// Somebody who was seen before.
    async fn known(&self, seen: &HostUser) -> Result<Option<Standing>, StoreError> {
        let reader = self.0.db.reader();
        let tenant = match &seen.tenant {
            None => self.default_scope_id().await?,
            Some(id) => {
                let external_id = format!("{HOST}{id}");
                let query = tenants::Entity::find().filter(tenants::Column::ExternalId.eq(external_id));
                query.one(reader).await?.map(|row| parsed(&row.id)).transpose()?
            }
        };
        let user =
            users::Entity::find().filter(users::Column::ExternalId.eq(external_id(seen))).one(reader).await?;
        match (tenant, user) {
            (Some(tenant), Some(user)) => standing_in(reader, &parsed(&user.id)?, Some(&tenant)).await,
            _ => Ok(None),
        }
    }

    async fn default_scope_id(&self) -> Result<Option<TenantId>, StoreError> {
        let query = tenants::Entity::find().filter(tenants::Column::ExternalId.eq("named:default"));
        query.one(self.0.db.reader()).await?.map(|row| parsed(&row.id)).transpose()
    }

    async fn host_tenant(
        &self,
        tx: &sea_orm::DatabaseTransaction,
        seen: &HostUser,
        sight: Sight,
    ) -> Result<Option<TenantId>, StoreError> {
        let external_id = seen.tenant.as_ref().map_or("named:default".to_owned(), |id| format!("{HOST}{id}"));
        let query = tenants::Entity::find().filter(tenants::Column::ExternalId.eq(&external_id));
        if let Some(row) = query.one(tx).await? {
            return parsed(&row.id).map(Some);
        }
        let Some(name) = seen.tenant.clone().filter(|_| sight.makes_tenants) else { return Ok(None) };
        let id = TenantId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref());
        let new = TenantRow { id, name, external_id: Some(external_id), created_at: self.now() };
        tenant_once(tx, new).await.map(Some)
    }
}

/// Writes the role that the issuer states into the record, unless the tenant would be left without an owner. The tenant's row
/// is locked.
async fn restate(
    tx: &sea_orm::DatabaseTransaction,
    scope: &Scope,
    member: members::Model,
    stated: Option<Role>,
) -> Result<(), StoreError> {
    let Some(role) = stated.map(|role| word(&role)).transpose()? else { return Ok(()) };
    if member.role == role {
        return Ok(());
    }
    match keep_an_owner(tx, scope, &member).await {
        Ok(()) => {}
        Err(StoreError::LastOwner) => return Ok(()),
        Err(error) => return Err(error),
    }
    let mut change = member.into_active_model();
    change.role = Set(role);
    change.update_without_returning(tx).await?;
    Ok(())
}

/// What an issuer calls somebody; another issuer's user of the same name is somebody else.
fn external_id(seen: &HostUser) -> String {
    format!("{HOST}{} {}", seen.issuer, seen.subject)
}
