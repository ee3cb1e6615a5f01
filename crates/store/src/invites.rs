//! Invitations into a tenant: a code that works once. It goes to whoever holds it, not to an email, which nobody has proven.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use vitrine_model::app::Page;
use vitrine_model::identity::{Actor, Invite};
use vitrine_model::{InviteId, Role, Sha256, Timestamp, UserId};

use crate::authority::Authority;
use crate::codec::{hash_column, of_word, parsed, word};
use crate::cursor;
use crate::entity::users;
use crate::entity_identity::invites::{self, Column};
use crate::error::{StoreError, found, is_unique_violation};
use crate::members::{find_member, join_once};
use crate::scope::Scope;
use crate::store::Store;

/// A new invitation into the tenant of a scope.
#[derive(Debug, Clone)]
pub struct NewInvite {
    /// For whom, in words.
    pub note: String,
    /// What whoever accepts it may do.
    pub role: Role,
    /// The hash of its code.
    pub code: Sha256,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// Who accepts an invitation.
#[derive(Debug, Clone)]
pub enum Joining {
    /// Somebody who has an account.
    Known(UserId),
    /// Somebody who gets one.
    New {
        /// What they will sign in with, in lower case.
        email: String,
        /// Their name.
        name: String,
        /// A PHC string.
        password_hash: String,
    },
}

/// An invitation that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Accepted {
    /// Who accepted it, and into which tenant it was.
    pub scope: Scope,
    /// The invitation, which is used up.
    pub invite: InviteId,
    /// The role that it gives; whoever accepted it may have had a higher one before.
    pub role: Role,
}

impl Store {
    /// Makes an invitation. [`StoreError::Forbidden`] when `by` does not manage its role at this moment.
    pub async fn create_invite(
        &self,
        scope: &Scope,
        new: NewInvite,
        by: &Actor,
    ) -> Result<Invite, StoreError> {
        let role = new.role;
        let row = invites::Model {
            id: InviteId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref()).into(),
            tenant_id: scope.tenant.to_string(),
            note: new.note,
            role: word(&new.role)?,
            invited_by: scope.user.to_string(),
            code_sha256: hash_column(&new.code),
            created_at: self.now().as_millis(),
            expires_at: new.expires_at.as_millis(),
        };
        let tx = self.begin().await?;
        Authority::of(&tx, scope, by, self.now()).await?.manages(role)?;
        invites::Entity::insert(row.clone().into_active_model()).exec_without_returning(&tx).await?;
        tx.commit().await?;
        invite_of(row)
    }

    /// The tenant's open invitations, the newest first; `limit` at a time, from `cursor` on.
    pub async fn list_invites(
        &self,
        scope: &Scope,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Invite>, StoreError> {
        let mut query = invites::Entity::find()
            .filter(Column::TenantId.eq(scope.tenant.as_str()))
            .filter(Column::ExpiresAt.gt(self.now().as_millis()));
        if let Some(cursor) = cursor {
            let (created_at, id) = cursor::decode(cursor)?;
            let is_after = Condition::any().add(Column::CreatedAt.lt(created_at)).add(Column::Id.lt(id));
            query = query.filter(Column::CreatedAt.lte(created_at)).filter(is_after);
        }
        let query = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
        let rows = query.limit(u64::from(limit) + 1).all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.created_at, &row.id), invite_of)
    }

    /// Removes invitations of all tenants that nobody can accept any more, and returns how many. For the server's timer.
    pub async fn collect_invites(&self) -> Result<u64, StoreError> {
        let tx = self.begin().await?;
        let expired = invites::Entity::delete_many().filter(Column::ExpiresAt.lte(self.now().as_millis()));
        let removed = expired.exec(&tx).await?.rows_affected;
        tx.commit().await?;
        Ok(removed)
    }

    /// Withdraws an invitation. The second time it is [`StoreError::NotFound`], as it is when it was accepted.
    pub async fn withdraw_invite(&self, scope: &Scope, invite: &InviteId) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let deleted = invites::Entity::delete_many()
            .filter(Column::Id.eq(invite.as_str()))
            .filter(Column::TenantId.eq(scope.tenant.as_str()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        found(deleted.rows_affected)
    }

    /// Whether an invitation of this code is open; whoever holds the code may know.
    pub async fn is_invited(&self, code: &Sha256) -> Result<bool, StoreError> {
        Ok(find(self.0.db.reader(), code, self.now()).await?.is_some())
    }

    /// Accepts an invitation, which is used up; makes the account unless there is one. Who is a member already keeps the
    /// higher of both roles. [`StoreError::NotFound`] when the code is none, was used or is over;
    /// [`StoreError::EmailTaken`] when a new account's email is another's. Either changes nothing.
    pub async fn accept_invite(&self, code: &Sha256, who: Joining) -> Result<Accepted, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let invite = find(&tx, code, now).await?.ok_or(StoreError::NotFound)?;
        let used = invites::Entity::delete_by_id(&invite.id).exec(&tx).await?;
        if used.rows_affected == 0 {
            return Err(StoreError::NotFound);
        }
        let user = match who {
            Joining::Known(user) => user,
            Joining::New { email, name, password_hash } => {
                let row = users::Model {
                    id: UserId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref()).into(),
                    tenant_id: invite.tenant_id.clone(),
                    name,
                    created_at: now.as_millis(),
                    external_id: None,
                    email: Some(email),
                    password_hash: Some(password_hash),
                };
                new_account(&tx, row).await?
            }
        };
        let scope = Scope { tenant: parsed(&invite.tenant_id)?, user };
        let role: Role = of_word(&invite.role)?;
        join_once(&tx, &scope, role, now).await?;
        raise(&tx, &scope, role).await?;
        tx.commit().await?;
        Ok(Accepted { scope, invite: parsed(&invite.id)?, role })
    }
}

async fn new_account<C: ConnectionTrait>(tx: &C, row: users::Model) -> Result<UserId, StoreError> {
    let id = parsed(&row.id)?;
    let inserted = users::Entity::insert(row.into_active_model()).exec_without_returning(tx).await;
    match inserted {
        Ok(_) => Ok(id),
        Err(error) if is_unique_violation(&error) => Err(StoreError::EmailTaken),
        Err(error) => Err(error.into()),
    }
}

/// Gives a member the role unless theirs is higher.
async fn raise<C: ConnectionTrait>(tx: &C, scope: &Scope, role: Role) -> Result<(), StoreError> {
    let member = find_member(tx, scope, &scope.user).await?;
    if of_word::<Role>(&member.role)? < role {
        let mut change = member.into_active_model();
        change.role = Set(word(&role)?);
        change.update_without_returning(tx).await?;
    }
    Ok(())
}

async fn find<C: ConnectionTrait>(
    db: &C,
    code: &Sha256,
    now: Timestamp,
) -> Result<Option<invites::Model>, StoreError> {
    let query = invites::Entity::find()
        .filter(Column::CodeSha256.eq(hash_column(code)))
        .filter(Column::ExpiresAt.gt(now.as_millis()));
    Ok(query.one(db).await?)
}

fn invite_of(row: invites::Model) -> Result<Invite, StoreError> {
    Ok(Invite {
        id: parsed(&row.id)?,
        note: row.note,
        role: of_word(&row.role)?,
        invited_by: parsed(&row.invited_by)?,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: Timestamp::from_millis(row.expires_at),
    })
}
