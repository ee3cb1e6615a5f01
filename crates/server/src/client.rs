//! The command line's way to a running server: one JSON request at a time, over plain HTTP.

use std::time::Duration;

use bytes::Bytes;
use http::header::{AUTHORIZATION, CONTENT_TYPE, HOST};
use http::{Method, Request, StatusCode, Uri};
use http_body_util::{BodyExt as _, Full, Limited};
use hyper_util::rt::TokioIo;
use serde::Serialize;
use serde::de::DeserializeOwned;
use tokio::net::TcpStream;
use vitrine_model::problem::Problem;

use crate::Failure;
use crate::cli::ServerArgs;
use crate::config::Config;

/// Bytes of an answer: lists and manifests are smaller.
const MOST_ANSWER_BYTES: usize = 64 * 1024 * 1024;

/// How long an answer may take; long work answers at once with something to watch.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(60);

/// A server, and the key to it.
pub(crate) struct Client {
    /// Where it is dialled.
    authority: String,
    /// What it is called.
    host: String,
    key: String,
}

impl Client {
    /// The server that the arguments name, or the one that the configuration would start on this machine.
    pub(crate) fn new(config: &Config, args: &ServerArgs) -> Result<Self, Failure> {
        let url = args.url.clone().unwrap_or_else(|| format!("http://{}", config.server.listen));
        let uri: Uri = url.parse().map_err(|_| Failure::unusable(format!("`{url}` is not a URL")))?;
        if uri.scheme_str() != Some("http") {
            let reason =
                "this command speaks plain HTTP: run it on the server's machine, or through a tunnel";
            return Err(Failure::unusable(format!("{url}: {reason}")));
        }
        let authority =
            uri.authority().ok_or_else(|| Failure::unusable(format!("`{url}` names no host")))?.to_string();
        let key = match (&args.key, config.server.admin_key.as_str()) {
            (Some(key), _) => key.clone(),
            (None, "") => kept_key(config)?,
            (None, key) => key.to_owned(),
        };
        // A server that was told its public name answers to that alone, also on its own machine.
        let host = match (args.url.as_ref(), config.server.public_url.parse::<Uri>()) {
            (None, Ok(public)) => public.authority().map(ToString::to_string),
            _ => None,
        };
        let host = host.unwrap_or_else(|| authority.clone());
        Ok(Self { authority, host, key })
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
        let exchange = tokio::time::timeout(timeout, self.exchange(method, path, body)).await;
        let silent = || Failure::failed(format!("{} did not answer within {timeout:?}", self.authority));
        let (status, bytes) = exchange.map_err(|_| silent())??;
        if status.is_success() {
            return serde_json::from_slice(&bytes).map_err(|error| {
                Failure::failed(format!("the server's answer was not understood: {error}"))
            });
        }
        Err(match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => Failure::failed(format!("{}: {}", problem.title, problem.detail)),
            Err(_) => Failure::failed(format!("the server answered with status {status}")),
        })
    }

    async fn exchange(
        &self,
        method: Method,
        path: &str,
        body: Option<&impl Serialize>,
    ) -> Result<(StatusCode, Bytes), Failure> {
        let unreachable = |error: &dyn std::fmt::Display| {
            Failure::failed(format!("no server answers at {}: {error}", self.authority))
        };
        let address = match self.authority.contains(':') {
            true => self.authority.clone(),
            false => format!("{}:80", self.authority),
        };
        let stream = TcpStream::connect(&address).await.map_err(|error| unreachable(&error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| unreachable(&error))?;
        tokio::spawn(connection);
        let json = body.map(serde_json::to_vec).transpose().map_err(Failure::failed)?;
        let request = Request::builder()
            .method(method)
            .uri(path)
            .header(HOST, &self.host)
            .header(AUTHORIZATION, format!("Bearer {}", self.key))
            .header(CONTENT_TYPE, "application/json")
            .body(Full::new(Bytes::from(json.unwrap_or_default())))
            .map_err(Failure::failed)?;
        let response = sender.send_request(request).await.map_err(|error| unreachable(&error))?;
        let status = response.status();
        let body = Limited::new(response.into_body(), MOST_ANSWER_BYTES).collect().await;
        Ok((status, body.map_err(Failure::failed)?.to_bytes()))
    }
}

fn kept_key(config: &Config) -> Result<String, Failure> {
    let path = config.data_dir().join("admin-key");
    let key = std::fs::read_to_string(&path).map_err(|error| {
        Failure::unusable(format!("give --key: {} cannot be read: {error}", path.display()))
    })?;
    Ok(key.trim().to_owned())
}
