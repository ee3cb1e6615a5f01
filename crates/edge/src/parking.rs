//! Pages that wait: for a dev server that is gone to be back, or for the end of the link they came by.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError, Weak};
use std::time::Duration;

use tokio::sync::{OnceCell, Semaphore};
use vitrine_model::SessionId;

use crate::admitted::{LinkSeat, ended};
use crate::forward::dial;
use crate::gateway::Gateway;
use crate::sockets::Sockets;
use crate::target::PreviewState;

/// How often is looked whether the dev server is back.
const PARKED_INTERVAL: Duration = Duration::from_millis(100);

/// The places of waiting pages, and what those of one session wait for together.
pub(crate) struct Parking {
    /// Of all sessions.
    places: Semaphore,
    /// Of each session: as many as it may have sockets, besides those.
    seats: Arc<Sockets<SessionId>>,
    looks: Mutex<HashMap<SessionId, Weak<Look>>>,
}

/// Set when it is known whether the dev server comes back. Whoever waits first looks, and when that one leaves, another.
type Look = OnceCell<bool>;

impl Parking {
    /// With so many places.
    pub(crate) fn new(places: usize) -> Self {
        Self { places: Semaphore::new(places), seats: Arc::default(), looks: Mutex::default() }
    }

    /// What the others of this session wait for, or a new one.
    fn look(&self, session: &SessionId) -> Arc<Look> {
        let mut looks = self.looks.lock().unwrap_or_else(PoisonError::into_inner);
        let current = looks.get(session).and_then(Weak::upgrade).filter(|look| !look.initialized());
        current.unwrap_or_else(|| {
            looks.retain(|_, look| look.strong_count() > 0);
            let look = Arc::new(Look::new());
            looks.insert(session.clone(), Arc::downgrade(&look));
            look
        })
    }
}

impl Gateway {
    /// Ends with true when the page should load anew: the session has a dev server that can be dialled, or the visitor's link
    /// has ended, which the page will say. With false when that never comes.
    pub(crate) fn back(
        &self,
        session: &SessionId,
        link: Option<Arc<LinkSeat>>,
    ) -> impl Future<Output = bool> + Send + use<> {
        let is_back = self.has_dev_server(session);
        async move {
            tokio::select! {
                is_back = is_back => is_back,
                () = ended(link) => true,
            }
        }
    }

    fn has_dev_server(&self, session: &SessionId) -> impl Future<Output = bool> + Send + use<> {
        let targets = self.targets.clone();
        let session = session.clone();
        let parking = self.parking.clone();
        let limits = self.config.limits.clone();
        async move {
            let seat = parking.seats.enter(&session, 0, limits.max_sockets);
            let (Some(_seat), Ok(_place)) = (seat, parking.places.try_acquire()) else {
                return false;
            };
            let look = || async {
                loop {
                    match targets.resolve(&session).await {
                        PreviewState::NotFound | PreviewState::Over => return false,
                        PreviewState::Running(upstream)
                            if dial(upstream.as_ref(), limits.connect_timeout).await.is_ok() =>
                        {
                            return true;
                        }
                        _ => tokio::time::sleep(PARKED_INTERVAL).await,
                    }
                }
            };
            *parking.look(&session).get_or_init(look).await
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};

    #[tokio::test]
    async fn the_pages_of_one_session_look_together_and_those_of_another_time_anew() {
        let (clock, entropy) = (FixedClock::at_millis(1_700_000_000_000), CountingEntropy::default());
        let [session, other] = [(); 2].map(|()| SessionId::mint(&clock, &entropy));
        let parking = Parking::new(8);
        let (first, second) = (parking.look(&session), parking.look(&session));
        assert!(Arc::ptr_eq(&first, &second) && !Arc::ptr_eq(&first, &parking.look(&other)));
        // The one who looks leaves, and the next goes on.
        assert!(tokio::time::timeout(Duration::ZERO, first.get_or_init(std::future::pending)).await.is_err());
        assert!(*second.get_or_init(|| async { true }).await);
        assert!(*first.get_or_init(std::future::pending).await, "one answer is everybody's");
        assert!(!parking.look(&session).initialized(), "who comes later waits for the next one");
    }
}
