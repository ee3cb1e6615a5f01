//! The truth about apps, drafts, revisions, sessions and content: one database and one object store.
//!
//! - Everything a caller is told has happened is durable before the call returns.
//! - Every call names its tenant; what belongs to another tenant is [`StoreError::NotFound`]. The few calls without a
//!   [`Scope`] belong to the server itself and say so.
//! - Writes are transactions that do all or nothing; a call that is dropped half-way changes nothing or everything.
//! - The queries are built, not written, so that they are the same on SQLite and PostgreSQL: text ids, binary hashes,
//!   times as milliseconds since 1970 in 64-bit integers, partial unique indexes for "at most one".

mod apps;
mod blob_cache;
mod blobs;
mod codec;
mod config;
mod cursor;
mod database;
mod deltas;
mod drafts;
mod entity;
mod error;
mod idempotency;
mod keys;
mod layers;
mod leases;
mod migration;
mod objects;
#[cfg(test)]
mod plans;
mod revisions;
mod scope;
mod session_row;
mod sessions;
mod slugs;
mod store;
mod trees;

pub use apps::{AppPatch, NewApp};
pub use config::{DatabaseConfig, ObjectsConfig, StoreConfig};
pub use drafts::{ChangeCause, ChangeCommit, Draft};
pub use error::StoreError;
pub use idempotency::Idempotency;
pub use layers::{LayerKind, LayerRow};
pub use leases::Lease;
pub use scope::Scope;
pub use session_row::SessionRow;
pub use sessions::NewSession;
pub use store::Store;
