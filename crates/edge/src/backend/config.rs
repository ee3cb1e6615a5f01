//! The settings of the way to the back end: one upstream for every app, checked once at start.

use std::str::FromStr;
use std::time::Duration;

use http::header::{self, HeaderName, HeaderValue};

use super::path;

/// What Vitrine keeps for itself on every origin.
const RESERVED_PATH: &str = "/.vitrine";

/// Headers the operator cannot add: they belong to one connection, or say what Vitrine alone may say.
const RESERVED_HEADERS: [HeaderName; 12] = [
    header::CONNECTION,
    header::CONTENT_LENGTH,
    header::COOKIE,
    header::EXPECT,
    header::FORWARDED,
    header::HOST,
    header::TE,
    header::TRAILER,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("x-request-id"),
];

/// Families of such headers.
const RESERVED_PREFIXES: [&str; 3] = ["x-forwarded-", "x-vitrine-", "sec-"];

/// What the way to the back end is told at start.
#[derive(Clone)]
pub struct BackendConfig {
    /// Where apps find the back end on their own origin, for example `/api/py`. A trailing slash does not matter.
    pub path: String,
    /// The back end. With none, every request is answered 503.
    pub upstream: Option<BackendUpstream>,
    /// From dialling, with the name looked up, to a connection.
    pub connect_timeout: Duration,
    /// From the end of the request, or its last progress, to the head of the answer.
    pub response_timeout: Duration,
    /// How long a body in either direction may not move, and how long a WebSocket may be silent.
    pub idle_timeout: Duration,
    /// Bytes in a request's body.
    pub max_request_body_bytes: u64,
    /// Requests and sockets open at once for one app: each takes two descriptors of the server, and one app's visitors
    /// must leave some to the others.
    pub max_open_per_app: usize,
    /// True when the back end does not know [`Self::path`]: `/api/py/items` is asked of it as `/items`.
    pub strip_path: bool,
    /// Headers set on every request, for example a secret by which the back end knows Vitrine. They take the place of
    /// what a visitor sends under the same name. Mark values sensitive that must not be in a log.
    pub add_headers: Vec<(HeaderName, HeaderValue)>,
}

impl Default for BackendConfig {
    /// No back end under `/api/py`. Times suit a language model that thinks for minutes between two words, and bodies
    /// what the preview takes.
    fn default() -> Self {
        Self {
            path: "/api/py".to_owned(),
            upstream: None,
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(60),
            idle_timeout: Duration::from_secs(300),
            max_request_body_bytes: 100 * 1024 * 1024,
            max_open_per_app: 512,
            strip_path: true,
            add_headers: Vec::new(),
        }
    }
}

/// Where the back end is: `http://host[:port][/base]`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BackendUpstream {
    /// A name, or an address without brackets.
    pub(super) host: String,
    pub(super) port: u16,
    /// What stands before every path asked for; empty, or with a leading and without a trailing slash.
    pub(super) base_path: String,
    /// Host and port as they stand in `Host`, in lower case, without the scheme's own port.
    pub(super) authority: String,
}

/// The settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidBackend {
    /// Not a plain path of at least one segment.
    #[error("`{0}` is not a path such as `/api/py`")]
    Path(String),
    /// Vitrine's own addresses are there.
    #[error("`{0}` lies under `{RESERVED_PATH}`, which Vitrine keeps for itself")]
    ReservedPath(String),
    /// The upstream is reached over TLS, which Vitrine does not speak to it.
    #[error(
        "the back end `{0}` is https, which Vitrine does not speak to a back end: run a proxy beside Vitrine that \
         takes http on loopback and speaks TLS to the back end, and name that proxy here"
    )]
    Https(String),
    /// The upstream is not `http://host[:port][/base]`.
    #[error(
        "`{0}` is not an address such as `http://127.0.0.1:8000`, perhaps with a path; nothing else belongs in it"
    )]
    Upstream(String),
    /// A header that cannot be added.
    #[error("`{0}` cannot be added: Vitrine sets or removes it by itself")]
    Header(HeaderName),
    /// A limit that would refuse every request.
    #[error("`{0}` must be more than nothing")]
    Zero(&'static str),
}

impl FromStr for BackendUpstream {
    type Err = InvalidBackend;

    fn from_str(text: &str) -> Result<Self, InvalidBackend> {
        let invalid = || InvalidBackend::Upstream(text.to_owned());
        let uri: http::Uri = text.parse().map_err(|_| invalid())?;
        match uri.scheme_str() {
            Some("http") => {}
            Some("https") => return Err(InvalidBackend::Https(text.to_owned())),
            _ => return Err(invalid()),
        }
        let authority = uri.authority().ok_or_else(invalid)?.as_str().to_ascii_lowercase();
        let bracketed = uri.host().unwrap_or_default().to_ascii_lowercase();
        let port = match authority.strip_prefix(&bracketed).ok_or_else(invalid)? {
            "" => 80,
            port => parse_port(port).ok_or_else(invalid)?,
        };
        let host = bracketed.trim_start_matches('[').trim_end_matches(']').to_owned();
        let base_path = uri.path().strip_suffix('/').unwrap_or(uri.path()).to_owned();
        // The parser drops a fragment without a word.
        if host.is_empty() || uri.query().is_some() || text.contains('#') {
            return Err(invalid());
        }
        if !base_path.is_empty() && !path::is_plain(&base_path) {
            return Err(invalid());
        }
        let authority = if port == 80 { bracketed } else { format!("{bracketed}:{port}") };
        Ok(Self { host, port, base_path, authority })
    }
}

/// The digits behind a colon; zero is no port.
fn parse_port(text: &str) -> Option<u16> {
    let digits = text.strip_prefix(':').filter(|digits| digits.bytes().all(|b| b.is_ascii_digit()))?;
    digits.parse().ok().filter(|port| *port > 0)
}

impl BackendConfig {
    /// The settings with their path in its one form, or what is wrong with them.
    pub(super) fn checked(mut self) -> Result<Self, InvalidBackend> {
        let path = self.path.strip_suffix('/').unwrap_or(&self.path);
        if !path::is_plain(path) {
            return Err(InvalidBackend::Path(self.path));
        }
        if path::below(path, RESERVED_PATH).is_some() {
            return Err(InvalidBackend::ReservedPath(self.path));
        }
        self.path = path.to_owned();
        for (name, is_zero) in [
            ("connect_timeout", self.connect_timeout.is_zero()),
            ("response_timeout", self.response_timeout.is_zero()),
            ("idle_timeout", self.idle_timeout.is_zero()),
            ("max_open_per_app", self.max_open_per_app == 0),
        ] {
            if is_zero {
                return Err(InvalidBackend::Zero(name));
            }
        }
        let is_reserved = |name: &HeaderName| {
            RESERVED_HEADERS.contains(name) || RESERVED_PREFIXES.iter().any(|p| name.as_str().starts_with(p))
        };
        match self.add_headers.iter().find(|(name, _)| is_reserved(name)) {
            Some((name, _)) => Err(InvalidBackend::Header(name.clone())),
            None => Ok(self),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn upstream(text: &str) -> Result<BackendUpstream, InvalidBackend> {
        text.parse()
    }

    #[test]
    fn an_upstream_is_an_http_origin_with_perhaps_a_path() {
        for (text, host, port, base_path, authority) in [
            ("http://127.0.0.1:8000", "127.0.0.1", 8000, "", "127.0.0.1:8000"),
            ("http://API.internal/", "api.internal", 80, "", "api.internal"),
            ("http://api:80/v1/", "api", 80, "/v1", "api"),
            ("http://[::1]:9/a/b", "::1", 9, "/a/b", "[::1]:9"),
        ] {
            let parsed = upstream(text).unwrap();
            let seen = (parsed.host.as_str(), parsed.port, parsed.base_path.as_str());
            assert_eq!((seen, parsed.authority.as_str()), ((host, port, base_path), authority));
        }
    }

    #[test]
    fn what_is_no_such_origin_is_refused() {
        for text in [
            "",
            "/",
            "api",
            "api:8000",
            "ftp://api",
            "http://",
            "http://api:",
            "http://api:0",
            "http://api:+80",
            "http://api:65536",
            "http://ada:secret@api",
            "http://api/?a=1",
            "http://api/#x",
            "http://api/a/../b",
            "http://api//a",
            "http://api/%2e%2e",
        ] {
            assert!(matches!(upstream(text), Err(InvalidBackend::Upstream(_))), "{text}");
        }
    }

    #[test]
    fn an_https_upstream_is_refused_with_what_to_do_instead() {
        let error = upstream("https://api.example").unwrap_err();
        assert_eq!(error, InvalidBackend::Https("https://api.example".to_owned()));
        assert!(error.to_string().contains("run a proxy beside Vitrine"));
    }

    #[test]
    fn the_path_has_one_form_and_is_not_vitrines_own() {
        let checked = |path: &str| {
            let config = BackendConfig { path: path.to_owned(), ..BackendConfig::default() };
            config.checked().map(|config| config.path)
        };
        assert_eq!(checked("/api/py/"), Ok("/api/py".to_owned()));
        assert_eq!(checked("/api"), Ok("/api".to_owned()));
        for path in ["", "/", "api", "//api", "/a//b", "/a/../b", "/a%2fb", "/a?b", "/a#b", "/a b", "/a\\b"] {
            assert!(matches!(checked(path), Err(InvalidBackend::Path(_))), "{path}");
        }
        for path in ["/.vitrine", "/.vitrine/api"] {
            assert!(matches!(checked(path), Err(InvalidBackend::ReservedPath(_))), "{path}");
        }
    }

    #[test]
    fn headers_and_times_that_would_break_requests_are_refused() {
        let adding = |name: &'static str| {
            let header = (HeaderName::from_static(name), HeaderValue::from_static("x"));
            BackendConfig { add_headers: vec![header], ..BackendConfig::default() }.checked().err()
        };
        for name in ["host", "content-length", "x-forwarded-for", "x-vitrine-app", "transfer-encoding"] {
            assert!(matches!(adding(name), Some(InvalidBackend::Header(_))), "{name}");
        }
        assert_eq!(adding("x-gateway-key"), None);
        assert_eq!(adding("authorization"), None);
        let config = BackendConfig { idle_timeout: Duration::ZERO, ..BackendConfig::default() };
        assert_eq!(config.checked().err(), Some(InvalidBackend::Zero("idle_timeout")));
    }
}
