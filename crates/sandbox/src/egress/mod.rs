//! The egress proxy: the one door through which a sandbox reaches out, kept by the host.
//!
//! A sandbox has no network. Where one needs a registry, the host listens on a port of the sandbox's loopback
//! ([`crate::Sandbox::listen`]) and serves an HTTP proxy there that opens tunnels to named destinations only. Names are
//! resolved here, every address is judged before it is connected to, and the TLS greeting must name the same server:
//! a tunnel to an allowed front of a content network reaches no other site behind it.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use ipnet::IpNet;

mod address;
mod addresses;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod head;
mod hello;
mod ledger;
mod open;
mod proxy;
mod pump;

pub use address::is_permitted;
pub use ledger::{EgressStats, EgressTotals, EgressUsage};
pub use proxy::EgressProxy;

/// The port of the proxy on a sandbox's loopback.
pub const PROXY_PORT: u16 = 3128;

/// Where a sandbox that has a proxy finds the operator's certificate authorities, when there are any.
pub const CA_TARGET: &str = "/opt/ca-bundle.pem";

/// What programs in a sandbox with a proxy are told, so that they use it: the variables that most of them read, and what makes
/// Node.js read them (`NODE_USE_ENV_PROXY`, from 22.21 and 24.0 on).
pub fn proxy_environment(has_ca_bundle: bool) -> Vec<(String, String)> {
    let proxy = format!("http://127.0.0.1:{PROXY_PORT}");
    let inside = "localhost,127.0.0.1,::1";
    let mut variables = vec![
        ("HTTPS_PROXY", proxy.as_str()),
        ("HTTP_PROXY", &proxy),
        ("https_proxy", &proxy),
        ("http_proxy", &proxy),
        ("NO_PROXY", inside),
        ("no_proxy", inside),
        ("NODE_USE_ENV_PROXY", "1"),
    ];
    if has_ca_bundle {
        variables.push(("NODE_EXTRA_CA_CERTS", CA_TARGET));
    }
    variables.into_iter().map(|(name, value)| (name.to_owned(), value.to_owned())).collect()
}

/// What a sandbox may reach.
#[derive(Debug, Clone)]
pub struct EgressPolicy {
    /// The servers, by name.
    pub destinations: Vec<Destination>,
    /// Ranges of addresses that may be connected to although they are not public: the operator's exceptions.
    pub exceptions: Vec<IpNet>,
    /// How much of it.
    pub limits: EgressLimits,
}

/// Whom a proxy serves: what its log lines say, and where its figures are added up.
#[derive(Debug, Clone)]
pub struct EgressLabel {
    /// What for: `install` or `dev`.
    pub purpose: &'static str,
    /// The app, where it is known.
    pub app: Option<String>,
    /// Adds up what all proxies of the app do.
    pub totals: Option<Arc<EgressTotals>>,
}

/// One server that may be reached.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Destination {
    /// Its exact DNS name, in lower case.
    pub host: String,
    /// Its exact port.
    pub port: u16,
    /// Spoken to without TLS: plain requests instead of tunnels.
    pub plain_http: bool,
}

/// Bounds of one proxy. Over one of them the connection ends; the sandbox sees an ordinary network error.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EgressLimits {
    /// Connections at once; further ones wait.
    pub connections: usize,
    /// Bytes in both directions, all connections together, over the proxy's life.
    pub bytes: u64,
    /// How long the head of a request, and the TLS greeting after it, may take.
    pub head: Duration,
    /// How long resolving and connecting may take.
    pub connect: Duration,
    /// How long a connection may be silent in both directions.
    pub idle: Duration,
    /// How long a connection may live.
    pub lifetime: Duration,
}

impl Default for EgressLimits {
    fn default() -> Self {
        Self {
            // npm opens 15 sockets to a host, pnpm up to 64.
            connections: 64,
            bytes: 4 * 1024 * 1024 * 1024,
            head: Duration::from_secs(10),
            connect: Duration::from_secs(15),
            idle: Duration::from_secs(60),
            lifetime: Duration::from_secs(900),
        }
    }
}

/// Turns names into addresses.
#[async_trait]
pub trait Resolver: Send + Sync + 'static {
    /// All addresses of `host`, in the order to try them.
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>>;
}

/// The host's resolver.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemResolver;

#[async_trait]
impl Resolver for SystemResolver {
    async fn resolve(&self, host: &str) -> std::io::Result<Vec<IpAddr>> {
        Ok(tokio::net::lookup_host((host, 0)).await?.map(|address| address.ip()).collect())
    }
}

#[cfg(test)]
mod tests;
