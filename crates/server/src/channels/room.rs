//! One app's room: who is in it, what was told in it lately, and what is to be told next.

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use tokio::sync::{Notify, broadcast, watch};
use tokio_util::sync::CancellationToken;
use utoipa::ToSchema;
use vitrine_model::source::Clock;
use vitrine_model::{ProjectPath, PublishId};

use super::news::{Author, News, Sequenced};

/// What is kept for those who come back.
const KEPT: usize = 512;

/// Bytes of it, roughly.
const KEPT_BYTES: usize = 1024 * 1024;

/// What a listener may be behind: some seconds of the busiest app there is.
const MOST_BEHIND: usize = 256;

/// Somebody who has the app open.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
#[schema(as = PresentPerson)]
pub(crate) struct Person {
    /// Which of their pages: each connection has its own.
    pub(crate) client_id: String,
    /// The name of the person, or of the key.
    pub(crate) name: String,
    /// The file they look at.
    #[serde(skip_serializing_if = "Option::is_none")]
    #[schema(value_type = Option<String>)]
    pub(crate) file: Option<ProjectPath>,
    /// The line they are in, from 1.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(crate) line: Option<u32>,
}

/// A room.
pub(crate) struct Room {
    state: Mutex<State>,
    live: broadcast::Sender<Arc<Sequenced>>,
    /// Counts changes of who is there and where they are; many at once are told as one.
    people: watch::Sender<u64>,
    seats_taken: AtomicU64,
    session_is_marked: AtomicBool,
    marked_publishes: Mutex<BTreeSet<PublishId>>,
    marked: Notify,
    closed: CancellationToken,
}

struct State {
    next_seq: u64,
    kept: VecDeque<Arc<Sequenced>>,
    kept_bytes: usize,
    people: BTreeMap<String, Person>,
}

/// What a room is asked to find out about and tell.
#[derive(Debug, Default)]
pub(crate) struct Marks {
    pub(crate) session: bool,
    pub(crate) publishes: BTreeSet<PublishId>,
}

impl Room {
    /// An empty one. Its numbers begin where no earlier room of the app has been: a thousand for each millisecond, and still
    /// exact as a number of JavaScript.
    pub(super) fn open(clock: &dyn Clock) -> Self {
        let begins_at = u64::try_from(clock.now().as_millis()).unwrap_or_default().saturating_mul(1_000);
        let state =
            State { next_seq: begins_at + 1, kept: VecDeque::new(), kept_bytes: 0, people: BTreeMap::new() };
        Self {
            state: Mutex::new(state),
            live: broadcast::Sender::new(MOST_BEHIND),
            people: watch::Sender::new(0),
            seats_taken: AtomicU64::new(0),
            session_is_marked: AtomicBool::new(false),
            marked_publishes: Mutex::default(),
            marked: Notify::new(),
            closed: CancellationToken::new(),
        }
    }

    /// Tells everybody, and keeps it for those who come back.
    pub(crate) fn tell(&self, news: News) {
        // Held while it is sent: what is kept and what is sent have the same order.
        let mut state = self.state();
        let told = Arc::new(Sequenced { seq: state.next_seq, news });
        state.next_seq += 1;
        state.kept_bytes += told.news.weight();
        state.kept.push_back(told.clone());
        while state.kept.len() > KEPT || state.kept_bytes > KEPT_BYTES {
            let Some(oldest) = state.kept.pop_front() else { break };
            state.kept_bytes -= oldest.news.weight();
        }
        // Nobody need be there.
        let _ = self.live.send(told);
    }

    /// The author as others may be told: a client only when it is here and has that name.
    pub(super) fn known(&self, author: Author) -> Author {
        let state = self.state();
        let client_id = author.client_id.filter(|id| {
            state.people.get(id).is_some_and(|person| author.name.as_ref() == Some(&person.name))
        });
        Author { client_id, name: author.name }
    }

    pub(super) fn mark_session(&self) {
        self.session_is_marked.store(true, Ordering::SeqCst);
        self.marked.notify_one();
    }

    pub(super) fn mark_publish(&self, publish: &PublishId) {
        lock(&self.marked_publishes).insert(publish.clone());
        self.marked.notify_one();
    }

    /// Waits until there is something to find out about, and takes it. For one task.
    pub(crate) async fn marks(&self) -> Marks {
        loop {
            let marks = Marks {
                session: self.session_is_marked.swap(false, Ordering::SeqCst),
                publishes: std::mem::take(&mut *lock(&self.marked_publishes)),
            };
            if marks.session || !marks.publishes.is_empty() {
                return marks;
            }
            self.marked.notified().await;
        }
    }

    /// Returns once the room is given up.
    pub(crate) async fn closed(&self) {
        self.closed.cancelled().await;
    }

    pub(super) fn is_closed(&self) -> bool {
        self.closed.is_cancelled()
    }

    pub(super) fn close(&self) {
        self.closed.cancel();
    }

    pub(super) fn count(&self) -> usize {
        self.state().people.len()
    }

    /// How often somebody came.
    pub(super) fn seats_taken(&self) -> u64 {
        self.seats_taken.load(Ordering::SeqCst)
    }

    fn state(&self) -> std::sync::MutexGuard<'_, State> {
        lock(&self.state)
    }
}

/// What a listener hears next.
#[derive(Debug)]
pub(crate) enum Heard {
    /// Something happened.
    News(Arc<Sequenced>),
    /// Somebody came, left or is elsewhere.
    People,
    /// Too much was told before it was listened to.
    TooSlow,
    /// The app is gone.
    Closed,
}

/// What is done when somebody has left.
type Leave = Box<dyn FnOnce(&Arc<Room>) + Send + Sync>;

/// A listener's place in a room; dropping it is leaving.
pub(crate) struct Seat {
    room: Arc<Room>,
    client_id: String,
    news: broadcast::Receiver<Arc<Sequenced>>,
    people: watch::Receiver<u64>,
    /// The newest number when the seat was taken.
    seq: u64,
    missed: Option<Vec<Arc<Sequenced>>>,
    leave: Option<Leave>,
}

impl Seat {
    pub(super) fn take(
        room: Arc<Room>,
        person: Person,
        after: Option<u64>,
        leave: impl FnOnce(&Arc<Room>) + Send + Sync + 'static,
    ) -> Self {
        let client_id = person.client_id.clone();
        // Together: nothing is told in between.
        let mut state = room.state();
        let news = room.live.subscribe();
        let seq = state.next_seq - 1;
        let missed = after.map_or(Some(Vec::new()), |after| since(&state, after));
        state.people.insert(client_id.clone(), person);
        drop(state);
        room.seats_taken.fetch_add(1, Ordering::SeqCst);
        room.people.send_modify(|changes| *changes += 1);
        let mut people = room.people.subscribe();
        people.mark_unchanged();
        Self { client_id, news, people, seq, missed, leave: Some(Box::new(leave)), room }
    }

    /// What was told since the number that was asked for; `None` when that is not known any more.
    pub(crate) fn missed(&self) -> Option<&[Arc<Sequenced>]> {
        self.missed.as_deref()
    }

    /// The newest number when the seat was taken.
    pub(crate) fn seq(&self) -> u64 {
        self.seq
    }

    /// Whose seat it is.
    pub(crate) fn person(&self) -> Person {
        let person = self.room.state().people.get(&self.client_id).cloned();
        person.unwrap_or_else(|| Person {
            client_id: self.client_id.clone(),
            name: String::new(),
            file: None,
            line: None,
        })
    }

    /// Everybody who is there.
    pub(crate) fn everybody(&self) -> Vec<Person> {
        self.room.state().people.values().cloned().collect()
    }

    /// The room.
    pub(crate) fn room(&self) -> &Arc<Room> {
        &self.room
    }

    /// Says where one is.
    pub(crate) fn move_to(&self, file: Option<ProjectPath>, line: Option<u32>) {
        let mut state = self.room.state();
        let Some(person) = state.people.get_mut(&self.client_id) else { return };
        if (&person.file, person.line) == (&file, line) {
            return;
        }
        (person.file, person.line) = (file, line);
        drop(state);
        self.room.people.send_modify(|changes| *changes += 1);
    }

    /// Waits for what is told next. Losing patience loses nothing.
    pub(crate) async fn hear(&mut self) -> Heard {
        tokio::select! {
            biased;
            () = self.room.closed.cancelled() => Heard::Closed,
            told = self.news.recv() => match told {
                Ok(told) => Heard::News(told),
                Err(broadcast::error::RecvError::Lagged(_)) => Heard::TooSlow,
                Err(broadcast::error::RecvError::Closed) => Heard::Closed,
            },
            changed = self.people.changed() => match changed {
                Ok(()) => Heard::People,
                Err(_) => Heard::Closed,
            },
        }
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.room.state().people.remove(&self.client_id);
        self.room.people.send_modify(|changes| *changes += 1);
        if let Some(leave) = self.leave.take() {
            leave(&self.room);
        }
    }
}

/// What was told after a number, when all of it is kept still.
fn since(state: &State, after: u64) -> Option<Vec<Arc<Sequenced>>> {
    let newest = state.next_seq - 1;
    let oldest = newest + 1 - state.kept.len() as u64;
    if after > newest || after + 1 < oldest {
        return None;
    }
    // Numbers have no gaps.
    let from = state.kept.len() - usize::try_from(newest - after).ok()?;
    Some(state.kept.range(from..).cloned().collect())
}

fn lock<T>(mutex: &Mutex<T>) -> std::sync::MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
