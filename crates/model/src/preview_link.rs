//! Links with which a person shows an app's preview to people without an account.

use serde::{Deserialize, Serialize};

use crate::id::{LinkId, RevisionId, UserId};
use crate::time::Timestamp;

/// A preview link, without its secret.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct PreviewLink {
    /// The link.
    pub id: LinkId,
    /// What its maker calls it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub label: Option<String>,
    /// The revision it shows, as it was built; absent for the live draft.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revision: Option<RevisionId>,
    /// Who made it.
    pub created_by: UserId,
    /// When.
    pub created_at: Timestamp,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
    /// How often it was opened.
    pub visits: u64,
    /// When it was opened last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub last_visit_at: Option<Timestamp>,
    /// Whether visitors are asked for a password.
    pub has_password: bool,
}
