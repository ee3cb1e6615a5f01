//! A caller who was let in: whose data they may see, what they may do, who they are and from where.

use std::net::IpAddr;
use std::sync::Arc;

use vitrine_model::identity::{Actor, ActorKind};
use vitrine_model::{AppId, Role, Sha256, Timestamp};
use vitrine_store::Scope;

use super::Proof;

/// A caller who was let in.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    /// What they may see.
    pub(crate) scope: Scope,
    /// What they may do there.
    pub(crate) role: Role,
    /// Who they are, and what vouches for them.
    pub(crate) actor: Actor,
    /// The only apps they may name; `None` for all of the tenant's.
    pub(crate) apps: Option<Arc<[AppId]>>,
    /// When their credential ends by itself.
    pub(crate) expires_at: Option<Timestamp>,
    /// How a browser's person proved who they are; `None` for other callers.
    pub(crate) proof: Option<Proof>,
    /// They hold the admin key, or are a browser that was signed in with it or with the link of the ready line.
    pub(crate) runs_server: bool,
    /// Where they call from, as far as it can be believed.
    pub(crate) from: Option<IpAddr>,
    /// For the builder page; `None` for callers with a key, who need none.
    pub(crate) csrf_token: Option<String>,
    /// The hash of a browser's cookie.
    pub(crate) browser: Option<Sha256>,
}

impl Caller {
    /// True for whoever shows the admin key itself.
    pub(crate) fn is_operator(&self) -> bool {
        self.actor.kind == ActorKind::AdminKey
    }

    /// True when the caller may name the app, whether it is there or not.
    pub(crate) fn may_name(&self, app: &str) -> bool {
        self.apps.as_ref().is_none_or(|apps| apps.iter().any(|allowed| allowed.as_str() == app))
    }
}
