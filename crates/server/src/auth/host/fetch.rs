//! Fetching the host product's keys over HTTP.

use std::time::Duration;

use async_trait::async_trait;
use jsonwebtoken::jwk::{Jwk, JwkSet};
use serde::Deserialize;
use serde_json::Value;

use super::JwksFetch;

/// Callers wait for this: a host product that does not answer must not hold them up for long.
const TIMEOUT: Duration = Duration::from_secs(5);

/// Bytes of the largest set: a key is a kilobyte.
const MOST_BYTES: usize = 256 * 1024;

/// A URL that answers with a set of keys.
pub(crate) struct HttpJwks {
    client: reqwest::Client,
    url: String,
}

impl HttpJwks {
    /// Redirects are not followed: the keys are where the configuration says.
    pub(crate) fn new(url: &str) -> Result<Self, reqwest::Error> {
        // Whoever installed a provider before us installed the same: there is only one in the tree.
        _ = rustls::crypto::ring::default_provider().install_default();
        let client = reqwest::Client::builder().timeout(TIMEOUT).redirect(reqwest::redirect::Policy::none());
        Ok(Self { client: client.build()?, url: url.to_owned() })
    }
}

#[async_trait]
impl JwksFetch for HttpJwks {
    async fn fetch(&self) -> Result<JwkSet, String> {
        let mut response = self.client.get(&self.url).send().await.map_err(|error| error.to_string())?;
        if !response.status().is_success() {
            return Err(format!("{} answered with status {}", self.url, response.status()));
        }
        let mut body = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| error.to_string())? {
            if body.len() + chunk.len() > MOST_BYTES {
                return Err(format!("{} has more than {MOST_BYTES} bytes", self.url));
            }
            body.extend_from_slice(&chunk);
        }
        read_set(&body)
    }
}

/// A set of keys from JSON; members that are no keys of a kind we know are left out.
pub(crate) fn read_set(json: &[u8]) -> Result<JwkSet, String> {
    #[derive(Deserialize)]
    struct Set {
        keys: Vec<Value>,
    }
    let set: Set = serde_json::from_slice(json).map_err(|error| format!("it is no set of keys: {error}"))?;
    let keys = set.keys.into_iter().filter_map(|key| serde_json::from_value::<Jwk>(key).ok());
    Ok(JwkSet { keys: keys.collect() })
}
