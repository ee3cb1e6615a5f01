//! Accounts: what a person signs in with. They belong to the server, not to a tenant.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QuerySelect as _, Set,
};
use vitrine_model::{Sha256, UserId};

use crate::browser_sessions::close_all;
use crate::codec::parsed;
use crate::entity::users::{self, Column};
use crate::error::{StoreError, is_unique_violation};
use crate::store::Store;

/// A person's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Account {
    /// The person.
    pub user: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with, in lower case.
    pub email: Option<String>,
    /// A PHC string; absent until a password is set.
    pub password_hash: Option<String>,
}

impl Store {
    /// The account that signs in with an email, given in lower case. For finding out who calls.
    pub async fn account_by_email(&self, email: &str) -> Result<Option<Account>, StoreError> {
        let row = users::Entity::find().filter(Column::Email.eq(email)).one(self.0.db.reader()).await?;
        row.map(account_of).transpose()
    }

    /// A user's own account.
    pub async fn account(&self, user: &UserId) -> Result<Account, StoreError> {
        let row = users::Entity::find_by_id(user.as_str()).one(self.0.db.reader()).await?;
        account_of(row.ok_or(StoreError::NotFound)?)
    }

    /// Sets what a user signs in with, and signs them out everywhere but in the browser `kept`.
    /// [`StoreError::EmailTaken`], with nothing changed, when another account has the email.
    pub async fn set_credentials(
        &self,
        user: &UserId,
        email: &str,
        password_hash: &str,
        kept: &Sha256,
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let row = users::Entity::find_by_id(user.as_str()).lock_exclusive().one(&tx).await?;
        let mut change = row.ok_or(StoreError::NotFound)?.into_active_model();
        change.email = Set(Some(email.to_owned()));
        change.password_hash = Set(Some(password_hash.to_owned()));
        change.update_without_returning(&tx).await.map_err(|error| match is_unique_violation(&error) {
            true => StoreError::EmailTaken,
            false => error.into(),
        })?;
        close_all(&tx, user, Some(kept)).await?;
        Ok(tx.commit().await?)
    }
}

fn account_of(row: users::Model) -> Result<Account, StoreError> {
    Ok(Account { user: parsed(&row.id)?, name: row.name, email: row.email, password_hash: row.password_hash })
}
