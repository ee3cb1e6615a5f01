//! What all callers share at one moment: memory for what they send, streams they follow, work that takes long.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use vitrine_store::Scope;

/// Bytes of bodies in memory: two of the largest archives and some. Whoever would bring more is told to come again.
const ROOM_BYTES: usize = 256 * 1024 * 1024;

/// Bytes of one user's bodies in memory: the largest archive and some, so that nobody takes the room for themselves.
const ROOM_OF_ONE_BYTES: usize = 128 * 1024 * 1024;

/// The first bytes of every body, which take no room: what most calls send goes on while archives fill it. How many such
/// bodies there are is bound by the number of connections.
const FREE_BYTES: usize = 64 * 1024;

/// Streams of events that one user follows: some tabs of some people who share a key.
const FOLLOWED_BY_ONE: usize = 64;

/// Streams that are followed on one server: each holds a connection, and asks the database now and then.
const FOLLOWED_IN_ALL: usize = 1_024;

/// Exports of one user at once.
const EXPORTED_BY_ONE: usize = 2;

/// Exports at once: each holds a piece of a draft in memory, which with large files is 50 MiB, for as long as somebody
/// takes to read it.
const EXPORTED_IN_ALL: usize = 8;

/// Searches of one user at once: those who type ask again before the last one has ended.
const SEARCHED_BY_ONE: usize = 4;

/// Searches at once: each takes a core for up to two seconds, and some MiB.
const SEARCHED_IN_ALL: usize = 16;

/// Commands of one user in their sandboxes at once: some terminals.
const RUN_BY_ONE: usize = 8;

/// Commands in sandboxes at once: each holds up to 4 MiB of output that nobody has taken yet.
const RUN_IN_ALL: usize = 64;

/// Pieces of archives that are packed at once: each takes a core.
const PACKED_AT_ONCE: usize = 2;

/// How long whoever wants a log checked waits for those who came before.
const PATIENCE: Duration = Duration::from_secs(10);

/// What is shared on one server.
pub(crate) struct AtOnce {
    room: Arc<Pool>,
    streams: Arc<Pool>,
    exports: Arc<Pool>,
    searches: Arc<Pool>,
    commands: Arc<Pool>,
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
    #[error("you have {most} {what} under way already")]
    OfOne { what: &'static str, most: usize },
    #[error("this server has {most} {what} under way already")]
    InAll { what: &'static str, most: usize },
    #[error("another audit log is being checked")]
    Verifying,
}

impl Default for AtOnce {
    fn default() -> Self {
        Self {
            room: Pool::new("bytes of bodies", ROOM_OF_ONE_BYTES, ROOM_BYTES),
            streams: Pool::new("streams of events", FOLLOWED_BY_ONE, FOLLOWED_IN_ALL),
            exports: Pool::new("exports", EXPORTED_BY_ONE, EXPORTED_IN_ALL),
            searches: Pool::new("searches", SEARCHED_BY_ONE, SEARCHED_IN_ALL),
            commands: Pool::new("commands", RUN_BY_ONE, RUN_IN_ALL),
            packing: Arc::new(Semaphore::new(PACKED_AT_ONCE)),
            verifying: Arc::new(Semaphore::new(1)),
        }
    }
}

impl AtOnce {
    /// The room of a body that a user sends, none of it taken yet.
    pub(crate) fn body(&self, scope: &Scope) -> BodyRoom {
        BodyRoom { received: 0, share: self.room.share(scope) }
    }

    /// A place among those who follow a stream, until the result is dropped.
    pub(crate) fn follow(&self, scope: &Scope) -> Result<Share, Crowded> {
        self.streams.share(scope).with(1)
    }

    /// A place among those who export, until the result is dropped.
    pub(crate) fn export(&self, scope: &Scope) -> Result<Share, Crowded> {
        self.exports.share(scope).with(1)
    }

    /// A place among those who search, until the result is dropped.
    pub(crate) fn search(&self, scope: &Scope) -> Result<Share, Crowded> {
        self.searches.share(scope).with(1)
    }

    /// A place among those who run a command, until the result is dropped.
    pub(crate) fn exec(&self, scope: &Scope) -> Result<Share, Crowded> {
        self.commands.share(scope).with(1)
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
pub(crate) struct BodyRoom {
    received: usize,
    share: Share,
}

impl BodyRoom {
    /// Makes room for as many bytes more. Does not wait: bodies that wait for each other's room would wait for ever.
    pub(crate) fn grow(&mut self, bytes: usize) -> Result<(), NoRoom> {
        self.received = self.received.saturating_add(bytes);
        let more = self.received.saturating_sub(FREE_BYTES).saturating_sub(self.share.count);
        self.share.grow(more).map_err(|_| NoRoom)
    }
}

/// So much of something for everybody, and no more than a part of it for each.
struct Pool {
    what: &'static str,
    of_one: usize,
    in_all: usize,
    taken: Mutex<Taken>,
}

#[derive(Default)]
struct Taken {
    all: usize,
    by: HashMap<Scope, usize>,
}

impl Pool {
    fn new(what: &'static str, of_one: usize, in_all: usize) -> Arc<Self> {
        Arc::new(Self { what, of_one, in_all, taken: Mutex::default() })
    }

    fn share(self: &Arc<Self>, scope: &Scope) -> Share {
        Share { pool: self.clone(), scope: scope.clone(), count: 0 }
    }

    fn taken(&self) -> std::sync::MutexGuard<'_, Taken> {
        self.taken.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// What one user has of something; given back when this is dropped.
pub(crate) struct Share {
    pool: Arc<Pool>,
    scope: Scope,
    count: usize,
}

impl Share {
    fn with(mut self, count: usize) -> Result<Self, Crowded> {
        self.grow(count).map(|()| self)
    }

    fn grow(&mut self, count: usize) -> Result<(), Crowded> {
        if count == 0 {
            return Ok(());
        }
        let Pool { what, of_one, in_all, .. } = *self.pool;
        let mut taken = self.pool.taken();
        let own = taken.by.get(&self.scope).copied().unwrap_or_default();
        if own.saturating_add(count) > of_one {
            return Err(Crowded::OfOne { what, most: of_one });
        }
        if taken.all.saturating_add(count) > in_all {
            return Err(Crowded::InAll { what, most: in_all });
        }
        taken.all += count;
        taken.by.insert(self.scope.clone(), own + count);
        self.count += count;
        Ok(())
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut taken = self.pool.taken();
        taken.all -= self.count;
        if let Some(own) = taken.by.get_mut(&self.scope) {
            *own -= self.count;
            if *own == 0 {
                taken.by.remove(&self.scope);
            }
        }
    }
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
    fn bodies_share_one_room_nobody_takes_all_of_it_and_small_ones_always_fit() {
        let (at_once, mut scopes) = (AtOnce::default(), scopes());
        let scope = scopes.next().unwrap();
        let (mut large, mut own) = (at_once.body(&scope), at_once.body(&scope));
        large.grow(FREE_BYTES).unwrap();
        large.grow(ROOM_OF_ONE_BYTES).unwrap();
        own.grow(FREE_BYTES).unwrap();
        assert_eq!(own.grow(1), Err(NoRoom), "one user has had theirs");
        let (mut second, mut third) =
            (at_once.body(&scopes.next().unwrap()), at_once.body(&scopes.next().unwrap()));
        second.grow(FREE_BYTES + ROOM_BYTES - ROOM_OF_ONE_BYTES).unwrap();
        third.grow(FREE_BYTES).unwrap();
        assert_eq!(third.grow(1), Err(NoRoom), "together they have all");
        drop(large);
        third.grow(1).unwrap();
        drop((own, second, third));
        let taken = at_once.room.taken();
        assert!(taken.all == 0 && taken.by.is_empty(), "all is given back");
    }

    #[test]
    fn followers_are_limited_each_and_together_and_make_room_when_they_go() {
        let (at_once, mut scopes) = (AtOnce::default(), scopes());
        let scope = scopes.next().unwrap();
        let mut all: Vec<_> = (0..FOLLOWED_BY_ONE).map(|_| at_once.follow(&scope).unwrap()).collect();
        assert!(matches!(at_once.follow(&scope), Err(Crowded::OfOne { most: FOLLOWED_BY_ONE, .. })));
        all.pop();
        all.push(at_once.follow(&scope).unwrap());
        let others = scopes.by_ref().take(FOLLOWED_IN_ALL - FOLLOWED_BY_ONE);
        all.extend(others.map(|other| at_once.follow(&other).unwrap()));
        let next = at_once.follow(&scopes.next().unwrap());
        assert!(matches!(next, Err(Crowded::InAll { most: FOLLOWED_IN_ALL, .. })));
        all.clear();
        let taken = at_once.streams.taken();
        assert!(taken.all == 0 && taken.by.is_empty(), "nothing is remembered of who has gone");
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
