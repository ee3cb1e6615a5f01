//! One proxy: from a connection of the sandbox's to a server that it may speak to, or to a refusal.

use std::net::{IpAddr, SocketAddr};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::{Duration, Instant};

use ipnet::IpNet;
use tokio::io::AsyncWriteExt;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use tokio::time::timeout;

use super::addresses::Addresses;
use super::head::{self, ProxyRequest};
use super::ledger::{Direction, EgressStats, Ledger, Passage};
use super::open::OpenConnections;
use super::{Destination, EgressLabel, EgressLimits, EgressPolicy, Resolver, address, hello, pump};
use crate::stream::Listener;

/// The pause after a connection could not be accepted: the host may be out of descriptors for a moment.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// After so many failures in a row the listener is taken for gone.
const MOST_ACCEPT_FAILURES: u32 = 50;

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
    #[error("the sandbox has used up its network budget")]
    Spent,
    #[error("`{host}:{port}` is not a destination of this sandbox any more")]
    Revoked { host: String, port: u16 },
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
            Self::NotAllowed { .. } | Self::Address { .. } | Self::Spent => Some("403 Forbidden"),
            Self::Unreachable { .. } => Some("502 Bad Gateway"),
            Self::TooSlow => Some("408 Request Timeout"),
            Self::Hello(_) | Self::OtherServer { .. } | Self::Revoked { .. } | Self::Lost(_) => None,
        }
    }

    /// One word for the log.
    const fn outcome(&self) -> &'static str {
        match self {
            Self::Revoked { .. } => "revoked",
            refusal if refusal.is_policy() => "refused",
            _ => "failed",
        }
    }

    const fn is_policy(&self) -> bool {
        match self {
            // Whoever hangs up early breaks no rule.
            Self::Hello(error) => !matches!(error, hello::HelloError::CutOff),
            Self::NotAllowed { .. } | Self::Address { .. } | Self::OtherServer { .. } | Self::Spent => true,
            _ => false,
        }
    }
}

/// A proxy for one sandbox.
pub struct EgressProxy {
    destinations: RwLock<Vec<Destination>>,
    exceptions: Vec<IpNet>,
    limits: EgressLimits,
    addresses: Addresses,
    ledger: Ledger,
    slots: Arc<Semaphore>,
    open: OpenConnections,
}

impl EgressProxy {
    /// A proxy that lets through what `policy` names.
    pub fn new(policy: EgressPolicy, resolver: Arc<dyn Resolver>, label: EgressLabel) -> Arc<Self> {
        let slots = Arc::new(Semaphore::new(policy.limits.connections));
        Arc::new(Self {
            destinations: RwLock::new(policy.destinations),
            exceptions: policy.exceptions,
            limits: policy.limits,
            addresses: Addresses::new(resolver),
            ledger: Ledger::new(label),
            slots,
            open: OpenConnections::default(),
        })
    }

    /// Serves connections until the listener fails for good. Dropping the future cuts every connection off.
    pub async fn serve(self: Arc<Self>, listener: impl Into<Listener>) {
        let listener = listener.into();
        let mut connections = JoinSet::new();
        let mut failures = 0;
        while failures < MOST_ACCEPT_FAILURES {
            // A slot first: connections beyond the limit wait in the listener's queue.
            let Ok(slot) = self.slots.clone().acquire_owned().await else {
                return;
            };
            let Ok(client) = listener.accept().await else {
                failures += 1;
                tokio::time::sleep(ACCEPT_PAUSE).await;
                continue;
            };
            failures = 0;
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
        self.ledger.stats()
    }

    /// Lets through what is named here and nothing else, from now on: connections to anything else are cut.
    pub fn set_destinations(&self, destinations: Vec<Destination>) {
        // Connections are noted before they are checked: whichever comes first, none is missed.
        *self.destinations.write().unwrap_or_else(PoisonError::into_inner) = destinations;
        self.open.cut(|host, port, plain_http| self.check_destination(host, port, plain_http).is_err());
    }

    async fn answer(&self, mut client: TcpStream) {
        let started = Instant::now();
        let mut passage = Passage::default();
        let outcome = match timeout(self.limits.lifetime, self.relay(&mut client, &mut passage)).await {
            Ok(outcome) => outcome,
            Err(_) => Err(Refusal::Lost(std::io::ErrorKind::TimedOut.into())),
        };
        match outcome {
            Ok(()) => self.ledger.write(&passage, started.elapsed(), "done", None),
            Err(refusal) => {
                self.ledger.count_end(refusal.is_policy());
                self.ledger.write(&passage, started.elapsed(), refusal.outcome(), Some(&refusal));
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
        let _ = timeout(self.limits.head, client.write_all(answer.as_bytes())).await;
    }

    async fn relay(&self, client: &mut TcpStream, passage: &mut Passage) -> Result<(), Refusal> {
        let reading = timeout(self.limits.head, head::read_request(client)).await;
        let (request, rest) = reading.map_err(|_| Refusal::TooSlow)??;
        let plain_http = matches!(request, ProxyRequest::Plain { .. });
        let (ProxyRequest::Connect { host, port } | ProxyRequest::Plain { host, port, .. }) = &request;
        (passage.host, passage.port) = (host.clone(), *port);
        if let ProxyRequest::Plain { body_bytes, .. } = &request
            && rest.len() as u64 > *body_bytes
        {
            // A second request behind the first, which nobody has checked.
            return Err(head::HeadError::Malformed.into());
        }
        let open = self.open.note(host, *port, plain_http);
        self.check_destination(host, *port, plain_http)?;
        if self.ledger.is_spent(self.limits.bytes) {
            return Err(Refusal::Spent);
        }
        tokio::select! {
            carried = self.carry(client, &request, rest, passage) => carried,
            () = open.until_cut() => Err(Refusal::Revoked { host: host.clone(), port: *port }),
        }
    }

    async fn carry(
        &self,
        client: &mut TcpStream,
        request: &ProxyRequest,
        rest: Vec<u8>,
        passage: &mut Passage,
    ) -> Result<(), Refusal> {
        let (ProxyRequest::Connect { host, port } | ProxyRequest::Plain { host, port, .. }) = request;
        let mut server = self.connect(host, *port).await?;
        passage.address = server.peer_addr().ok().map(|address| address.ip());
        let (first, body_left) = match request {
            ProxyRequest::Plain { head, body_bytes, .. } => {
                ([&head[..], &rest].concat(), Some(body_bytes.saturating_sub(rest.len() as u64)))
            }
            ProxyRequest::Connect { .. } => (self.open_tunnel(client, host, rest).await?, None),
        };
        server.write_all(&first).await?;
        self.ledger.count_allowed();
        self.ledger.count_bytes(passage, Direction::Out, first.len() as u64);
        pump::pump((client, &mut server), body_left, &self.limits, (&self.ledger, passage)).await?;
        Ok(())
    }

    fn check_destination(&self, host: &str, port: u16, plain_http: bool) -> Result<(), Refusal> {
        let destinations = self.destinations.read().unwrap_or_else(PoisonError::into_inner);
        match destinations.iter().any(|d| d.host == host && d.port == port && d.plain_http == plain_http) {
            true => Ok(()),
            false => Err(Refusal::NotAllowed { host: host.to_owned(), port }),
        }
    }

    /// Connects to exactly an address that was judged: the name is not looked up a second time.
    async fn connect(&self, host: &str, port: u16) -> Result<TcpStream, Refusal> {
        let unreachable = |reason: String| Refusal::Unreachable { host: host.to_owned(), reason };
        let attempt = async {
            let resolved = self.addresses.of(host).await.map_err(|error| unreachable(error.to_string()))?;
            let permitted = |ip: &IpAddr| address::may_be_reached(*ip, &self.exceptions);
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
        match timeout(self.limits.connect, attempt).await {
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
        let greeting = timeout(self.limits.head, hello::read_hello(client, rest)).await;
        let (asked, bytes) = greeting.map_err(|_| hello::HelloError::CutOff)??;
        match asked == host {
            true => Ok(bytes),
            false => Err(Refusal::OtherServer { host: host.to_owned(), asked }),
        }
    }
}
