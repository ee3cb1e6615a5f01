//! The store itself: opening it, and what all of its parts share.

use std::sync::atomic::AtomicU8;
use std::sync::{Arc, OnceLock};

use moka::future::Cache;
use sea_orm::DatabaseTransaction;
use sea_orm_migration::MigratorTrait as _;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{AppId, Sha256, Timestamp, Tree};

use crate::blob_cache::BlobCache;
use crate::config::StoreConfig;
use crate::database::Database;
use crate::drafts::{self, Draft};
use crate::error::StoreError;
use crate::migration::Migrator;
use crate::objects::Objects;
use crate::quotas::Quotas;
use crate::trees;

/// A handle on the store; clones share one.
#[derive(Clone)]
pub struct Store(pub(crate) Arc<Inner>);

pub(crate) struct Inner {
    pub(crate) db: Database,
    pub(crate) objects: Objects,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
    /// Trees by hash: never stale.
    pub(crate) trees: Cache<Sha256, Arc<Tree>>,
    /// Drafts by app; possibly stale, so a hit counts only at the version that the database says.
    pub(crate) drafts: Cache<AppId, Draft>,
    pub(crate) blobs: BlobCache,
    /// What tenants may have that have no limits of their own.
    pub(crate) default_quotas: OnceLock<Quotas>,
    /// Where the next listing of objects begins: shards are taken in turns, so that none is never looked at.
    pub(crate) next_shard: AtomicU8,
    /// Held while objects are collected.
    pub(crate) collecting: tokio::sync::Mutex<()>,
    /// Held while content of drafts is collected.
    pub(crate) collecting_content: tokio::sync::Mutex<()>,
}

impl Store {
    /// Opens the store, makes what is missing, and brings the schema up to date. Opening a store of a newer Vitrine is
    /// refused. One process at a time may have a SQLite store open for writing; the server sees to that.
    pub async fn open(
        config: StoreConfig,
        clock: Arc<dyn Clock>,
        entropy: Arc<dyn Entropy>,
    ) -> Result<Self, StoreError> {
        let db = Database::connect(&config.database).await?;
        Migrator::up(db.writer(), None).await?;
        let objects = Objects::open(&config.objects).await?;
        Ok(Self(Arc::new(Inner {
            db,
            objects,
            clock,
            entropy,
            trees: trees::cache(),
            drafts: drafts::cache(),
            blobs: BlobCache::default(),
            default_quotas: OnceLock::new(),
            next_shard: AtomicU8::new(0),
            collecting: tokio::sync::Mutex::default(),
            collecting_content: tokio::sync::Mutex::default(),
        })))
    }

    /// Asks the database and the object store for a sign of life; for readiness.
    pub async fn check(&self) -> Result<(), StoreError> {
        self.0.db.reader().ping().await?;
        self.0.objects.check().await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.0.clock.now()
    }

    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, StoreError> {
        Ok(self.0.db.begin().await?)
    }
}
