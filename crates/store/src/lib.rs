//! The truth about apps, drafts, revisions, sessions, publishes, releases and content: one database and one object store.
//!
//! - Everything a caller is told has happened is durable before the call returns.
//! - Every call names its tenant; what belongs to another tenant is [`StoreError::NotFound`]. The few calls without a
//!   [`Scope`] belong to the server itself and say so.
//! - Writes are transactions that do all or nothing; a call that is dropped half-way changes nothing or everything.
//! - The queries are built, not written, so that they are the same on SQLite and PostgreSQL: text ids, binary hashes,
//!   times as milliseconds since 1970 in 64-bit integers, partial unique indexes for "at most one".

mod accounts;
mod api_keys;
mod apps;
mod artifacts;
mod asset_collection;
mod assets;
mod audit;
mod authority;
mod blob_cache;
mod blob_collection;
mod blob_staging;
mod blob_survey;
mod blob_sweep;
mod blob_transits;
mod blobs;
mod browser_sessions;
mod codec;
mod config;
mod cursor;
mod database;
mod deltas;
mod departures;
mod drafts;
mod egress;
mod entity;
mod entity_collection;
mod entity_identity;
mod entity_links;
mod entity_publishing;
mod entity_secrets;
mod error;
mod host_users;
mod hosting;
mod idempotency;
mod invites;
mod keys;
mod layers;
mod leases;
mod members;
mod migration;
mod object_clouds;
mod objects;
mod package_policies;
#[cfg(test)]
mod plans;
mod preview_links;
mod publish_ends;
mod publish_logs;
mod publish_queue;
mod publish_row;
mod publishes;
mod quotas;
mod redeemed_tokens;
mod releases;
mod revisions;
mod scope;
mod secrets;
mod session_row;
mod sessions;
mod slugs;
mod standing;
mod store;
mod template_artifacts;
mod tenant_usage;
mod tenants;
mod tree_collection;
mod trees;
mod usage;
mod variables;
mod walks;

pub use accounts::Account;
pub use api_keys::{KeyRecord, NewKey};
pub use apps::{AppPatch, NewApp};
pub use artifacts::{ArtifactDocuments, NewArtifact};
pub use asset_collection::Collected;
pub use audit::AuditFilter;
pub use blob_collection::{Amount, CollectedContent};
pub use blob_survey::ContentSurvey;
pub use browser_sessions::{BrowserSession, NewBrowserSession};
pub use config::{AzureConfig, DatabaseConfig, GcsConfig, ObjectsConfig, S3Config, SecretText, StoreConfig};
pub use drafts::{ChangeCause, ChangeCommit, Draft};
pub use error::StoreError;
pub use host_users::{HostUser, Sight};
pub use hosting::{PERMALINK_SLUG_CHARS, SiteRelease, SiteRow, SlugName};
pub use idempotency::Idempotency;
pub use invites::{Accepted, Joining, NewInvite};
pub use layers::{LayerKind, LayerRow};
pub use leases::Lease;
pub use preview_links::{MOST_LINKS, NewPreviewLink, StoredLink};
pub use publish_ends::{PublishEnd, Switched};
pub use publish_logs::NewLogLine;
pub use publish_queue::{Claimed, Heartbeat};
pub use publishes::NewPublish;
pub use quotas::{Allowance, QuotaOverrides, Quotas};
pub use scope::Scope;
pub use secrets::{
    InvalidMasterKeys, KeyReport, MasterKeyError, MasterKeySource, MasterKeys, NewSecret, NotKept,
    OpenSecret, Rewrapped, Vault, VaultError,
};
pub use session_row::SessionRow;
pub use sessions::NewSession;
pub use standing::{Membership, Standing};
pub use store::Store;
pub use template_artifacts::TemplateArtifact;
pub use tenants::{NewTenant, TenantPatch};
pub use usage::UsageDay;
pub use walks::{Direction, Step, Walk};
