//! Tenants, their members and keys, as the API shows them, and the roles that say what each may do.

use serde::{Deserialize, Serialize};

use crate::id::{AppId, InviteId, KeyId, TenantId, UserId};
use crate::time::Timestamp;

/// What somebody may do in a tenant. Ordered: every role may do what the ones before it may.
#[derive(
    Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize, utoipa::ToSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Reads.
    Viewer,
    /// Makes and edits apps, runs sessions, publishes.
    Editor,
    /// Manages members who are not owners, keys, hosting and secrets.
    Admin,
    /// Everything.
    Owner,
}

impl Role {
    /// Every role, the least first.
    pub const ALL: [Self; 4] = [Self::Viewer, Self::Editor, Self::Admin, Self::Owner];

    /// The role as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Viewer => "viewer",
            Self::Editor => "editor",
            Self::Admin => "admin",
            Self::Owner => "owner",
        }
    }
}

impl std::fmt::Display for Role {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(self.as_str())
    }
}

impl std::str::FromStr for Role {
    type Err = UnknownRole;
    fn from_str(text: &str) -> Result<Self, UnknownRole> {
        Self::ALL.into_iter().find(|role| role.as_str() == text).ok_or(UnknownRole)
    }
}

/// The text names no role.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a role is viewer, editor, admin or owner")]
pub struct UnknownRole;

/// An isolation boundary: nothing of one tenant is seen from another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Tenant {
    /// The tenant.
    pub id: TenantId,
    /// Its name, for people.
    pub name: String,
    /// What the host product calls it in its tokens.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub host_id: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// Since when its credentials are refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub suspended_at: Option<Timestamp>,
}

/// A person in a tenant.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Member {
    /// The person; the same in every tenant they belong to.
    pub user_id: UserId,
    /// Their name.
    pub name: String,
    /// What they sign in with; absent for people whom the host product signs in, and until one is chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub email: Option<String>,
    /// What they may do here.
    pub role: Role,
    /// Since when.
    pub joined_at: Timestamp,
}

/// An invitation that nobody has accepted yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Invite {
    /// The invitation.
    pub id: InviteId,
    /// For whom, as whoever made it wrote it down; it binds nobody.
    pub note: String,
    /// What whoever accepts it may do.
    pub role: Role,
    /// Who made it.
    pub invited_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// Until when it can be accepted.
    pub expires_at: Timestamp,
}

/// An API key without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct ApiKey {
    /// The key.
    pub id: KeyId,
    /// Its name, for people.
    pub name: String,
    /// How the key begins, to recognise it by.
    pub prefix: String,
    /// What it may do at most; never more than the member it acts for may.
    pub role: Role,
    /// The apps it is for; absent means all of the tenant's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub apps: Option<Vec<AppId>>,
    /// The member it acts for.
    pub user_id: UserId,
    /// When it was made.
    pub created_at: Timestamp,
    /// Until when it works; absent means until it is revoked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Since when it works no more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// When it was last used, a minute behind at most.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_used_at: Option<Timestamp>,
}

/// Who makes a call: a person, or something that acts for one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct Actor {
    /// What vouches for them.
    pub kind: ActorKind,
    /// The person.
    pub user_id: UserId,
    /// The key, where one was used.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<KeyId>,
}

/// What vouches for an actor.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum ActorKind {
    /// A browser that is signed in.
    Browser,
    /// An API key.
    Key,
    /// The server's admin key.
    AdminKey,
    /// A token of the host product.
    Host,
}

impl ActorKind {
    /// The kind as it stands in JSON.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Browser => "browser",
            Self::Key => "key",
            Self::AdminKey => "admin_key",
            Self::Host => "host",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_role_may_do_what_the_ones_before_it_may() {
        assert!(Role::ALL.is_sorted());
        assert!(Role::Viewer < Role::Editor && Role::Admin < Role::Owner);
        for role in Role::ALL {
            assert_eq!(role.as_str().parse(), Ok(role));
            assert_eq!(serde_json::to_value(role).unwrap(), role.as_str());
        }
        assert_eq!("root".parse::<Role>(), Err(UnknownRole));
    }

    #[test]
    fn the_words_of_actors_are_those_of_their_json() {
        for kind in [ActorKind::Browser, ActorKind::Key, ActorKind::AdminKey, ActorKind::Host] {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
        }
    }
}
