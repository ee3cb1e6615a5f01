//! Which packages a tenant's apps may have: its own policy, or the server's.

use std::sync::Arc;

use vitrine_build::policy::Policy;
use vitrine_store::{Scope, Store, StoreError};

/// Package policies by tenant; cheap to clone.
#[derive(Clone)]
pub(crate) struct Policies(Arc<Inner>);

struct Inner {
    store: Store,
    default: Policy,
}

/// The policy that holds for a tenant.
pub(crate) struct Holding {
    pub(crate) policy: Policy,
    /// False when it is the server's.
    pub(crate) is_own: bool,
}

impl Policies {
    /// `default` holds for every tenant that has none of its own.
    pub(crate) fn new(store: Store, default: Policy) -> Self {
        Self(Arc::new(Inner { store, default }))
    }

    /// What holds now. A policy that this release cannot read stops the tenant's builds, rather than being passed over.
    pub(crate) async fn of(&self, scope: &Scope) -> Result<Holding, StoreError> {
        let Some(document) = self.0.store.package_policy(scope).await? else {
            return Ok(Holding { policy: self.0.default.clone(), is_own: false });
        };
        let policy = serde_json::from_str(&document)
            .map_err(|error| StoreError::Corrupt(format!("the tenant's package policy: {error}")))?;
        Ok(Holding { policy, is_own: true })
    }

    /// Sets the tenant's own; it has been checked.
    pub(crate) async fn set(&self, scope: &Scope, policy: &Policy) -> Result<(), StoreError> {
        let document = serde_json::to_string(policy)
            .map_err(|error| StoreError::Corrupt(format!("a package policy: {error}")))?;
        self.0.store.set_package_policy(scope, document).await
    }

    /// Goes back to the server's.
    pub(crate) async fn reset(&self, scope: &Scope) -> Result<(), StoreError> {
        self.0.store.remove_package_policy(scope).await
    }
}
