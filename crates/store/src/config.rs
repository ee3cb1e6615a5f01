//! Where the store keeps things.

use std::path::PathBuf;

/// Where everything is.
#[derive(Debug, Clone)]
pub struct StoreConfig {
    /// Metadata and small content.
    pub database: DatabaseConfig,
    /// Large content.
    pub objects: ObjectsConfig,
}

/// The database.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum DatabaseConfig {
    /// One file, made when missing; a second process may read it, and should not write it.
    Sqlite {
        /// The file. SQLite keeps `-wal` and `-shm` files beside it.
        path: PathBuf,
    },
}

/// The object store.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ObjectsConfig {
    /// A directory on a local disk, made when missing.
    Local {
        /// The directory.
        dir: PathBuf,
    },
}
