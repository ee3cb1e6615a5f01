//! Object stores over the network: S3 and what speaks like it, Azure, Google. How long one waits and how often one tries
//! again is the same for all.

use std::sync::Arc;
use std::time::Duration;

use object_store::aws::AmazonS3Builder;
use object_store::azure::MicrosoftAzureBuilder;
use object_store::gcp::GoogleCloudStorageBuilder;
use object_store::prefix::PrefixStore;
use object_store::{BackoffConfig, ClientOptions, ObjectStore, RetryConfig};

use crate::config::{AzureConfig, GcsConfig, S3Config};
use crate::error::StoreError;

/// Tries after the first. Refused and cut connections, 429 and 5xx are tried again; refusals are not.
const MOST_RETRIES: usize = 5;

/// All tries of one request together; a publish rather fails with a clear reason than hangs.
const RETRY_TIME: Duration = Duration::from_secs(60);

/// Between tries, doubled from the first to the last, with jitter.
const FIRST_PAUSE: Duration = Duration::from_millis(100);
const LONGEST_PAUSE: Duration = Duration::from_secs(5);

/// To connect.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// For one request with its body: 100 MB in it are 14 Mbit/s.
const REQUEST_TIMEOUT: Duration = Duration::from_secs(60);

/// A bucket of S3.
pub(crate) fn s3(config: &S3Config) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut builder = match &config.access_key {
        Some(key) => AmazonS3Builder::new().with_access_key_id(key),
        None => AmazonS3Builder::from_env(),
    };
    if let Some(secret) = &config.secret_key {
        builder = builder.with_secret_access_key(secret.reveal());
    }
    if let Some(region) = &config.region {
        builder = builder.with_region(region);
    }
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint);
    }
    let builder = builder
        .with_bucket_name(&config.bucket)
        .with_virtual_hosted_style_request(!config.path_style)
        .with_client_options(client(config.allow_http))
        .with_retry(retry());
    Ok(inside(builder.build()?, config.prefix.as_deref()))
}

/// A container of Azure Blob Storage.
pub(crate) fn azure(config: &AzureConfig) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut builder = match &config.access_key {
        Some(key) => MicrosoftAzureBuilder::new().with_access_key(key.reveal()),
        None => MicrosoftAzureBuilder::from_env(),
    };
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_endpoint(endpoint.clone());
    }
    let builder = builder
        .with_account(&config.account)
        .with_container_name(&config.container)
        .with_client_options(client(config.allow_http))
        .with_retry(retry());
    Ok(inside(builder.build()?, config.prefix.as_deref()))
}

/// A bucket of Google Cloud Storage.
pub(crate) fn gcs(config: &GcsConfig) -> Result<Arc<dyn ObjectStore>, StoreError> {
    let mut builder = match &config.service_account {
        Some(file) => GoogleCloudStorageBuilder::new().with_service_account_path(file.to_string_lossy()),
        None => GoogleCloudStorageBuilder::from_env(),
    };
    if let Some(endpoint) = &config.endpoint {
        builder = builder.with_base_url(endpoint);
    }
    let builder = builder
        .with_bucket_name(&config.bucket)
        .with_client_options(client(config.allow_http))
        .with_retry(retry());
    Ok(inside(builder.build()?, config.prefix.as_deref()))
}

fn client(allow_http: bool) -> ClientOptions {
    // Whoever installed a provider before us installed the same: there is only one in the tree.
    _ = rustls::crypto::ring::default_provider().install_default();
    ClientOptions::new()
        .with_allow_http(allow_http)
        .with_connect_timeout(CONNECT_TIMEOUT)
        .with_timeout(REQUEST_TIMEOUT)
}

fn retry() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig { init_backoff: FIRST_PAUSE, max_backoff: LONGEST_PAUSE, base: 2.0 },
        max_retries: MOST_RETRIES,
        retry_timeout: RETRY_TIME,
    }
}

fn inside(store: impl ObjectStore, prefix: Option<&str>) -> Arc<dyn ObjectStore> {
    match prefix {
        Some(prefix) if !prefix.is_empty() => Arc::new(PrefixStore::new(store, prefix)),
        _ => Arc::new(store),
    }
}
