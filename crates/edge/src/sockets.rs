//! Which WebSockets are open: at most so many per session, all to the same dev server.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio_util::sync::CancellationToken;
use vitrine_model::SessionId;

/// The open sockets of all sessions.
#[derive(Default)]
pub(crate) struct Sockets {
    groups: Mutex<HashMap<SessionId, Group>>,
}

/// The sockets of one session, all to the same dev server.
struct Group {
    generation: u64,
    closing: CancellationToken,
    open: usize,
}

/// One place among the open sockets, given up when dropped.
pub(crate) struct Seat {
    sockets: Arc<Sockets>,
    session: SessionId,
    generation: u64,
    closing: CancellationToken,
}

impl Seat {
    /// Ends when the socket has to be closed.
    pub(crate) async fn closing(&self) {
        self.closing.cancelled().await;
    }
}

impl Sockets {
    /// A place for one more; none when the session has `max` already. Sockets to another generation are closed.
    pub(crate) fn enter(self: &Arc<Self>, session: &SessionId, generation: u64, max: usize) -> Option<Seat> {
        self.keep_only(session, generation);
        let mut groups = self.lock();
        let group = groups.entry(session.clone()).or_insert_with(|| Group {
            generation,
            closing: CancellationToken::new(),
            open: 0,
        });
        if group.open >= max {
            return None;
        }
        group.open += 1;
        Some(Seat {
            sockets: self.clone(),
            session: session.clone(),
            generation,
            closing: group.closing.clone(),
        })
    }

    /// Closes the sockets of a session that lead to another dev server than this one.
    pub(crate) fn keep_only(&self, session: &SessionId, generation: u64) {
        let mut groups = self.lock();
        if groups.get(session).is_some_and(|group| group.generation != generation)
            && let Some(old) = groups.remove(session)
        {
            old.closing.cancel();
        }
    }

    /// Closes every socket of a session.
    pub(crate) fn close(&self, session: &SessionId) {
        if let Some(group) = self.lock().remove(session) {
            group.closing.cancel();
        }
    }

    /// How many are open.
    pub(crate) fn count(&self, session: &SessionId) -> usize {
        self.lock().get(session).map_or(0, |group| group.open)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<SessionId, Group>> {
        // Nothing panics while it is held.
        self.groups.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        let mut groups = self.sockets.lock();
        let Some(group) = groups.get_mut(&self.session) else {
            return;
        };
        // A closed group may have been followed by another of the same generation.
        if group.generation == self.generation && !self.closing.is_cancelled() {
            group.open = group.open.saturating_sub(1);
            if group.open == 0 {
                groups.remove(&self.session);
            }
        }
    }
}
