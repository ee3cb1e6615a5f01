//! Whether the machine has room for another sandbox, and what is taken down when it has not.
//!
//! Room is memory that the kernel calls available, less what is kept for everything else and less what starts under way will
//! need. When there is too little, somebody who does not use theirs makes room: first the pool, then what is frozen, then
//! what runs and was not used for a while. Among those the tenant that holds the most sandboxes gives first, and of its
//! the one that was used least recently. What somebody uses is never taken down: then the start is refused.

use std::collections::HashMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::Semaphore;
use tokio_util::sync::{CancellationToken, DropGuard};
use vitrine_model::session::SessionEvent;
use vitrine_model::{AppId, TenantId, Timestamp};
use vitrine_store::StoreError;

use super::preview::Phase;
use super::top::Counts;
use super::{Sessions, lock};

/// What a start is taken to need: a dev server of the largest template with its page loaded has 150 to 200 MiB.
const START_BYTES: u64 = 256 << 20;

/// What has not been used for this long may be taken down for somebody who waits.
const QUIET_SECS: i64 = 60;

/// Sandboxes taken down for one start before it is refused all the same.
const MOST_EVICTIONS: u32 = 8;

/// A start has its turn for this long at most: a page is there sooner, and one that never comes must not keep others from
/// starting.
const TURN: Duration = Duration::from_secs(5);

/// Tells how many bytes of memory the machine can give out; `None` where that is not known.
pub(crate) type AvailableMemory = Box<dyn Fn() -> Option<u64> + Send + Sync>;

/// Takes something down that nobody uses.
#[async_trait]
pub(crate) trait Evict: Send + Sync {
    /// True when something was taken down.
    async fn evict_one(&self) -> bool;
}

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
    turns: Arc<Semaphore>,
}

/// The right to start a sandbox; given back when it runs, or has failed. Its turn is over sooner when that takes long.
pub(super) struct Place {
    room: Arc<Room>,
    _in_turn: Option<DropGuard>,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.room.promised.fetch_sub(START_BYTES, Ordering::SeqCst);
    }
}

impl Room {
    /// Room above `reserve_bytes`, for so many starts at once.
    pub(crate) fn new(available: AvailableMemory, reserve_bytes: u64, starts_at_once: usize) -> Self {
        let turns = Arc::new(Semaphore::new(starts_at_once.max(1)));
        Self { available, reserve_bytes, promised: AtomicU64::new(0), turns }
    }

    /// A place for one more start. Waits for its turn, and for whatever has to go first.
    pub(super) async fn enter(self: &Arc<Self>, evict: Option<&dyn Evict>) -> Result<Place, Full> {
        // The semaphore is never closed.
        let turn = self.turns.clone().acquire_owned().await.map_err(|_| Full)?;
        let done = CancellationToken::new();
        let (place, promised) = self.promise(Some(done.clone().drop_guard()));
        tokio::spawn(async move {
            let _ = tokio::time::timeout(TURN, done.cancelled()).await;
            drop(turn);
        });
        for _ in 0..MOST_EVICTIONS {
            if self.has(promised) {
                return Ok(place);
            }
            match evict {
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

    fn promise(self: &Arc<Self>, in_turn: Option<DropGuard>) -> (Place, u64) {
        let promised = self.promised.fetch_add(START_BYTES, Ordering::SeqCst) + START_BYTES;
        (Place { room: self.clone(), _in_turn: in_turn }, promised)
    }

    /// True when the next start has to wait for its turn.
    pub(super) fn is_crowded(&self) -> bool {
        self.turns.available_permits() == 0
    }

    fn has(&self, promised: u64) -> bool {
        (self.available)().is_none_or(|available| available >= self.reserve_bytes.saturating_add(promised))
    }
}

/// What `/proc/meminfo` calls available: free, or free as soon as it is needed.
pub(crate) fn available_memory() -> Option<u64> {
    meminfo("MemAvailable:")
}

/// The memory that is kept for everything but sandboxes unless the operator says otherwise: a tenth.
pub(crate) fn default_reserve() -> u64 {
    meminfo("MemTotal:").unwrap_or(0) / 10
}

/// A line of `/proc/meminfo`, in bytes.
pub(super) fn meminfo(name: &str) -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = kib.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1_024)
}

/// Somebody who could make room.
#[derive(Debug, Clone)]
struct Candidate {
    app: AppId,
    tenant: TenantId,
    is_frozen: bool,
    last_use: Timestamp,
}

/// Who goes first; see the module's text.
fn first_to_go(candidates: &[Candidate], held: &HashMap<TenantId, usize>) -> Option<Candidate> {
    let most_held = |candidate: &Candidate| held.get(&candidate.tenant).copied().unwrap_or(0);
    let order = |candidate: &&Candidate| {
        (!candidate.is_frozen, std::cmp::Reverse(most_held(candidate)), candidate.last_use)
    };
    candidates.iter().min_by_key(order).cloned()
}

#[async_trait]
impl Evict for Sessions {
    async fn evict_one(&self) -> bool {
        if self.0.context.pool.give_up_one().await {
            return true;
        }
        let (candidates, held) = self.candidates();
        let Some(first) = first_to_go(&candidates, &held) else { return false };
        tracing::info!(app = %first.app, is_frozen = first.is_frozen, "taken down to make room");
        match self.take_down_unused(&first.app, first.last_use).await {
            Ok(is_down) => {
                if is_down {
                    Counts::add(&self.0.context.counts.evictions);
                }
                is_down
            }
            Err(error) => {
                tracing::error!(app = %first.app, %error, "not taken down");
                false
            }
        }
    }
}

impl Sessions {
    /// What may be taken down now, and how many sandboxes each tenant holds.
    fn candidates(&self) -> (Vec<Candidate>, HashMap<TenantId, usize>) {
        let now = self.0.context.clock.now();
        let mut apps: HashMap<AppId, (TenantId, Timestamp)> = HashMap::new();
        for known in lock(&self.0.known).values() {
            let (_, last_use) =
                apps.entry(known.app.clone()).or_insert((known.scope.tenant.clone(), known.last_use()));
            *last_use = known.last_use().max(*last_use);
        }
        let mut held: HashMap<TenantId, usize> = HashMap::new();
        let mut candidates = Vec::new();
        for (app, (tenant, last_use)) in apps {
            let phase = self.snapshot(&app).map_or(Phase::Idle, |snapshot| snapshot.phase);
            if !matches!(phase, Phase::Frozen | Phase::Running | Phase::Starting) {
                continue;
            }
            *held.entry(tenant.clone()).or_default() += 1;
            let is_frozen = phase == Phase::Frozen;
            if is_frozen || (phase == Phase::Running && last_use.plus_secs(QUIET_SECS) <= now) {
                candidates.push(Candidate { app, tenant, is_frozen, last_use });
            }
        }
        (candidates, held)
    }

    /// Takes an app's sandbox down as if its idle time had passed, unless somebody has used it since.
    async fn take_down_unused(&self, app: &AppId, since: Timestamp) -> Result<bool, StoreError> {
        let store = &self.0.context.store;
        let rows = store.sessions_of_app(app).await?;
        let awake: Vec<_> = rows.iter().filter(|row| row.status.needs_sandbox()).collect();
        for row in &awake {
            store.transition_session(&row.id, SessionEvent::Idle, None).await?;
        }
        let Some(preview) = lock(&self.0.previews).get(app).cloned() else { return Ok(true) };
        if preview.hibernate(self.unused_since(app, since)).await {
            return Ok(true);
        }
        for row in &awake {
            store.transition_session(&row.id, SessionEvent::Ensure, None).await?;
        }
        self.0.context.record(app, SessionEvent::Ready, None).await;
        Ok(false)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn candidate(app: u8, tenant: u8, is_frozen: bool, used_at: i64) -> Candidate {
        Candidate {
            app: format!("app_{app:026}").parse().unwrap(),
            tenant: format!("ten_{tenant:026}").parse().unwrap(),
            is_frozen,
            last_use: Timestamp::from_millis(used_at),
        }
    }

    fn order(mut candidates: Vec<Candidate>) -> Vec<String> {
        let mut order = Vec::new();
        while let Some(first) = {
            let mut held = HashMap::new();
            candidates.iter().for_each(|one| *held.entry(one.tenant.clone()).or_default() += 1);
            first_to_go(&candidates, &held)
        } {
            candidates.retain(|one| one.app != first.app);
            order.push(first.app.to_string().trim_start_matches("app_").trim_start_matches('0').to_owned());
        }
        order
    }

    #[test]
    fn the_frozen_go_first_then_the_largest_tenants_then_the_least_recently_used() {
        let candidates = vec![
            candidate(1, 1, false, 10),
            candidate(2, 1, true, 40),
            candidate(3, 2, true, 20),
            candidate(4, 1, true, 30),
            candidate(5, 2, false, 5),
        ];
        // Tenant 1 holds three, so it gives before tenant 2 although that one's was used longer ago.
        assert_eq!(order(candidates), ["4", "3", "2", "5", "1"]);
    }

    #[tokio::test]
    async fn starts_under_way_are_counted() {
        let room = Arc::new(Room::new(Box::new(|| Some(3 * START_BYTES)), START_BYTES, 8));
        let first = room.enter(None).await.ok().unwrap();
        let _second = room.enter(None).await.ok().unwrap();
        assert!(room.enter(None).await.is_err());
        drop(first);
        assert!(room.enter(None).await.is_ok());
    }

    #[tokio::test(start_paused = true)]
    async fn a_start_that_never_ends_keeps_nobody_from_starting() {
        let room = Arc::new(Room::new(Box::new(|| None), 0, 1));
        let begun = tokio::time::Instant::now();
        let _never_ends = room.enter(None).await.ok().unwrap();
        let _next = tokio::time::timeout(2 * TURN, room.enter(None)).await.unwrap().ok().unwrap();
        assert!(begun.elapsed() >= TURN, "they take turns");
    }

    #[tokio::test]
    async fn what_is_made_ahead_takes_nobodys_turn_and_only_room_that_is_there() {
        let room = Arc::new(Room::new(Box::new(|| Some(2 * START_BYTES)), 0, 1));
        let ahead = room.set_aside().ok().unwrap();
        let start = tokio::time::timeout(TURN / 2, room.enter(None)).await.unwrap().ok().unwrap();
        assert!(room.set_aside().is_err());
        drop((ahead, start));
        assert!(room.set_aside().is_ok());
    }

    #[tokio::test]
    async fn a_start_that_has_ended_gives_its_turn_back_at_once() {
        let room = Arc::new(Room::new(Box::new(|| None), 0, 1));
        drop(room.enter(None).await);
        assert!(tokio::time::timeout(TURN / 2, room.enter(None)).await.is_ok());
    }
}
