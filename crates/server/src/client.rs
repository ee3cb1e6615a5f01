//! The command line's way to a server: `/v1` over HTTP or HTTPS, with a key.

mod events;
mod refusal;

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST, RETRY_AFTER};
use http::{Method, StatusCode, Uri};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

pub(crate) use events::{Events, ServerEvent};
pub(crate) use refusal::Refusal;

use crate::Failure;
use crate::cli::ServerArgs;
use crate::config::Config;

/// Bytes of an answer: lists and manifests are smaller.
const MOST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How long an answer may take; long work answers at once with something to watch.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// How long a server may take to be there at all.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);

/// How long is waited when the server says that it is too much at the moment; what is longer is said to the person.
const MOST_WAIT: Duration = Duration::from_secs(10);

/// How often it is waited.
const MOST_WAITS: u32 = 3;

/// A server, and the key to it.
#[derive(Clone)]
pub(crate) struct Client {
    http: reqwest::Client,
    /// Scheme and authority, as it is dialled.
    origin: String,
    /// What it is called, when that is something else.
    host: Option<String>,
    key: String,
}

/// What is sent as a body.
#[derive(Clone)]
pub(crate) struct Content {
    pub(crate) kind: String,
    pub(crate) bytes: Bytes,
}

impl Content {
    /// A value as JSON.
    pub(crate) fn json(value: &impl Serialize) -> Result<Self, Failure> {
        let bytes = serde_json::to_vec(value).map_err(Failure::failed)?.into();
        Ok(Self { kind: "application/json".to_owned(), bytes })
    }

    /// The bytes of a file.
    pub(crate) fn file(bytes: Bytes) -> Self {
        Self { kind: "application/octet-stream".to_owned(), bytes }
    }
}

impl Client {
    /// The server that the arguments name, or the one that the configuration would start on this machine.
    pub(crate) fn new(config: &Config, args: &ServerArgs) -> Result<Self, Failure> {
        let url = args.server.clone().unwrap_or_else(|| format!("http://{}", config.server.listen));
        let uri: Uri = url.parse().map_err(|_| Failure::unusable(format!("`{url}` is not a URL")))?;
        let (Some(scheme @ ("http" | "https")), Some(authority)) = (uri.scheme_str(), uri.authority()) else {
            return Err(Failure::unusable(format!(
                "`{url}` is not the URL of a server: http(s)://host:port"
            )));
        };
        // A server that was told its public name answers to that alone, also on its own machine.
        let host = match (args.server.as_ref(), config.server.public_url.parse::<Uri>()) {
            (None, Ok(public)) => public.authority().map(ToString::to_string),
            _ => None,
        };
        let is_here = is_this_machine(authority.host());
        if scheme == "http" && !is_here {
            warn_of_plain_http(authority.host());
        }
        let key = args.key(config)?;
        Ok(Self { http: dialler(is_here)?, origin: format!("{scheme}://{authority}"), host, key })
    }

    /// Where the server is.
    pub(crate) fn origin(&self) -> &str {
        &self.origin
    }

    /// Asks, and reads the answer; a problem document is a failure with its words.
    pub(crate) async fn call<T: DeserializeOwned>(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Failure> {
        self.call_within(ANSWER_TIMEOUT, method, path, body).await
    }

    /// As [`Client::call`], for what may take longer.
    pub(crate) async fn call_within<T: DeserializeOwned>(
        &self,
        timeout: Duration,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<T, Failure> {
        let content = body.map(Content::json).transpose()?;
        let exchange = async {
            let response = self.open(method, path, content, &[]).await?;
            self.read_all(response).await
        };
        let bytes = tokio::time::timeout(timeout, exchange).await.map_err(|_| self.silent(timeout))??;
        // 204: done, and nothing to say.
        let bytes = if bytes.is_empty() { Bytes::from_static(b"null") } else { bytes };
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::failed(format!("the server's answer was not understood: {error}")))
    }

    /// Reads a resource.
    pub(crate) async fn get<T: DeserializeOwned>(&self, path: &str) -> Result<T, Failure> {
        self.call(Method::GET, path, None::<&()>).await
    }

    /// All items of a list, page after page.
    pub(crate) async fn list(&self, path: &str) -> Result<Vec<Value>, Failure> {
        let (mut all, mut cursor) = (Vec::new(), None::<String>);
        loop {
            let query = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
            let mut page: Value = self.get(&format!("{path}?limit=200{query}")).await?;
            if let Some(items) = page["items"].as_array_mut() {
                all.append(items);
            }
            cursor = page["next_cursor"].as_str().map(str::to_owned);
            if cursor.is_none() {
                return Ok(all);
            }
        }
    }

    /// The bytes that a path answers with, at most `most`.
    pub(crate) async fn bytes(&self, path: &str, most: usize) -> Result<Bytes, Failure> {
        let exchange = async {
            let response = self.open(Method::GET, path, None, &[]).await?;
            self.read(response, most).await
        };
        tokio::time::timeout(ANSWER_TIMEOUT, exchange).await.map_err(|_| self.silent(ANSWER_TIMEOUT))?
    }

    /// Sends content that is no JSON, for an answer that says nothing.
    pub(crate) async fn put(&self, path: &str, content: Content) -> Result<(), Failure> {
        let exchange = self.open(Method::PUT, path, Some(content), &[]);
        let answered = tokio::time::timeout(ANSWER_TIMEOUT, exchange).await;
        answered.map_err(|_| self.silent(ANSWER_TIMEOUT))?.map(drop)
    }

    /// Sends a body that tells how far it is; it cannot be repeated. Reads the answer as JSON.
    pub(crate) async fn post_stream(
        &self,
        path: &str,
        kind: &str,
        body: reqwest::Body,
    ) -> Result<Value, Failure> {
        let request = self.request(Method::POST, path).header(CONTENT_TYPE, kind).body(body);
        let response = request.send().await.map_err(|error| self.unreachable(&error))?;
        let response = self.accept(response).await?;
        let bytes = self.read_all(response).await?;
        serde_json::from_slice(&bytes)
            .map_err(|error| Failure::failed(format!("the server's answer was not understood: {error}")))
    }

    /// Follows a stream of events, after the event `last` when that is given.
    pub(crate) async fn events(&self, path: &str, last: Option<&str>) -> Result<Events, Failure> {
        let headers: Vec<_> = last.map(|last| ("last-event-id", last)).into_iter().collect();
        let opening = self.open(Method::GET, path, None, &headers);
        let response = tokio::time::timeout(ANSWER_TIMEOUT, opening).await;
        Ok(Events::new(response.map_err(|_| self.silent(ANSWER_TIMEOUT))??))
    }

    /// Sends a request until the server takes it on, and returns its answer, whose body is not read yet. Waits a while
    /// when there is too much going on. What changes something has a key under which it is done once, so that it can be sent
    /// again when the connection was lost before there was an answer.
    pub(crate) async fn open(
        &self,
        method: Method,
        path: &str,
        content: Option<Content>,
        headers: &[(&str, &str)],
    ) -> Result<reqwest::Response, Failure> {
        let once = (!method.is_safe()).then(idempotency_key);
        let (mut waits, mut is_again) = (0, false);
        loop {
            let mut request = self.request(method.clone(), path);
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            if let Some(key) = &once {
                request = request.header("idempotency-key", key);
            }
            if let Some(content) = &content {
                request = request.header(CONTENT_TYPE, &content.kind).body(content.bytes.clone());
            }
            let response = match request.send().await {
                Ok(response) => response,
                Err(error) if !error.is_connect() && !is_again => {
                    is_again = true;
                    continue;
                }
                Err(error) => return Err(self.unreachable(&error)),
            };
            match asked_to_wait(&response) {
                Some(wait) if waits < MOST_WAITS => {
                    waits += 1;
                    tokio::time::sleep(wait).await;
                }
                _ => return self.accept(response).await,
            }
        }
    }

    fn request(&self, method: Method, path: &str) -> reqwest::RequestBuilder {
        let request = self.http.request(method, format!("{}{path}", self.origin));
        let request = request.header(AUTHORIZATION, format!("Bearer {}", self.key));
        match &self.host {
            Some(host) => request.header(HOST, host),
            None => request,
        }
    }

    /// The answer when it is a success, and what it says when not.
    async fn accept(&self, response: reqwest::Response) -> Result<reqwest::Response, Failure> {
        let status = response.status();
        if status.is_success() {
            return Ok(response);
        }
        let body = self.read_all(response).await?;
        Err(Failure::refused(Refusal::read(status.as_u16(), &body)))
    }

    async fn read_all(&self, response: reqwest::Response) -> Result<Bytes, Failure> {
        self.read(response, MOST_ANSWER_BYTES).await
    }

    async fn read(&self, mut response: reqwest::Response, most: usize) -> Result<Bytes, Failure> {
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(|error| self.unreachable(&error))? {
            if bytes.len() + chunk.len() > most {
                return Err(Failure::failed(format!("the server's answer has more than {most} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        Ok(bytes.into())
    }

    fn silent(&self, timeout: Duration) -> Failure {
        Failure::unreachable(format!("{} did not answer within {timeout:?}", self.origin))
    }

    fn unreachable(&self, error: &reqwest::Error) -> Failure {
        let mut cause: &dyn std::error::Error = error;
        while let Some(deeper) = cause.source() {
            cause = deeper;
        }
        Failure::unreachable(format!("no server answers at {}: {cause}", self.origin))
    }
}

/// How long the server asks to wait, when it refused for now and that is not long.
fn asked_to_wait(response: &reqwest::Response) -> Option<Duration> {
    let is_for_now =
        matches!(response.status(), StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE);
    let secs = response.headers().get(RETRY_AFTER)?.to_str().ok()?.parse().ok()?;
    Some(Duration::from_secs(secs)).filter(|wait| is_for_now && *wait <= MOST_WAIT)
}

fn idempotency_key() -> String {
    let mut bytes = [0; 16];
    rand::fill(&mut bytes);
    data_encoding::HEXLOWER.encode(&bytes)
}

fn dialler(is_here: bool) -> Result<reqwest::Client, Failure> {
    // Whoever installed a provider before us installed the same: there is only one in the tree.
    _ = rustls::crypto::ring::default_provider().install_default();
    let builder = reqwest::Client::builder()
        .connect_timeout(CONNECT_TIMEOUT)
        // The server is where the person says it is, and the key goes nowhere else.
        .redirect(reqwest::redirect::Policy::none())
        .user_agent(concat!("vitrine/", env!("CARGO_PKG_VERSION")));
    let builder = if is_here { builder.no_proxy() } else { builder };
    builder.build().map_err(Failure::failed)
}

fn is_this_machine(host: &str) -> bool {
    let bare = host.trim_start_matches('[').trim_end_matches(']');
    let is_name = bare == "localhost" || bare.ends_with(".localhost");
    is_name || bare.parse::<std::net::IpAddr>().is_ok_and(|ip| ip.is_loopback() || ip.is_unspecified())
}

fn warn_of_plain_http(host: &str) {
    eprintln!(
        "vitrine: the key goes to {host} over plain HTTP, where others on the way can read it; use https"
    );
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn this_machine_is_known_by_all_its_names() {
        let here = ["localhost", "a.localhost", "127.0.0.1", "[::1]", "0.0.0.0", "127.8.0.1"];
        assert!(here.iter().all(|host| is_this_machine(host)));
        let elsewhere = ["example.com", "localhost.example.com", "10.0.0.1", "[2001:db8::1]"];
        assert!(!elsewhere.iter().any(|host| is_this_machine(host)));
    }
}
