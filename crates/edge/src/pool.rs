//! Connections to the servers behind us: a few unused ones are kept per target (a session, the back end), and dropped when
//! they are old or belong to a dev server that is not the session's any more.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hyper::client::conn::http1::{self, SendRequest};
use hyper_util::rt::TokioIo;
use tokio::time::Instant;
use vitrine_sandbox::Stream;

use crate::body::Body;

/// Bytes in the head of an answer; what a server sends has a few hundred.
const MAX_RESPONSE_HEAD_BYTES: usize = 64 * 1024;

/// A connection that can take a request.
pub(crate) struct Connection {
    /// Sends it.
    pub(crate) sender: SendRequest<Body>,
    /// The process it leads to.
    pub(crate) generation: u64,
    /// True when it has carried a request before: the other side may hang up at any time.
    pub(crate) is_reused: bool,
}

/// The unused connections to all targets.
pub(crate) struct Pool<K> {
    kept: Mutex<Kept<K>>,
    max_idle: Duration,
    max_per_target: usize,
}

struct Kept<K> {
    idle: HashMap<K, Vec<Idle>>,
    has_sweeper: bool,
}

struct Idle {
    sender: SendRequest<Body>,
    generation: u64,
    since: Instant,
}

impl<K: Clone + Eq + Hash + Send + 'static> Pool<K> {
    pub(crate) fn new(max_idle: Duration, max_per_target: usize) -> Arc<Self> {
        let kept = Kept { idle: HashMap::new(), has_sweeper: false };
        Arc::new(Self { kept: Mutex::new(kept), max_idle, max_per_target })
    }

    /// The connection used last, if one to this very dev server has nothing left to read.
    pub(crate) fn take(&self, target: &K, generation: u64) -> Option<Connection> {
        let mut kept = self.lock();
        let connections = kept.idle.get_mut(target)?;
        connections.retain(|one| one.generation == generation && self.is_fresh(one));
        let at = connections.iter().rposition(|one| one.sender.is_ready())?;
        Some(Connection { sender: connections.remove(at).sender, generation, is_reused: true })
    }

    /// How many are kept for a target and can be used now.
    pub(crate) fn count(&self, target: &K) -> usize {
        let kept = self.lock();
        let is_usable = |one: &&Idle| one.sender.is_ready() && self.is_fresh(one);
        kept.idle.get(target).map_or(0, |connections| connections.iter().filter(is_usable).count())
    }

    /// Closes what is kept for a target; answers on their way are read to their end.
    pub(crate) fn forget(&self, target: &K) {
        self.lock().idle.remove(target);
    }

    /// Keeps a connection whose answer may still be on its way: it is used again only when that has been read.
    pub(crate) fn keep(self: &Arc<Self>, target: &K, connection: Connection) {
        let mut kept = self.lock();
        if !kept.idle.contains_key(target) {
            kept.idle.insert(target.clone(), Vec::new());
        }
        if let Some(connections) = kept.idle.get_mut(target)
            && connections.len() < self.max_per_target
        {
            connections.push(Idle {
                sender: connection.sender,
                generation: connection.generation,
                since: Instant::now(),
            });
        }
        if !std::mem::replace(&mut kept.has_sweeper, true) {
            self.spawn_sweeper();
        }
    }

    /// One task while anything is kept: a server that never hangs up must not hold our descriptors.
    fn spawn_sweeper(self: &Arc<Self>) {
        let pool = Arc::downgrade(self);
        let interval = self.max_idle;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(interval).await;
                match pool.upgrade() {
                    Some(pool) if pool.sweep() => {}
                    _ => return,
                }
            }
        });
    }

    /// Drops what is too old; false when nothing is left, and the sweeper may go.
    fn sweep(&self) -> bool {
        let mut kept = self.lock();
        kept.idle.retain(|_, connections| {
            connections.retain(|one| self.is_fresh(one));
            !connections.is_empty()
        });
        kept.has_sweeper = !kept.idle.is_empty();
        kept.has_sweeper
    }

    fn is_fresh(&self, one: &Idle) -> bool {
        one.since.elapsed() < self.max_idle && !one.sender.is_closed()
    }

    fn lock(&self) -> MutexGuard<'_, Kept<K>> {
        // Nothing panics while it is held, and a list of connections cannot be half changed.
        self.kept.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Speaks HTTP/1.1 over a fresh connection, which lives until both sides are done with it.
pub(crate) async fn open(stream: Stream, generation: u64) -> hyper::Result<Connection> {
    // Small writes follow each other when bodies are streamed; failing to say so only costs time.
    let _ = stream.set_nodelay(true);
    let (sender, driver) = http1::Builder::new()
        .max_header_size(MAX_RESPONSE_HEAD_BYTES)
        .handshake(TokioIo::new(stream))
        .await?;
    tokio::spawn(async move {
        if let Err(error) = driver.with_upgrades().await {
            tracing::debug!(%error, "a connection to a server behind us ended");
        }
    });
    Ok(Connection { sender, generation, is_reused: false })
}
