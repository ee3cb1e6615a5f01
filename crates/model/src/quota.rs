//! How much a tenant may have, and how much it has.

use serde::{Deserialize, Serialize};

/// What there is a limit on, for each tenant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize, utoipa::ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum Quota {
    /// Apps.
    Apps,
    /// Sessions that are not over.
    Sessions,
    /// Builds that run at once; more wait for their turn.
    Builds,
    /// Bytes of content that was brought and of artifacts that were built. Equal content counts once; content is not
    /// given back when a draft forgets it, as revisions and the history may still name it.
    StorageBytes,
    /// Bytes that visitors were sent of published apps in this month (UTC).
    EgressBytes,
}

impl Quota {
    /// Every quota, in the order they are shown in.
    pub const ALL: [Self; 5] =
        [Self::Apps, Self::Sessions, Self::Builds, Self::StorageBytes, Self::EgressBytes];

    /// What is counted, for people.
    pub const fn noun(self) -> &'static str {
        match self {
            Self::Apps => "apps",
            Self::Sessions => "open sessions",
            Self::Builds => "builds at once",
            Self::StorageBytes => "bytes of storage",
            Self::EgressBytes => "bytes sent to visitors this month",
        }
    }

    /// What a person can do when it is used up.
    pub const fn remedy(self) -> &'static str {
        match self {
            Self::Apps => "Delete an app that is not needed any more",
            Self::Sessions => "Stop a session that is not needed any more",
            Self::Builds => "Wait for a build to end",
            Self::StorageBytes => "Delete apps whose artifacts are not needed any more",
            Self::EgressBytes => "Wait for the next month",
        }
    }
}

/// How much of a quota is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, utoipa::ToSchema)]
pub struct QuotaUse {
    /// Which.
    pub quota: Quota,
    /// The most there may be; absent without a limit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u64>,
    /// What there is now.
    pub used: u64,
}
