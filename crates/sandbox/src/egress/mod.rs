//! The egress proxy: the one door through which a sandbox reaches out, kept by the host.
//!
//! A sandbox has no network. Where one needs a registry, the host listens on a port of the sandbox's loopback
//! ([`crate::Sandbox::listen`]) and serves an HTTP proxy there that opens tunnels to named destinations only. Names are
//! resolved here, every address is judged before it is connected to, and the TLS greeting must name the same server:
//! a tunnel to an allowed front of a content network reaches no other site behind it.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use ipnet::IpNet;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

mod address;
mod addresses;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod head;
mod hello;
mod pump;

pub use address::is_permitted;

use addresses::Addresses;
use head::ProxyRequest;

use crate::stream::Listener;

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

/// What a proxy has done so far.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EgressStats {
    /// Connections let through.
    pub allowed: u64,
    /// Connections refused by the policy.
    pub refused: u64,
    /// Connections that failed otherwise.
    pub failed: u64,
    /// Bytes from the sandbox.
    pub bytes_out: u64,
    /// Bytes to the sandbox.
    pub bytes_in: u64,
}

#[derive(Debug, Default)]
struct Counters {
    allowed: AtomicU64,
    refused: AtomicU64,
    failed: AtomicU64,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
}

/// Why a connection was not let through; the sandbox is told.
#[derive(Debug, thiserror::Error)]
enum Refusal {
    #[error("{0}")]
    Head(#[from] head::HeadError),
    #[error("{0}")]
    Hello(#[from] hello::HelloError),
    #[error("`{host}:{port}` is not a destination of this sandbox")]
    NotAllowed { host: String, port: u16 },
    #[error("`{host}` has no address that may be connected to; the operator can except one")]
    Address { host: String },
    #[error("the TLS greeting asks for `{asked}` in a tunnel to `{host}`")]
    OtherServer { host: String, asked: String },
    #[error("`{host}` cannot be reached: {reason}")]
    Unreachable { host: String, reason: String },
    #[error("the client is too slow")]
    TooSlow,
    #[error("the connection was lost: {0}")]
    Lost(#[from] std::io::Error),
}

impl Refusal {
    /// The status line; `None` once the tunnel stands and HTTP is over.
    const fn status(&self) -> Option<&'static str> {
        match self {
            Self::Head(_) => Some("400 Bad Request"),
            Self::NotAllowed { .. } | Self::Address { .. } => Some("403 Forbidden"),
            Self::Unreachable { .. } => Some("502 Bad Gateway"),
            Self::TooSlow => Some("408 Request Timeout"),
            Self::Hello(_) | Self::OtherServer { .. } | Self::Lost(_) => None,
        }
    }

    const fn is_policy(&self) -> bool {
        matches!(
            self,
            Self::NotAllowed { .. } | Self::Address { .. } | Self::OtherServer { .. } | Self::Hello(_)
        )
    }
}

/// A proxy for one sandbox.
pub struct EgressProxy {
    policy: EgressPolicy,
    addresses: Addresses,
    counters: Counters,
    slots: Arc<Semaphore>,
}

impl EgressProxy {
    /// A proxy that lets through what `policy` names.
    pub fn new(policy: EgressPolicy, resolver: Arc<dyn Resolver>) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(policy.limits.connections));
        Arc::new(Self { policy, addresses: Addresses::new(resolver), counters: Counters::default(), slots })
    }

    /// Serves connections until the listener fails. Dropping the future cuts every connection off.
    pub async fn serve(self: Arc<Self>, listener: impl Into<Listener>) {
        let listener = listener.into();
        let mut connections = JoinSet::new();
        loop {
            // A slot first: connections beyond the limit wait in the listener's queue.
            let Ok(slot) = self.slots.clone().acquire_owned().await else {
                return;
            };
            let Ok(client) = listener.accept().await else {
                return;
            };
            let proxy = self.clone();
            connections.spawn(async move {
                proxy.answer(client).await;
                drop(slot);
            });
            while connections.try_join_next().is_some() {}
        }
    }

    /// What it has done so far.
    pub fn stats(&self) -> EgressStats {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        EgressStats {
            allowed: read(&self.counters.allowed),
            refused: read(&self.counters.refused),
            failed: read(&self.counters.failed),
            bytes_out: read(&self.counters.bytes_out),
            bytes_in: read(&self.counters.bytes_in),
        }
    }

    async fn answer(&self, mut client: TcpStream) {
        let started = Instant::now();
        let outcome = match timeout(self.policy.limits.lifetime, self.relay(&mut client)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal::Lost(std::io::ErrorKind::TimedOut.into())),
        };
        let millis = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match outcome {
            Ok(host) => tracing::info!(host, millis, "egress connection closed"),
            Err(refusal) => {
                let counter =
                    if refusal.is_policy() { &self.counters.refused } else { &self.counters.failed };
                counter.fetch_add(1, Ordering::Relaxed);
                tracing::info!(reason = %refusal, millis, "egress connection refused");
                self.tell(&mut client, &refusal).await;
            }
        }
    }

    async fn tell(&self, client: &mut TcpStream, refusal: &Refusal) {
        let Some(status) = refusal.status() else {
            return;
        };
        let body = format!("{refusal}\n");
        let length = body.len();
        let answer = format!(
            "HTTP/1.1 {status}\r\nContent-Type: text/plain; charset=utf-8\r\nContent-Length: {length}\r\nConnection: close\r\n\r\n{body}"
        );
        // Best effort: who does not read the answer does not get it.
        let _ = timeout(self.policy.limits.head, client.write_all(answer.as_bytes())).await;
    }

    async fn relay(&self, client: &mut TcpStream) -> Result<String, Refusal> {
        let limits = &self.policy.limits;
        let reading = timeout(limits.head, head::read_request(client)).await;
        let (request, rest) = reading.map_err(|_| Refusal::TooSlow)??;
        let plain_http = matches!(request, ProxyRequest::Plain { .. });
        let (ProxyRequest::Connect { host, port } | ProxyRequest::Plain { host, port, .. }) = &request;
        self.check_destination(host, *port, plain_http)?;
        let mut server = self.connect(host, *port).await?;
        let first = match &request {
            ProxyRequest::Plain { head, .. } => [&head[..], &rest].concat(),
            ProxyRequest::Connect { .. } => self.open_tunnel(client, host, rest).await?,
        };
        server.write_all(&first).await?;
        self.counters.allowed.fetch_add(1, Ordering::Relaxed);
        self.counters.bytes_out.fetch_add(first.len() as u64, Ordering::Relaxed);
        pump::pump(client, &mut server, limits, &self.counters).await?;
        Ok(host.clone())
    }

    fn check_destination(&self, host: &str, port: u16, plain_http: bool) -> Result<(), Refusal> {
        let mut destinations = self.policy.destinations.iter();
        match destinations.any(|d| d.host == host && d.port == port && d.plain_http == plain_http) {
            true => Ok(()),
            false => Err(Refusal::NotAllowed { host: host.to_owned(), port }),
        }
    }

    /// Connects to exactly an address that was judged: the name is not looked up a second time.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Refusal> {
        let unreachable = |reason: String| Refusal::Unreachable { host: host.to_owned(), reason };
        let attempt = async {
            let resolved = self.addresses.of(host).await.map_err(|error| unreachable(error.to_string()))?;
            let permitted = |ip: &IpAddr| address::is_permitted(*ip, &self.policy.exceptions);
            let addresses: Vec<_> = resolved.into_iter().filter(permitted).collect();
            if addresses.is_empty() {
                return Err(Refusal::Address { host: host.to_owned() });
            }
            let targets: Vec<_> = addresses.into_iter().map(|ip| SocketAddr::new(ip, port)).collect();
            let server =
                TcpStream::connect(&targets[..]).await.map_err(|error| unreachable(error.to_string()))?;
            server.set_nodelay(true)?;
            Ok(server)
        };
        match timeout(self.policy.limits.connect, attempt).await {
            Ok(outcome) => outcome,
            Err(_) => Err(unreachable("no answer in time".to_owned())),
        }
    }

    /// Confirms the tunnel and reads the TLS greeting, which must be for `host`. Returns the bytes to send on.
    async fn open_tunnel(
        &self,
        client: &mut TcpStream,
        host: &str,
        rest: Vec<u8>,
    ) -> Result<Vec<u8>, Refusal> {
        client.set_nodelay(true)?;
        client.write_all(b"HTTP/1.1 200 Connection Established\r\n\r\n").await?;
        let greeting = timeout(self.policy.limits.head, hello::read_hello(client, rest)).await;
        let (asked, bytes) = greeting.map_err(|_| hello::HelloError::CutOff)??;
        match asked == host {
            true => Ok(bytes),
            false => Err(Refusal::OtherServer { host: host.to_owned(), asked }),
        }
    }
}

#[cfg(test)]
mod tests;
