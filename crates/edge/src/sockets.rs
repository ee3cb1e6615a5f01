//! Which WebSockets and streams are open: at most so many per owner (a session, an app), all to the same server.

use std::collections::HashMap;
use std::hash::Hash;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;

/// The open sockets of all owners.
pub(crate) struct Sockets<K: Eq + Hash> {
    groups: Mutex<HashMap<K, Group>>,
}

impl<K: Eq + Hash> Default for Sockets<K> {
    fn default() -> Self {
        Self { groups: Mutex::default() }
    }
}

/// The sockets of one owner, all to the same server.
struct Group {
    generation: u64,
    closing: CancellationToken,
    open: usize,
}

/// One place among the open sockets, given up when dropped.
pub(crate) struct Seat<K: Eq + Hash> {
    sockets: Arc<Sockets<K>>,
    owner: K,
    generation: u64,
    closing: CancellationToken,
}

impl<K: Eq + Hash> Seat<K> {
    /// Ends when the socket has to be closed.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }
}

impl<K: Clone + Eq + Hash> Sockets<K> {
    /// A place for one more; none when the owner has `max` already. Sockets to another generation are closed.
    pub(crate) fn enter(self: &Arc<Self>, owner: &K, generation: u64, max: usize) -> Option<Seat<K>> {
        self.keep_only(owner, generation);
        let mut groups = self.lock();
        let group = groups.entry(owner.clone()).or_insert_with(|| Group {
            generation,
            closing: CancellationToken::new(),
            open: 0,
        });
        if group.open >= max {
            return None;
        }
        group.open += 1;
        Some(Seat { sockets: self.clone(), owner: owner.clone(), generation, closing: group.closing.clone() })
    }

    /// Closes the sockets of an owner that lead to another server than this one.
    pub(crate) fn keep_only(&self, owner: &K, generation: u64) {
        let mut groups = self.lock();
        if groups.get(owner).is_some_and(|group| group.generation != generation)
            && let Some(old) = groups.remove(owner)
        {
            old.closing.cancel();
        }
    }

    /// Closes every socket of an owner.
    pub(crate) fn close(&self, owner: &K) {
        if let Some(group) = self.lock().remove(owner) {
            group.closing.cancel();
        }
    }

    /// How many are open.
    pub(crate) fn count(&self, owner: &K) -> usize {
        self.lock().get(owner).map_or(0, |group| group.open)
    }
}

impl<K: Eq + Hash> Sockets<K> {
    fn lock(&self) -> MutexGuard<'_, HashMap<K, Group>> {
        // Nothing panics while it is held.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl<K: Eq + Hash> Drop for Seat<K> {
    fn drop(&mut self) {
        let mut groups = self.sockets.lock();
        let Some(group) = groups.get_mut(&self.owner) else {
            return;
        };
        // A closed group may have been followed by another of the same generation.
        if group.generation == self.generation && !self.closing.is_cancelled() {
            group.open = group.open.saturating_sub(1);
            if group.open == 0 {
                groups.remove(&self.owner);
            }
        }
    }
}
