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

/// The object store. A place belongs to one Vitrine alone: what its database does not know is removed in time.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub enum ObjectsConfig {
    /// A directory on a local disk, made when missing.
    Local {
        /// The directory.
        dir: PathBuf,
    },
    /// Amazon S3, or a server that speaks its protocol.
    S3(S3Config),
    /// Azure Blob Storage.
    Azure(AzureConfig),
    /// Google Cloud Storage.
    Gcs(GcsConfig),
}

/// A bucket of S3, which is there already.
#[derive(Debug, Clone, Default)]
pub struct S3Config {
    /// The bucket.
    pub bucket: String,
    /// Its region; `us-east-1` when absent.
    pub region: Option<String>,
    /// The server, as `https://host:port`; Amazon's when absent.
    pub endpoint: Option<String>,
    /// The name of the key. Without it, what Amazon's tools look at is used: `AWS_…` variables, the machine's role.
    pub access_key: Option<String>,
    /// The key.
    pub secret_key: Option<SecretText>,
    /// True to speak HTTP without TLS, for a server on the same machine or a network that is trusted.
    pub allow_http: bool,
    /// True when the bucket stands in the path rather than in the host, as most servers other than Amazon's want it.
    pub path_style: bool,
    /// Folder inside the bucket; the whole bucket when absent.
    pub prefix: Option<String>,
}

/// A container of Azure Blob Storage, which is there already.
#[derive(Debug, Clone, Default)]
pub struct AzureConfig {
    /// The storage account.
    pub account: String,
    /// The container.
    pub container: String,
    /// The account's key. Without it, what Azure's tools look at is used: `AZURE_…` variables, the machine's identity.
    pub access_key: Option<SecretText>,
    /// The server; Azure's when absent.
    pub endpoint: Option<String>,
    /// True to speak HTTP without TLS.
    pub allow_http: bool,
    /// Folder inside the container; all of it when absent.
    pub prefix: Option<String>,
}

/// A bucket of Google Cloud Storage, which is there already.
#[derive(Debug, Clone, Default)]
pub struct GcsConfig {
    /// The bucket.
    pub bucket: String,
    /// The file with the service account's key. Without it, what Google's tools look at is used: `GOOGLE_…` variables,
    /// the machine's identity.
    pub service_account: Option<PathBuf>,
    /// The server; Google's when absent.
    pub endpoint: Option<String>,
    /// True to speak HTTP without TLS.
    pub allow_http: bool,
    /// Folder inside the bucket; the whole bucket when absent.
    pub prefix: Option<String>,
}

/// A text that no log shows.
#[derive(Clone, Default)]
pub struct SecretText(String);

impl SecretText {
    /// The text itself.
    pub fn reveal(&self) -> &str {
        &self.0
    }
}

impl From<String> for SecretText {
    fn from(text: String) -> Self {
        Self(text)
    }
}

impl std::fmt::Debug for SecretText {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("[secret]")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_configuration_in_a_log_shows_no_key() {
        let config = S3Config { secret_key: Some("hunter2".to_owned().into()), ..S3Config::default() };
        let shown = format!("{:?}", ObjectsConfig::S3(config));
        assert!(shown.contains("[secret]") && !shown.contains("hunter2"), "{shown}");
    }
}
