//! Connections: one that writes, several that read.
//!
//! SQLite has one writer at a time whatever one does. A pool of one connection for writing makes the others wait in a fair
//! queue here instead of polling the file's lock; readers see the last committed state and never wait for the writer.

use std::path::Path;

use sea_orm::{
    ConnectOptions, Database as Connector, DatabaseConnection, DatabaseTransaction, DbBackend, DbErr,
    IsolationLevel, SqliteTransactionMode, TransactionOptions, TransactionTrait,
};

use crate::config::DatabaseConfig;
use crate::error::StoreError;

/// Connections that read. Queries are short; more would only queue for the same two or four cores.
const READERS: u32 = 4;

/// How long SQLite waits for another process (a backup, the command line) to let go of the file.
const BUSY_TIMEOUT_MILLIS: &str = "10000";

/// The write-ahead log is cut back to this after a burst.
const WAL_BYTES: &str = "67108864";

/// The page cache of one connection, in KiB (negative by SQLite's convention).
const CACHE_KIB: &str = "-8192";

/// The database's connections.
pub(crate) struct Database {
    reader: DatabaseConnection,
    writer: DatabaseConnection,
}

impl Database {
    /// Connects, and makes what is missing.
    pub(crate) async fn connect(config: &DatabaseConfig) -> Result<Self, StoreError> {
        let DatabaseConfig::Sqlite { path } = config;
        if let Some(dir) = path.parent() {
            let unusable = |source| StoreError::Directory { path: dir.to_path_buf(), source };
            std::fs::create_dir_all(dir).map_err(unusable)?;
        }
        // The writer first: it makes the file and switches it to write-ahead logging.
        let writer = Connector::connect(sqlite_options(path, 1)).await?;
        let reader = Connector::connect(sqlite_options(path, READERS)).await?;
        Ok(Self { reader, writer })
    }

    /// For queries outside transactions.
    pub(crate) fn reader(&self) -> &DatabaseConnection {
        &self.reader
    }

    /// For migrations alone.
    pub(crate) fn writer(&self) -> &DatabaseConnection {
        &self.writer
    }

    /// Begins a transaction that writes; dropping it undoes it. Never begin one while holding another.
    pub(crate) async fn begin(&self) -> Result<DatabaseTransaction, DbErr> {
        let options = TransactionOptions {
            sqlite_transaction_mode: Some(SqliteTransactionMode::Immediate),
            ..TransactionOptions::default()
        };
        self.writer.begin_with_options(options).await
    }

    /// Begins a transaction whose queries all see the same state.
    pub(crate) async fn snapshot(&self) -> Result<DatabaseTransaction, DbErr> {
        let isolation = match self.reader.get_database_backend() {
            // A deferred SQLite transaction is a snapshot already.
            DbBackend::Sqlite => None,
            _ => Some(IsolationLevel::RepeatableRead),
        };
        let options = TransactionOptions { isolation_level: isolation, ..TransactionOptions::default() };
        self.reader.begin_with_options(options).await
    }
}

fn sqlite_options(path: &Path, connections: u32) -> ConnectOptions {
    let path = path.to_path_buf();
    let mut options = ConnectOptions::new("sqlite:vitrine.db");
    options
        .max_connections(connections)
        .min_connections(1)
        .sqlx_logging(false)
        .record_stmt_in_spans(false)
        .test_before_acquire(false)
        .max_lifetime(None)
        .idle_timeout(None)
        .map_sqlx_sqlite_opts(move |options| {
            options
                .filename(&path)
                .create_if_missing(true)
                .foreign_keys(true)
                .pragma("busy_timeout", BUSY_TIMEOUT_MILLIS)
                .pragma("journal_mode", "WAL")
                // FULL, not NORMAL: in WAL mode NORMAL loses acknowledged transactions with the power.
                .pragma("synchronous", "FULL")
                .pragma("journal_size_limit", WAL_BYTES)
                .pragma("cache_size", CACHE_KIB)
                .pragma("temp_store", "MEMORY")
        });
    options
}
