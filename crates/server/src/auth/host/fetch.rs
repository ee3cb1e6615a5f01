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

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
    use tokio::net::TcpListener;

    use super::*;

    /// Asks a server that answers every request with these bytes.
    async fn asked(answer: String) -> Result<JwkSet, String> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/jwks", listener.local_addr().unwrap());
        let serving = tokio::spawn(async move {
            loop {
                let (mut stream, _) = listener.accept().await.unwrap();
                let mut head = [0; 1024];
                let _ = stream.read(&mut head).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            }
        });
        let fetched = HttpJwks::new(&url).unwrap().fetch().await;
        serving.abort();
        fetched
    }

    fn ok(body: &str) -> String {
        format!("HTTP/1.1 200 OK\r\ncontent-length: {}\r\nconnection: close\r\n\r\n{body}", body.len())
    }

    #[tokio::test]
    async fn keys_are_read_and_members_of_other_kinds_are_left_out() {
        let key = r#"{"kty":"EC","crv":"P-256","kid":"k1","x":"AA","y":"AA"}"#;
        let set = asked(ok(&format!(r#"{{"keys":[{key},7,"x"],"more":1}}"#))).await.unwrap();
        assert_eq!(set.keys.len(), 1);
        assert!(set.find("k1").is_some());
    }

    #[tokio::test]
    async fn what_is_no_list_of_keys_is_refused() {
        assert!(asked(ok("[]")).await.is_err());
        assert!(asked(ok("<html>")).await.is_err());
        assert!(
            asked("HTTP/1.1 500 Oh\r\ncontent-length: 0\r\nconnection: close\r\n\r\n".to_owned())
                .await
                .is_err()
        );
        let long = format!(r#"{{"keys":[],"padding":"{}"}}"#, "x".repeat(MOST_BYTES));
        assert!(asked(ok(&long)).await.unwrap_err().contains("more than"));
    }

    #[tokio::test]
    async fn a_redirect_is_not_followed() {
        let to =
            "HTTP/1.1 302 Found\r\nlocation: /elsewhere\r\ncontent-length: 0\r\nconnection: close\r\n\r\n";
        assert!(asked(to.to_owned()).await.unwrap_err().contains("302"));
    }
}
