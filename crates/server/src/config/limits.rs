//! The sections about how much anybody may ask for, and how much a tenant may have.

use serde::{Deserialize, Serialize};
use vitrine_store::{Allowance, Quotas};

const MIB: u64 = 1024 * 1024;

/// `[limits]`: requests in a minute; 0 is no limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct LimitsConfig {
    /// Calls of one user that read.
    pub read_per_min: u32,
    /// Calls of one user that change something.
    pub write_per_min: u32,
    /// Calls of one user that start or build something: apps, sessions, publishes, checks, exports.
    pub expensive_per_min: u32,
    /// Attempts to sign in, or to open a preview link, from one address.
    pub sign_in_per_min: u32,
    /// Requests of any kind to the builder's host from one address, signed in or not.
    pub address_per_min: u32,
}

impl Default for LimitsConfig {
    fn default() -> Self {
        // Far above what a person and the builder page do (some ten requests a second), far below what hurts.
        Self {
            read_per_min: 6_000,
            write_per_min: 3_000,
            expensive_per_min: 600,
            sign_in_per_min: 30,
            address_per_min: 12_000,
        }
    }
}

/// `[quotas]`: what a tenant may have that has no limits of its own; 0 is no limit.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct QuotasConfig {
    /// Apps.
    pub apps: u64,
    /// Sessions that are not over.
    pub sessions: u64,
    /// Builds at once; more wait for their turn.
    pub builds: u64,
    /// Storage: content that was brought, and artifacts.
    pub storage_mib: u64,
    /// What visitors are sent of published apps in a month.
    pub egress_mib: u64,
}

impl Default for QuotasConfig {
    fn default() -> Self {
        // Whoever serves themselves has the whole machine; only builds would take it from everything else.
        Self { apps: 0, sessions: 0, builds: 2, storage_mib: 0, egress_mib: 0 }
    }
}

impl QuotasConfig {
    /// As the store enforces them.
    pub(crate) fn quotas(&self) -> Quotas {
        let allowance = |limit: u64| match limit {
            0 => Allowance::Unlimited,
            limit => Allowance::AtMost(limit),
        };
        Quotas {
            apps: allowance(self.apps),
            sessions: allowance(self.sessions),
            builds: allowance(self.builds),
            storage_bytes: allowance(self.storage_mib.saturating_mul(MIB)),
            egress_bytes: allowance(self.egress_mib.saturating_mul(MIB)),
        }
    }
}
