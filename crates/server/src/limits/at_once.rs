//! What all callers share at one moment: memory for what they send, streams they follow, work that takes long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vitrine_store::Scope;

/// Bytes of bodies in memory: two of the largest archives and some. Whoever would bring more is told to come again.
const ROOM_BYTES: usize = 256 * 1024 * 1024;

/// The first bytes of every body, which take no room: what most calls send goes on while archives fill it. How many such
/// bodies there are is bound by the number of connections.
const FREE_BYTES: usize = 64 * 1024;

/// Streams of events that one user follows: some tabs of some people who share a key.
const FOLLOWED_BY_ONE: usize = 64;

/// Streams that are followed on one server: each holds a connection, and asks the database now and then.
const FOLLOWED_IN_ALL: usize = 1_024;

/// Pieces of archives that are packed at once: each takes a core.
const PACKED_AT_ONCE: usize = 2;

/// How long whoever wants a log checked waits for those who came before.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is shared on one server.
pub(crate) struct AtOnce {
    room: Arc<Semaphore>,
    followers: Arc<Mutex<HashMap<Scope, usize>>>,
    packing: Arc<Semaphore>,
    verifying: Arc<Semaphore>,
}

/// The bodies that come in fill the memory there is for them.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("there is no room for the body at this moment")]
pub(crate) struct NoRoom;

/// Too much of a kind goes on at this moment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Crowded {
    #[error("you follow {FOLLOWED_BY_ONE} streams of events already")]
    ByOne,
    #[error("{FOLLOWED_IN_ALL} streams of events are followed on this server already")]
    InAll,
    #[error("another audit log is being checked")]
    Verifying,
}

impl Default for AtOnce {
    fn default() -> Self {
        Self {
            room: Arc::new(Semaphore::new(ROOM_BYTES)),
            followers: Arc::default(),
            packing: Arc::new(Semaphore::new(PACKED_AT_ONCE)),
            verifying: Arc::new(Semaphore::new(1)),
        }
    }
}

impl AtOnce {
    /// The room of a body, none of it taken yet.
    pub(crate) fn share(&self) -> Share {
        Share { room: self.room.clone(), received: 0, held: None }
    }

    /// A place among those who follow a stream, until the result is dropped.
    pub(crate) fn follow(&self, scope: &Scope) -> Result<Following, Crowded> {
        let mut followers = lock(&self.followers);
        if followers.values().sum::<usize>() >= FOLLOWED_IN_ALL {
            return Err(Crowded::InAll);
        }
        let own = followers.entry(scope.clone()).or_default();
        if *own >= FOLLOWED_BY_ONE {
            return Err(Crowded::ByOne);
        }
        *own += 1;
        Ok(Following { followers: self.followers.clone(), scope: scope.clone() })
    }

    /// A turn to pack a piece of an archive; to be held where the work is done. `None` never, but while the server ends.
    pub(crate) async fn packing_turn(&self) -> Option<OwnedSemaphorePermit> {
        self.packing.clone().acquire_owned().await.ok()
    }

    /// The turn to check a log, which reads all of it.
    pub(crate) async fn verifying_turn(&self) -> Result<OwnedSemaphorePermit, Crowded> {
        let turn = tokio::time::timeout(PATIENCE, self.verifying.clone().acquire_owned()).await;
        turn.ok().and_then(Result::ok).ok_or(Crowded::Verifying)
    }
}

/// The room that one body takes; given back when this is dropped.
pub(crate) struct Share {
    room: Arc<Semaphore>,
    received: usize,
    held: Option<OwnedSemaphorePermit>,
}

impl Share {
    /// Makes room for as many bytes more. Does not wait: bodies that wait for each other's room would wait for ever.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.received = self.received.saturating_add(bytes);
        let held = self.held.as_ref().map_or(0, OwnedSemaphorePermit::num_permits);
        let more = self.received.saturating_sub(FREE_BYTES).saturating_sub(held);
        if more == 0 {
            return Ok(());
        }
        let more = u32::try_from(more).map_err(|_| NoRoom)?;
        let taken = self.room.clone().try_acquire_many_owned(more).map_err(|_| NoRoom)?;
        match &mut self.held {
            Some(held) => held.merge(taken),
            none => *none = Some(taken),
        }
        Ok(())
    }
}

/// A place among those who follow a stream.
pub(crate) struct Following {
    followers: Arc<Mutex<HashMap<Scope, usize>>>,
    scope: Scope,
}

impl Drop for Following {
    fn drop(&mut self) {
        let mut followers = lock(&self.followers);
        if let Some(own) = followers.get_mut(&self.scope) {
            *own -= 1;
            if *own == 0 {
                followers.remove(&self.scope);
            }
        }
    }
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use vitrine_model::{TenantId, UserId};

    use super::*;
    use crate::source::{SystemClock, SystemEntropy};

    fn scopes() -> impl Iterator<Item = Scope> {
        std::iter::repeat_with(|| Scope {
            tenant: TenantId::mint(&SystemClock, &SystemEntropy),
            user: UserId::mint(&SystemClock, &SystemEntropy),
        })
    }

    #[test]
    fn bodies_share_one_room_and_small_ones_always_fit() {
        let at_once = AtOnce::default();
        let (mut one, mut two, mut small) = (at_once.share(), at_once.share(), at_once.share());
        one.grow(FREE_BYTES).unwrap();
        one.grow(ROOM_BYTES).unwrap();
        small.grow(FREE_BYTES).unwrap();
        two.grow(FREE_BYTES).unwrap();
        assert_eq!(two.grow(1), Err(NoRoom));
        drop(one);
        two.grow(ROOM_BYTES - 1).unwrap();
        drop(two);
        assert_eq!(at_once.room.available_permits(), ROOM_BYTES);
    }

    #[test]
    fn followers_are_limited_each_and_together_and_make_room_when_they_go() {
        let (at_once, mut scopes) = (AtOnce::default(), scopes());
        let scope = scopes.next().unwrap();
        let mut all: Vec<_> = (0..FOLLOWED_BY_ONE).map(|_| at_once.follow(&scope).unwrap()).collect();
        assert_eq!(at_once.follow(&scope).err(), Some(Crowded::ByOne));
        all.pop();
        all.push(at_once.follow(&scope).unwrap());
        all.extend(
            scopes.by_ref().take(FOLLOWED_IN_ALL - FOLLOWED_BY_ONE).map(|one| at_once.follow(&one).unwrap()),
        );
        assert_eq!(at_once.follow(&scopes.next().unwrap()).err(), Some(Crowded::InAll));
        all.clear();
        assert!(lock(&at_once.followers).is_empty(), "nothing is remembered of who has gone");
    }

    #[tokio::test(start_paused = true)]
    async fn one_log_is_checked_at_a_time_and_nobody_waits_for_ever() {
        let at_once = AtOnce::default();
        let turn = at_once.verifying_turn().await.unwrap();
        assert_eq!(at_once.verifying_turn().await.err(), Some(Crowded::Verifying));
        drop(turn);
        assert!(at_once.verifying_turn().await.is_ok());
    }
}
