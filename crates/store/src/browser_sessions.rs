//! Browsers that are signed in. A cookie is worth what its row says: without the row, nothing.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _, Set,
};
use vitrine_model::{Sha256, TenantId, Timestamp, UserId};

use crate::codec::{hash_column, parsed};
use crate::entity_identity::browser_sessions::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::standing::standing_in;
use crate::store::Store;

/// A browser about to be signed in.
#[derive(Debug, Clone)]
pub struct NewBrowserSession {
    /// The hash of what its cookie will hold.
    pub token: Sha256,
    /// How the person proved who they are, in the caller's words.
    pub proof: String,
    /// Until when it is signed in.
    pub expires_at: Timestamp,
}

/// A browser that is signed in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BrowserSession {
    /// Who is.
    pub user: UserId,
    /// The tenant they look at; they may have left it since.
    pub tenant: TenantId,
    /// How they proved who they are.
    pub proof: String,
    /// Since when.
    pub created_at: Timestamp,
    /// Until when.
    pub expires_at: Timestamp,
}

impl Store {
    /// Signs a browser in as the user of the scope, looking at its tenant.
    pub async fn open_browser_session(
        &self,
        scope: &Scope,
        new: NewBrowserSession,
    ) -> Result<(), StoreError> {
        let row = browser_sessions::Model {
            token_sha256: hash_column(&new.token),
            user_id: scope.user.to_string(),
            tenant_id: scope.tenant.to_string(),
            proof: new.proof,
            created_at: self.now().as_millis(),
            expires_at: new.expires_at.as_millis(),
        };
        let tx = self.begin().await?;
        browser_sessions::Entity::insert(row.into_active_model()).exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// The browser whose cookie has this hash; `None` when it was signed out or its time is over. For finding out who calls.
    pub async fn browser_session(&self, token: &Sha256) -> Result<Option<BrowserSession>, StoreError> {
        let query = browser_sessions::Entity::find_by_id(hash_column(token))
            .filter(Column::ExpiresAt.gt(self.now().as_millis()));
        let Some(row) = query.one(self.0.db.reader()).await? else { return Ok(None) };
        Ok(Some(BrowserSession {
            user: parsed(&row.user_id)?,
            tenant: parsed(&row.tenant_id)?,
            proof: row.proof,
            created_at: Timestamp::from_millis(row.created_at),
            expires_at: Timestamp::from_millis(row.expires_at),
        }))
    }

    /// Makes a browser look at another of its user's tenants. [`StoreError::NotFound`] unless the user is a member there.
    pub async fn choose_tenant(&self, token: &Sha256, tenant: &TenantId) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let row = browser_sessions::Entity::find_by_id(hash_column(token)).lock_exclusive().one(&tx).await?;
        let row = row.ok_or(StoreError::NotFound)?;
        let standing = standing_in(&tx, &parsed(&row.user_id)?, Some(tenant)).await?;
        standing.ok_or(StoreError::NotFound)?;
        let mut change = row.into_active_model();
        change.tenant_id = Set(tenant.to_string());
        change.update_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Signs a browser out. Does nothing when it is.
    pub async fn close_browser_session(&self, token: &Sha256) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        browser_sessions::Entity::delete_by_id(hash_column(token)).exec(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// Signs a user out in every browser.
    pub async fn close_browser_sessions(&self, user: &UserId) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        close_all(&tx, user, None).await?;
        Ok(tx.commit().await?)
    }

    /// Removes the rows of browsers whose time is over, and returns how many. For the server's timer.
    pub async fn collect_browser_sessions(&self) -> Result<u64, StoreError> {
        let tx = self.begin().await?;
        let expired = Column::ExpiresAt.lte(self.now().as_millis());
        let removed = browser_sessions::Entity::delete_many().filter(expired).exec(&tx).await?.rows_affected;
        tx.commit().await?;
        Ok(removed)
    }
}

/// Signs a user out everywhere but in the browser `kept`.
pub(crate) async fn close_all<C: ConnectionTrait>(
    tx: &C,
    user: &UserId,
    kept: Option<&Sha256>,
) -> Result<(), StoreError> {
    let mut delete = browser_sessions::Entity::delete_many().filter(Column::UserId.eq(user.as_str()));
    if let Some(kept) = kept {
        delete = delete.filter(Column::TokenSha256.ne(hash_column(kept)));
    }
    delete.exec(tx).await?;
    Ok(())
}
