//! Members: who belongs to a tenant, as what. A tenant that has an owner keeps one.

use std::collections::HashMap;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use vitrine_model::app::Page;
use vitrine_model::identity::{Actor, Member};
use vitrine_model::{Role, Timestamp, UserId};

use crate::authority::Authority;
use crate::codec::{of_word, parsed, word};
use crate::cursor;
use crate::departures::{forget_departure, note_departure};
use crate::entity::users;
use crate::entity_identity::members::{self, Column};
use crate::entity_identity::{api_keys, browser_sessions, invites};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;

impl Store {
    /// The tenant's members, the longest there first; `limit` at a time, from `cursor` on.
    pub async fn list_members(
        &self,
        scope: &Scope,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Member>, StoreError> {
        let mut query = members::Entity::find().filter(Column::TenantId.eq(scope.tenant.as_str()));
        if let Some(cursor) = cursor {
            let (created_at, user) = cursor::decode(cursor)?;
            let is_after =
                Condition::any().add(Column::CreatedAt.gt(created_at)).add(Column::UserId.gt(user));
            query = query.filter(Column::CreatedAt.gte(created_at)).filter(is_after);
        }
        let query = query.order_by_asc(Column::CreatedAt).order_by_asc(Column::UserId);
        let rows = query.limit(u64::from(limit) + 1).all(self.0.db.reader()).await?;
        let ids = rows.iter().map(|row| row.user_id.clone());
        let people =
            users::Entity::find().filter(users::Column::Id.is_in(ids)).all(self.0.db.reader()).await?;
        let people: HashMap<_, _> = people.into_iter().map(|user| (user.id.clone(), user)).collect();
        cursor::page(
            rows,
            limit,
            |row| cursor::encode(row.created_at, &row.user_id),
            |row| member_of(&row, people.get(&row.user_id).ok_or(StoreError::NotFound)?),
        )
    }

    /// One member.
    pub async fn member(&self, scope: &Scope, user: &UserId) -> Result<Member, StoreError> {
        let row = find_member(self.0.db.reader(), scope, user).await?;
        let person = users::Entity::find_by_id(user.as_str()).one(self.0.db.reader()).await?;
        member_of(&row, &person.ok_or(StoreError::NotFound)?)
    }

    /// Gives a member another role, from the next request on. [`StoreError::LastOwner`], with nothing changed, when the
    /// tenant's only owner would be none; [`StoreError::Forbidden`] when `by` does not manage both roles at this moment.
    pub async fn set_member_role(
        &self,
        scope: &Scope,
        user: &UserId,
        role: Role,
        by: &Actor,
    ) -> Result<Member, StoreError> {
        let tx = self.begin().await?;
        let authority = Authority::of(&tx, scope, by, self.now()).await?;
        let row = find_member(&tx, scope, user).await?;
        authority.manages(of_word::<Role>(&row.role)?.max(role))?;
        if role != Role::Owner {
            keep_an_owner(&tx, scope, &row).await?;
        }
        let mut change = row.into_active_model();
        change.role = Set(word(&role)?);
        change.update(&tx).await?;
        tx.commit().await?;
        self.member(scope, user).await
    }

    /// Takes a member out of the tenant, revokes the keys that act for them there, withdraws their invitations, and signs out
    /// the browsers in which they look at it. What they made stays. A host product's token does not bring them back.
    /// [`StoreError::LastOwner`], with nothing changed, when they are the only owner; [`StoreError::Forbidden`] when `by` does
    /// not manage their role at this moment.
    pub async fn remove_member(&self, scope: &Scope, user: &UserId, by: &Actor) -> Result<(), StoreError> {
        let now = self.now().as_millis();
        let tx = self.begin().await?;
        let authority = Authority::of(&tx, scope, by, self.now()).await?;
        let row = find_member(&tx, scope, user).await?;
        authority.manages(of_word(&row.role)?)?;
        keep_an_owner(&tx, scope, &row).await?;
        members::Entity::delete_by_id((row.tenant_id, row.user_id)).exec(&tx).await?;
        note_departure(&tx, scope, user, self.now()).await?;
        api_keys::Entity::update_many()
            .set(api_keys::ActiveModel { revoked_at: Set(Some(now)), ..Default::default() })
            .filter(api_keys::Column::TenantId.eq(scope.tenant.as_str()))
            .filter(api_keys::Column::UserId.eq(user.as_str()))
            .filter(api_keys::Column::RevokedAt.is_null())
            .exec(&tx)
            .await?;
        invites::Entity::delete_many()
            .filter(invites::Column::TenantId.eq(scope.tenant.as_str()))
            .filter(invites::Column::InvitedBy.eq(user.as_str()))
            .exec(&tx)
            .await?;
        browser_sessions::Entity::delete_many()
            .filter(browser_sessions::Column::TenantId.eq(scope.tenant.as_str()))
            .filter(browser_sessions::Column::UserId.eq(user.as_str()))
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Refuses to go on when the member is the tenant's only owner. The tenant's row is locked.
pub(crate) async fn keep_an_owner<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    member: &members::Model,
) -> Result<(), StoreError> {
    let owner = word(&Role::Owner)?;
    if member.role != owner {
        return Ok(());
    }
    let owners = members::Entity::find()
        .filter(Column::TenantId.eq(scope.tenant.as_str()))
        .filter(Column::Role.eq(owner))
        .count(tx)
        .await?;
    match owners > 1 {
        true => Ok(()),
        false => Err(StoreError::LastOwner),
    }
}

pub(crate) async fn find_member<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    user: &UserId,
) -> Result<members::Model, StoreError> {
    let key = (scope.tenant.to_string(), user.to_string());
    members::Entity::find_by_id(key).one(db).await?.ok_or(StoreError::NotFound)
}

/// Makes the user of the scope a member, whether they have left before or not; one who is a member keeps the role they have.
pub(crate) async fn join_once<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    role: Role,
    now: Timestamp,
) -> Result<(), StoreError> {
    let row = members::Model {
        tenant_id: scope.tenant.to_string(),
        user_id: scope.user.to_string(),
        role: word(&role)?,
        created_at: now.as_millis(),
    };
    let there = OnConflict::columns([Column::TenantId, Column::UserId]).do_nothing().to_owned();
    members::Entity::insert(row.into_active_model())
        .on_conflict(there)
        .try_insert()
        .exec_without_returning(tx)
        .await?;
    forget_departure(tx, scope).await
}

fn member_of(row: &members::Model, user: &users::Model) -> Result<Member, StoreError> {
    Ok(Member {
        user_id: parsed(&row.user_id)?,
        name: user.name.clone(),
        email: user.email.clone(),
        role: of_word(&row.role)?,
        joined_at: Timestamp::from_millis(row.created_at),
    })
}
