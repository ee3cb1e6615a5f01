//! The audit log's entries, and the chain of hashes that shows whether one was changed, taken out or cut off.

use serde::{Deserialize, Serialize};

use crate::hash::{Sha256, Sha256Hasher};
use crate::id::{AppId, TenantId};
use crate::identity::Actor;
use crate::time::Timestamp;

/// What stands before a tenant's first entry.
pub const GENESIS: Sha256 = Sha256::from_bytes([0; 32]);

/// What an entry says.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditFacts {
    /// When the operation ended.
    pub at: Timestamp,
    /// Who did it.
    pub actor: Actor,
    /// The operation, as the API's description names it.
    pub operation: String,
    /// What it was done to: the path, or the address of what was made.
    pub target: String,
    /// The app it was about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub app: Option<AppId>,
    /// The HTTP status it was answered with.
    pub status: u16,
    /// The address it came from.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<String>,
    /// The request, for finding it in the server's log.
    pub request_id: String,
    /// What else is worth knowing, such as a role that was given.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// One entry of a tenant's audit log.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditEntry {
    /// Its place: 1, 2, 3, … without a gap.
    pub seq: u64,
    /// What it says.
    #[serde(flatten)]
    pub facts: AuditFacts,
    /// Covers this entry and, by the hash before it, all earlier ones.
    #[schema(value_type = String)]
    pub hash: Sha256,
}

/// Where a tenant's chain is found to be broken, or that it is whole.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct AuditVerdict {
    /// True when every entry is as it was written, none is missing and the last one is the last that was written.
    pub intact: bool,
    /// How many entries there are.
    pub entries: u64,
    /// The hash of the last entry that was written: kept somewhere else, it shows later whether the log was written anew.
    #[schema(value_type = String)]
    pub head: Sha256,
    /// The first place that is not as it was written.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub broken_at: Option<u64>,
}

impl AuditFacts {
    /// The hash of these facts at a place of a tenant's log: SHA-256 over the hash before, then every field as its
    /// length in eight bytes, most significant first, and its bytes; absent fields are one byte 0, present ones begin with 1.
    pub fn chained(&self, tenant: &TenantId, seq: u64, before: &Sha256) -> Sha256 {
        let mut hasher = Sha256Hasher::default();
        hasher.update(before.as_bytes());
        let mut field = |text: &str| {
            hasher.update(&(text.len() as u64).to_be_bytes());
            hasher.update(text.as_bytes());
        };
        field(tenant.as_str());
        field(&seq.to_string());
        field(&self.at.as_millis().to_string());
        field(self.actor.kind.as_str());
        field(self.actor.user_id.as_str());
        field(&self.operation);
        field(&self.target);
        field(&self.status.to_string());
        field(&self.request_id);
        let key = self.actor.key_id.as_ref().map(|key| key.as_str());
        let app = self.app.as_ref().map(|app| app.as_str());
        for optional in [key, app, self.from.as_deref(), self.note.as_deref()] {
            match optional {
                Some(text) => field(&format!("\u{1}{text}")),
                None => field("\u{0}"),
            }
        }
        hasher.finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::identity::ActorKind;
    use crate::source::fixed::{CountingEntropy, FixedClock};
    use crate::{KeyId, UserId};

    fn facts() -> AuditFacts {
        let (clock, entropy) = (FixedClock::at_millis(1_000), CountingEntropy::default());
        AuditFacts {
            at: Timestamp::from_millis(5),
            actor: Actor {
                kind: ActorKind::Key,
                user_id: UserId::mint(&clock, &entropy),
                key_id: Some(KeyId::mint(&clock, &entropy)),
            },
            operation: "delete_app".to_owned(),
            target: "/v1/apps/x".to_owned(),
            app: Some(AppId::mint(&clock, &entropy)),
            status: 204,
            from: Some("192.0.2.1".to_owned()),
            request_id: "req_x".to_owned(),
            note: None,
        }
    }

    #[test]
    fn every_field_is_covered_by_the_hash() {
        let (clock, entropy) = (FixedClock::at_millis(1_000), CountingEntropy::default());
        let tenant = TenantId::mint(&clock, &entropy);
        let whole = facts();
        let hash = whole.chained(&tenant, 1, &GENESIS);
        assert_eq!(hash, whole.clone().chained(&tenant, 1, &GENESIS));
        let changes: [fn(&mut AuditFacts); 11] = [
            |facts| facts.at = Timestamp::from_millis(6),
            |facts| facts.actor.kind = ActorKind::Browser,
            |facts| facts.actor.user_id = "usr_00000000000000000000000000".parse().unwrap(),
            |facts| facts.actor.key_id = None,
            |facts| facts.operation = "x".to_owned(),
            |facts| facts.target = "x".to_owned(),
            |facts| facts.app = None,
            |facts| facts.status = 200,
            |facts| facts.from = None,
            |facts| facts.request_id = "x".to_owned(),
            |facts| facts.note = Some(String::new()),
        ];
        for (index, change) in changes.into_iter().enumerate() {
            let mut changed = whole.clone();
            change(&mut changed);
            assert_ne!(changed.chained(&tenant, 1, &GENESIS), hash, "change {index}");
        }
        assert_ne!(whole.chained(&tenant, 2, &GENESIS), hash);
        assert_ne!(whole.chained(&tenant, 1, &hash), hash);
        assert_ne!(whole.chained(&TenantId::mint(&clock, &entropy), 1, &GENESIS), hash);
    }
}
