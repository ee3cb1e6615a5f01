//! Addresses of names, looked up once for the burst of connections that an installation opens.

use std::collections::HashMap;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::Mutex;
use tokio::time::Instant;

use super::Resolver;

/// How long an answer is good for. Package managers open hundreds of connections within seconds, and a resolver asked
/// for each of them gives up; a registry that moves is followed soon enough.
const GOOD_FOR: Duration = Duration::from_secs(30);

/// Remembers what a resolver said. Only names on the policy's list are asked for, so it stays small.
pub(super) struct Addresses {
    resolver: Arc<dyn Resolver>,
    /// Held during a look-up: the others wait for its answer instead of asking too.
    known: Mutex<HashMap<String, (Instant, Vec<IpAddr>)>>,
}

impl Addresses {
    pub(super) fn new(resolver: Arc<dyn Resolver>) -> Self {
        Self { resolver, known: Mutex::default() }
    }

    /// All addresses of `host`. A failure is not remembered.
    pub(super) async fn of(&self, host: &str) -> io::Result<Vec<IpAddr>> {
        let mut known = self.known.lock().await;
        if let Some((at, addresses)) = known.get(host)
            && at.elapsed() < GOOD_FOR
        {
            return Ok(addresses.clone());
        }
        let addresses = self.resolver.resolve(host).await?;
        known.insert(host.to_owned(), (Instant::now(), addresses.clone()));
        Ok(addresses)
    }
}
