//! Whether the machine has room for another sandbox.
//!
//! Room is memory that can be had, less what is kept for everything else and less what starts under way will need. When there
//! is too little, somebody who does not use theirs makes room ([`super::eviction`]); when nobody can, the start is refused.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use tokio::sync::Mutex;
use tokio_util::sync::{CancellationToken, DropGuard};
use vitrine_model::TenantId;

use super::eviction::Evict;
use super::turns::Turns;

/// What a start is taken to need: a dev server of the largest template with its page loaded has 150 to 200 MiB.
const START_BYTES: u64 = 256 << 20;

/// Sandboxes taken down for one start before it is refused all the same.
const MOST_EVICTIONS: u32 = 8;

/// A start has its turn, and memory set aside for it, for this long at most: a page is there sooner, and one that never comes
/// must not keep others from starting. By then what the sandbox needs is no longer available to anybody.
const TURN: Duration = Duration::from_secs(5);

/// Tells how many bytes of memory the machine can give out; `None` where that is not known.
pub(crate) type AvailableMemory = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// There is no room, and nobody to make any.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "The machine has no memory for another preview now, and everything that runs on it is in use. Try again in a minute."
)]
pub(super) struct Full;

/// The room of this machine.
pub(crate) struct Room {
    available: AvailableMemory,
    pub(super) reserve_bytes: u64,
    /// Bytes that starts under way will need.
    promised: AtomicU64,
    /// A start uses all the processor it gets: more of them at once are all slower, and none is there sooner.
    turns: Turns,
    /// One who waits makes room at a time: two would have the same one taken down.
    evicting: Mutex<()>,
}

/// The right to start a sandbox; given back when it runs, or has failed, and by itself when that takes long.
pub(super) struct Place {
    promise: Arc<Promise>,
    _in_turn: Option<DropGuard>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.promise.end();
    }
}

/// Memory set aside for a start.
struct Promise {
    room: Arc<Room>,
    is_over: AtomicBool,
}

impl Promise {
    fn end(&self) {
        if !self.is_over.swap(true, Ordering::SeqCst) {
            self.room.promised.fetch_sub(START_BYTES, Ordering::SeqCst);
        }
    }
}

impl Room {
    /// Room above `reserve_bytes`, for so many starts at once.
    pub(crate) fn new(available: AvailableMemory, reserve_bytes: u64, starts_at_once: usize) -> Self {
        let turns = Turns::new(starts_at_once);
        Self { available, reserve_bytes, promised: AtomicU64::new(0), turns, evicting: Mutex::default() }
    }

    /// A place for one more start. Waits for its turn, and for whatever has to go first.
    pub(super) async fn enter(
        self: &Arc<Self>,
        tenant: &TenantId,
        evict: Option<&dyn Evict>,
    ) -> Result<Place, Full> {
        let turn = self.turns.take(tenant).await;
        let done = CancellationToken::new();
        let (place, promised) = self.promise(Some(done.clone().drop_guard()));
        let promise = place.promise.clone();
        tokio::spawn(async move {
            let _ = tokio::time::timeout(TURN, done.cancelled()).await;
            promise.end();
            drop(turn);
        });
        for _ in 0..MOST_EVICTIONS {
            if self.has(promised) {
                return Ok(place);
            }
            let _one_at_a_time = self.evicting.lock().await;
            match evict {
                _ if self.has(promised) => return Ok(place),
                Some(evict) if evict.evict_one().await => {}
                _ => break,
            }
        }
        match self.has(promised) {
            true => Ok(place),
            false => Err(Full),
        }
    }

    /// A place for a start that nobody waits for: at once, or not at all.
    pub(super) fn set_aside(self: &Arc<Self>) -> Result<Place, Full> {
        let (place, promised) = self.promise(None);
        if self.has(promised) { Ok(place) } else { Err(Full) }
    }

    /// The place, and what had been promised with it.
    fn promise(self: &Arc<Self>, in_turn: Option<DropGuard>) -> (Place, u64) {
        let promised = self.promised.fetch_add(START_BYTES, Ordering::SeqCst) + START_BYTES;
        let promise = Arc::new(Promise { room: self.clone(), is_over: AtomicBool::new(false) });
        (Place { promise, _in_turn: in_turn }, promised)
    }

    /// True when the next start has to wait for its turn.
    pub(super) fn is_crowded(&self) -> bool {
        self.turns.are_taken()
    }

    /// Whether there is room for all that was promised up to a start; what has ended since, and what came after it, does
    /// not count.
    fn has(&self, promised: u64) -> bool {
        let promised = promised.min(self.promised.load(Ordering::SeqCst));
        (self.available)().is_none_or(|available| available >= self.reserve_bytes.saturating_add(promised))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tenant() -> TenantId {
        format!("ten_{:026}", 1).parse().unwrap()
    }

    #[tokio::test]
    async fn starts_under_way_are_counted() {
        let room = Arc::new(Room::new(Box::new(|| Some(3 * START_BYTES)), START_BYTES, 8));
        let first = room.enter(&tenant(), None).await.ok().unwrap();
        let _second = room.enter(&tenant(), None).await.ok().unwrap();
        assert!(room.enter(&tenant(), None).await.is_err());
        drop(first);
        assert!(room.enter(&tenant(), None).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_never_ends_keeps_neither_turn_nor_memory_from_others() {
        let room = Arc::new(Room::new(Box::new(|| Some(START_BYTES)), 0, 1));
        let begun = tokio::time::Instant::now();
        let _never_ends = room.enter(&tenant(), None).await.ok().unwrap();
        let _next = tokio::time::timeout(2 * TURN, room.enter(&tenant(), None)).await.unwrap().ok().unwrap();
        assert!(begun.elapsed() >= TURN, "they take turns");
    }

    #[tokio::test]
    async fn what_is_made_ahead_takes_nobodys_turn_and_only_room_that_is_there() {
        let room = Arc::new(Room::new(Box::new(|| Some(2 * START_BYTES)), 0, 1));
        let ahead = room.set_aside().ok().unwrap();
        let start = tokio::time::timeout(TURN / 2, room.enter(&tenant(), None)).await.unwrap().ok().unwrap();
        assert!(room.set_aside().is_err());
        drop((ahead, start));
        assert!(room.set_aside().is_ok());
    }

    #[tokio::test]
    async fn a_start_that_has_ended_gives_its_turn_back_at_once() {
        let room = Arc::new(Room::new(Box::new(|| None), 0, 1));
        drop(room.enter(&tenant(), None).await);
        assert!(tokio::time::timeout(TURN / 2, room.enter(&tenant(), None)).await.is_ok());
    }
}
