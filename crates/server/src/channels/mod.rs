//! Who looks at an app at this moment, and what they are told: one room for each app that somebody has open.
//!
//! A room exists while somebody is in it, and a moment longer, so that who was cut off finds what they missed. Whatever
//! happens to an app that nobody looks at costs one look into a map. What is told is what this process has done: the one that
//! has the database open.

mod news;
mod room;

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use vitrine_model::change::Effects;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{AppId, PublishId};

pub(crate) use news::{Author, DraftNews, News, Sequenced};
pub(crate) use room::{Heard, Person, Room, Seat};

/// People, tabs and programs in one room. Each costs a task, a socket and a message for everything that happens.
const MOST_CLIENTS: usize = 64;

/// How long an empty room keeps what was told in it: a phone that changes its network is back within.
const LINGERS: Duration = Duration::from_secs(60);

/// The rooms; cheap to clone.
#[derive(Clone)]
pub(crate) struct Channels(Arc<Inner>);

struct Inner {
    rooms: Mutex<HashMap<AppId, Arc<Room>>>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

/// The room has [`MOST_CLIENTS`].
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{MOST_CLIENTS} have this app open already")]
pub(crate) struct RoomFull;

impl Channels {
    pub(crate) fn new(clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        Self(Arc::new(Inner { rooms: Mutex::default(), clock, entropy }))
    }

    /// Takes a seat in an app's room, and what was told there since number `after`. Whoever makes the room is told so, and has
    /// to see that it learns of sessions and publishes.
    pub(crate) fn join(&self, app: &AppId, name: &str, after: Option<u64>) -> Result<(Seat, bool), RoomFull> {
        let mut id = [0; 12];
        self.0.entropy.fill(&mut id);
        let client_id = format!("client_{}", data_encoding::HEXLOWER.encode(&id));
        // Held until the seat is taken: no room is given up in between.
        let mut rooms = self.rooms();
        let room = rooms.get(app).filter(|room| !room.is_closed()).cloned();
        let is_new = room.is_none();
        let room = room.unwrap_or_else(|| Arc::new(Room::open(self.0.clock.as_ref())));
        if room.count() >= MOST_CLIENTS {
            return Err(RoomFull);
        }
        rooms.insert(app.clone(), room.clone());
        let person = Person { client_id, name: name.to_owned(), file: None, line: None };
        let leave = {
            let (channels, app) = (self.clone(), app.clone());
            move |room: &Arc<Room>| channels.left(&app, room)
        };
        Ok((Seat::take(room, person, after, leave), is_new))
    }

    /// True when somebody looks, or has just been cut off.
    pub(crate) fn is_heard(&self, app: &AppId) -> bool {
        self.rooms().contains_key(app)
    }

    /// The draft was changed, by whomever.
    pub(crate) fn drafted(&self, app: &AppId, version: u64, effects: &Effects, author: Author) {
        if let Some(room) = self.room(app) {
            let author = room.known(author);
            room.tell(News::Draft(DraftNews::of(version, effects, author)));
        }
    }

    /// Something about the app's sessions is another one.
    pub(crate) fn session_changed(&self, app: &AppId) {
        if let Some(room) = self.room(app) {
            room.mark_session();
        }
    }

    /// Something about a publish is another one, and is in the store.
    pub(crate) fn published(&self, app: &AppId, publish: &PublishId) {
        if let Some(room) = self.room(app) {
            room.mark_publish(publish);
        }
    }

    /// The app is gone: everybody leaves.
    pub(crate) fn forget(&self, app: &AppId) {
        if let Some(room) = self.rooms().remove(app) {
            room.close();
        }
    }

    fn room(&self, app: &AppId) -> Option<Arc<Room>> {
        self.rooms().get(app).cloned()
    }

    /// Gives up an empty room, unless somebody comes back in time.
    fn left(&self, app: &AppId, room: &Arc<Room>) {
        if room.count() > 0 || room.is_closed() {
            return;
        }
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return self.give_up(app, room) };
        let (channels, app, room) = (self.clone(), app.clone(), room.clone());
        let seats_taken = room.seats_taken();
        runtime.spawn(async move {
            tokio::time::sleep(LINGERS).await;
            if room.seats_taken() == seats_taken {
                channels.give_up(&app, &room);
            }
        });
    }

    fn give_up(&self, app: &AppId, room: &Arc<Room>) {
        let mut rooms = self.rooms();
        if room.count() == 0 && rooms.get(app).is_some_and(|known| Arc::ptr_eq(known, room)) {
            rooms.remove(app);
            room.close();
        }
    }

    fn rooms(&self) -> std::sync::MutexGuard<'_, HashMap<AppId, Arc<Room>>> {
        self.0.rooms.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::FixedClock;
    use vitrine_model::{FileEntry, FileMode, ProjectPath, Sha256};

    use super::*;
    use crate::source::SystemEntropy;

    fn channels() -> (Channels, Arc<FixedClock>, AppId) {
        let clock = Arc::new(FixedClock::at_millis(1_000_000));
        let channels = Channels::new(clock.clone(), Arc::new(SystemEntropy));
        let app = AppId::mint(clock.as_ref(), &SystemEntropy);
        (channels, clock, app)
    }

    fn effects(count: usize) -> Effects {
        let entry = FileEntry { sha256: Sha256::of(b""), size: 0, mode: FileMode::Regular };
        let paths = (0..count).map(|n| ProjectPath::parse(&format!("f{n}")).unwrap());
        Effects { put: paths.map(|path| (path, entry)).collect(), removed: Vec::new() }
    }

    fn version(heard: &Heard) -> u64 {
        match heard {
            Heard::News(told) => match &told.news {
                News::Draft(draft) => draft.version,
                other => panic!("{other:?}"),
            },
            other => panic!("{other:?}"),
        }
    }

    #[tokio::test]
    async fn who_comes_back_hears_what_they_missed_and_who_was_away_too_long_is_told_so() {
        let (channels, clock, app) = channels();
        let (mut seat, is_new) = channels.join(&app, "one", None).unwrap();
        assert!(is_new && seat.missed().is_some_and(|missed| missed.is_empty()));
        channels.drafted(&app, 2, &effects(1), Author::default());
        let first = match seat.hear().await {
            Heard::News(told) => told.seq,
            other => panic!("{other:?}"),
        };
        drop(seat);
        channels.drafted(&app, 3, &effects(1), Author::default());
        channels.drafted(&app, 4, &effects(201), Author::default());
        let (seat, is_new) = channels.join(&app, "one", Some(first)).unwrap();
        let missed = seat.missed().unwrap();
        let told: Vec<_> = missed.iter().map(|told| version(&Heard::News(told.clone()))).collect();
        assert_eq!((told, is_new), (vec![3, 4], false));
        assert!(matches!(&missed[1].news, News::Draft(draft) if draft.paths.is_none()), "too many to name");

        for n in 0..2_000 {
            channels.drafted(&app, n, &effects(1), Author::default());
        }
        assert!(channels.join(&app, "one", Some(first)).unwrap().0.missed().is_none(), "no longer kept");
        assert!(
            channels.join(&app, "one", Some(first + 1_000_000)).unwrap().0.missed().is_none(),
            "never told"
        );
        // A room that was given up knows nothing of numbers that another one gave out.
        let newest = seat.seq();
        drop(seat);
        channels.give_up(&app, &channels.room(&app).unwrap());
        clock.advance_secs(1);
        assert!(!channels.is_heard(&app));
        assert!(channels.join(&app, "one", Some(newest)).unwrap().0.missed().is_none());
    }

    #[tokio::test(start_paused = true)]
    async fn an_empty_room_lingers_for_a_while_and_then_costs_nothing() {
        let (channels, _, app) = channels();
        let (seat, _) = channels.join(&app, "one", None).unwrap();
        drop(seat);
        tokio::time::sleep(LINGERS / 2).await;
        let (seat, is_new) = channels.join(&app, "one", None).unwrap();
        assert!(!is_new);
        tokio::time::sleep(LINGERS).await;
        assert!(channels.is_heard(&app), "somebody is in it");
        drop(seat);
        tokio::time::sleep(LINGERS + Duration::from_secs(1)).await;
        assert!(!channels.is_heard(&app));
    }

    #[tokio::test]
    async fn who_does_not_listen_falls_behind_alone() {
        let (channels, _, app) = channels();
        let (mut slow, _) = channels.join(&app, "slow", None).unwrap();
        let (mut quick, _) = channels.join(&app, "quick", None).unwrap();
        for n in 0..1_000 {
            channels.drafted(&app, n, &effects(1), Author::default());
            assert_eq!(version(&quick.hear().await), n);
        }
        assert!(matches!(slow.hear().await, Heard::TooSlow));
    }

    #[tokio::test]
    async fn a_room_has_an_end_and_so_has_an_app() {
        let (channels, _, app) = channels();
        let mut seats: Vec<_> =
            (0..MOST_CLIENTS).map(|_| channels.join(&app, "x", None).unwrap().0).collect();
        assert!(channels.join(&app, "x", None).is_err());
        seats.pop();
        let (mut seat, _) = channels.join(&app, "x", None).unwrap();
        channels.forget(&app);
        loop {
            match seat.hear().await {
                Heard::People => {}
                Heard::Closed => break,
                other => panic!("{other:?}"),
            }
        }
    }

    #[tokio::test]
    async fn nobody_speaks_in_the_name_of_somebody_who_is_not_there() {
        let (channels, _, app) = channels();
        let (mut seat, _) = channels.join(&app, "Ada", None).unwrap();
        let (other, _) = channels.join(&app, "Bob", None).unwrap();
        let mut heard = async |author: Author| {
            channels.drafted(&app, 1, &effects(1), author);
            loop {
                if let Heard::News(told) = seat.hear().await {
                    let News::Draft(draft) = &told.news else { panic!("{told:?}") };
                    return draft.author.clone();
                }
            }
        };
        let by = |client_id: &str, name: &str| Author {
            client_id: Some(client_id.to_owned()),
            name: Some(name.to_owned()),
        };
        let bob = other.person().client_id;
        assert_eq!(heard(by(&bob, "Bob")).await, by(&bob, "Bob"));
        let unknown = heard(by("client_made_up", "Bob")).await;
        assert_eq!(unknown, Author { client_id: None, name: Some("Bob".to_owned()) });
        assert_eq!(heard(by(&bob, "Eve")).await.client_id, None, "somebody else's page");
    }
}
