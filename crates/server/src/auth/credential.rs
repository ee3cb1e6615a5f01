//! What a request presents to be let in by.

use http::{HeaderMap, header};
use vitrine_model::hash::Sha256Hasher;
use vitrine_model::{Sha256, TenantId};

use super::cookies::Cookies;

/// Bytes of a bearer token: ours are short, a host product's has its claims in it.
const MOST_BEARER_BYTES: usize = 8 * 1024;

/// What stands before a key in a subprotocol.
const BEARER_PROTOCOL: &str = "bearer.";

/// The key in a subprotocol of a request for a WebSocket: browsers let pages say nothing else when they open one. Whoever shows
/// one is that caller and no other: a cookie that comes along does not count.
pub(crate) fn bearer_protocol(headers: &HeaderMap) -> Option<&str> {
    let is_socket =
        headers.get(header::UPGRADE).is_some_and(|to| to.as_bytes().eq_ignore_ascii_case(b"websocket"));
    let lines = headers.get_all(header::SEC_WEBSOCKET_PROTOCOL).iter().filter(|_| is_socket);
    let mut protocols = lines.filter_map(|line| line.to_str().ok()).flat_map(|line| line.split(','));
    protocols.find_map(|protocol| protocol.trim().strip_prefix(BEARER_PROTOCOL))
}

/// What a request presents. A header counts before a cookie, which browsers send unasked.
pub(super) enum Credential {
    /// The word after `Bearer`.
    Bearer(String),
    /// What the builder page's cookie holds.
    Browser(String),
}

impl Credential {
    /// What the headers present; `None` when that is nothing, or nothing that could be valid.
    pub(super) fn of(headers: &HeaderMap, cookies: &Cookies) -> Option<Self> {
        let Some(value) = headers.get(header::AUTHORIZATION) else {
            if let Some(token) = bearer_protocol(headers) {
                let is_token = (1..=MOST_BEARER_BYTES).contains(&token.len());
                return is_token.then(|| Self::Bearer(token.to_owned()));
            }
            return cookies.read(headers).map(|cookie| Self::Browser(cookie.to_owned()));
        };
        let (scheme, token) = value.to_str().ok()?.split_once(' ')?;
        let token = token.trim();
        let is_bearer =
            scheme.eq_ignore_ascii_case("bearer") && (1..=MOST_BEARER_BYTES).contains(&token.len());
        is_bearer.then(|| Self::Bearer(token.to_owned()))
    }

    /// The name under which it is remembered, which tells nothing about it.
    pub(super) fn fingerprint(&self, tenant: Option<&TenantId>) -> Sha256 {
        let (kind, text) = match self {
            Self::Bearer(text) => ("bearer", text),
            Self::Browser(text) => ("browser", text),
        };
        let mut hasher = Sha256Hasher::default();
        for part in [kind, tenant.map_or("", TenantId::as_str), text] {
            hasher.update(&(part.len() as u64).to_be_bytes());
            hasher.update(part.as_bytes());
        }
        hasher.finish()
    }
}
