//! The truth about apps, drafts, revisions, sessions, publishes, releases and content: one database and one object store.
//!
//! - Everything a caller is told has happened is durable before the call returns.
//! - Every call names its tenant; what belongs to another tenant is [`StoreError::NotFound`]. The few calls without a
//!   [`Scope`] belong to the server itself and say so.
//! - Writes are transactions that do all or nothing; a call that is dropped half-way changes nothing or everything.
//! - The queries are built, not written, so that they are the same on SQLite and PostgreSQL: text ids, binary hashes,
//!   times as milliseconds since 1970 in 64-bit integers, partial unique indexes for "at most one".

mod apps;
mod artifacts;
mod asset_collection;
mod assets;
mod blob_cache;
mod blobs;
mod codec;
mod config;
mod cursor;
mod database;
mod deltas;
mod drafts;
mod entity;
mod entity_links;
mod entity_publishing;
mod error;
mod hosting;
mod idempotency;
mod keys;
mod layers;
mod leases;
mod migration;
mod object_clouds;
mod objects;
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
mod session_row;
mod sessions;
mod slugs;
mod store;
mod template_artifacts;
mod tenant_usage;
mod trees;
mod usage;

pub use apps::{AppPatch, NewApp};
pub use artifacts::{ArtifactDocuments, NewArtifact};
pub use asset_collection::Collected;
pub use config::{AzureConfig, DatabaseConfig, GcsConfig, ObjectsConfig, S3Config, SecretText, StoreConfig};
pub use drafts::{ChangeCause, ChangeCommit, Draft};
pub use error::StoreError;
pub use hosting::{PERMALINK_SLUG_CHARS, SiteRelease, SiteRow, SlugName};
pub use idempotency::Idempotency;
pub use layers::{LayerKind, LayerRow};
pub use leases::Lease;
pub use preview_links::{MOST_LINKS, NewPreviewLink, StoredLink};
pub use publish_ends::{PublishEnd, Switched};
pub use publish_logs::NewLogLine;
pub use publish_queue::{Claimed, Heartbeat};
pub use publishes::NewPublish;
pub use quotas::{Allowance, QuotaOverrides, Quotas};
pub use scope::Scope;
pub use session_row::SessionRow;
pub use sessions::NewSession;
pub use store::Store;
pub use template_artifacts::TemplateArtifact;
pub use usage::UsageDay;
