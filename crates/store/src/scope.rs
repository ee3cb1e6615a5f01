//! Whose data a call is about.

use vitrine_model::{Role, TenantId, UserId};

use crate::error::StoreError;
use crate::members::join_once;
use crate::store::Store;
use crate::tenants::{TenantRow, UserRow, tenant_once, user_once};

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

/// Its first owner, whom the admin key stands for.
const OWNER: &str = "owner";

impl Store {
    /// The default tenant and its owner, made on the first call. Calls at once all get the same.
    pub async fn default_scope(&self) -> Result<Scope, StoreError> {
        self.named_scope(DEFAULT_TENANT, OWNER).await
    }

    /// The tenant that was made under this name, and the owner made under the other; made when missing. Both are found
    /// again whatever people call them since. Calls at once all get the same.
    pub async fn named_scope(&self, tenant: &str, user: &str) -> Result<Scope, StoreError> {
        let (clock, entropy) = (self.0.clock.as_ref(), self.0.entropy.as_ref());
        let created_at = self.now();
        let tx = self.begin().await?;
        let new = TenantRow {
            id: TenantId::mint(clock, entropy),
            name: title(tenant),
            external_id: Some(format!("named:{tenant}")),
            created_at,
        };
        let tenant = tenant_once(&tx, new).await?;
        let new = UserRow {
            id: UserId::mint(clock, entropy),
            home: tenant.clone(),
            name: title(user),
            external_id: format!("named:{tenant}:{user}"),
            created_at,
        };
        let user = user_once(&tx, new).await?;
        let scope = Scope { tenant, user };
        join_once(&tx, &scope, Role::Owner, created_at).await?;
        tx.commit().await?;
        Ok(scope)
    }
}

/// A name for people out of a word.
fn title(word: &str) -> String {
    let mut chars = word.chars();
    chars.next().map(|first| first.to_uppercase().chain(chars).collect()).unwrap_or_default()
}
