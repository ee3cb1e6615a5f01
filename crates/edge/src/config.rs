//! The gateway's settings, with their defaults and reasons.

use std::time::Duration;

use vitrine_model::SessionId;

use crate::bridge::BridgeConfig;
use crate::host::HostMap;

/// What the gateway is told at start.
#[derive(Debug, Clone)]
pub struct GatewayConfig {
    /// The hosts of builder and previews.
    pub hosts: HostMap,
    /// How browsers reach us, also when something in front of us ends TLS.
    pub scheme: Scheme,
    /// The port in preview URLs; none for the scheme's own.
    pub public_port: Option<u16>,
    /// The origins whose pages may show a preview in a frame, for example `http://localhost:4400`.
    pub builder_origins: Vec<String>,
    /// What goes into the pages of previews; with none they pass as they are.
    pub bridge: Option<BridgeConfig>,
    /// Times and sizes.
    pub limits: GatewayLimits,
}

/// The scheme of every URL we hand out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Scheme {
    /// Plain HTTP: for `*.localhost`, or a trusted network.
    Http,
    /// HTTPS.
    Https,
}

impl Scheme {
    /// As it stands in a URL.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Http => "http",
            Self::Https => "https",
        }
    }

    /// The port that URLs of this scheme leave out.
    pub const fn default_port(self) -> u16 {
        match self {
            Self::Http => 80,
            Self::Https => 443,
        }
    }
}

/// Times and sizes, each with its reason.
#[derive(Debug, Clone)]
pub struct GatewayLimits {
    /// How long a token in a URL is good for: long enough for a slow click, too short to be worth stealing.
    pub token_ttl: Duration,
    /// How long a cookie is good for without use; the longest life of a session without a heartbeat.
    pub cookie_ttl: Duration,
    /// How long a page is held back while its session starts, before the waiting page is sent instead.
    pub hold_navigation: Duration,
    /// How long any other request is held back while its session starts: a page that is open lives through a restart
    /// of the dev server without a failed module.
    pub hold_request: Duration,
    /// From dialling to a connection.
    pub connect_timeout: Duration,
    /// From the end of the request, or its last progress, to the head of the answer.
    pub response_timeout: Duration,
    /// Bytes in a request's body.
    pub max_request_body_bytes: u64,
    /// An unused connection to a dev server is closed after this; shorter than the 5 s of Node's HTTP server, which
    /// would otherwise hang up just when we write.
    pub pool_idle: Duration,
    /// Unused connections kept for one session: what a browser opens to one host, and a few tabs more.
    pub pool_size: usize,
    /// WebSockets open at once for one session.
    pub max_sockets: usize,
    /// Requests to one session at once, from before its dev server is dialled to the end of the answer: each holds a
    /// connection of ours and one of the dev server's. A browser has six at once, or a hundred through a proxy that speaks
    /// HTTP/2, and a preview has a few tabs.
    pub max_requests: usize,
}

impl Default for GatewayLimits {
    fn default() -> Self {
        Self {
            token_ttl: Duration::from_secs(120),
            cookie_ttl: Duration::from_secs(2 * 60 * 60),
            hold_navigation: Duration::from_millis(150),
            hold_request: Duration::from_secs(2),
            connect_timeout: Duration::from_secs(5),
            response_timeout: Duration::from_secs(30),
            max_request_body_bytes: 100 * 1024 * 1024,
            pool_idle: Duration::from_secs(4),
            pool_size: 16,
            max_sockets: 128,
            max_requests: 512,
        }
    }
}

impl GatewayConfig {
    /// The origin of a session's preview, as browsers write it: without a default port.
    pub fn preview_origin(&self, session: &SessionId) -> String {
        let host = self.hosts.preview_host(session);
        match self.public_port {
            Some(port) if port != self.scheme.default_port() => {
                format!("{}://{host}:{port}", self.scheme.as_str())
            }
            _ => format!("{}://{host}", self.scheme.as_str()),
        }
    }

    /// True when browsers keep `Secure` cookies of previews: under HTTPS, and on `*.localhost`, which they trust as if.
    pub(crate) fn takes_secure_cookies(&self) -> bool {
        let suffix = self.hosts.preview_suffix();
        self.scheme == Scheme::Https || suffix == "localhost" || suffix.ends_with(".localhost")
    }
}
