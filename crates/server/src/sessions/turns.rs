//! Turns: so many starts at once, and tenants that wait take theirs one after the other.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;
use vitrine_model::TenantId;

/// A fixed number of turns; cheap to clone.
#[derive(Clone)]
pub(super) struct Turns(Arc<Mutex<State>>);

struct State {
    free: usize,
    /// Who waits, by tenant; the tenant in front is next, and goes to the back then.
    waiting: VecDeque<(TenantId, VecDeque<oneshot::Sender<Turn>>)>,
}

/// One turn; the next who waits has it when it is dropped.
pub(super) struct Turn(Turns);

impl Turns {
    pub(super) fn new(count: usize) -> Self {
        Self(Arc::new(Mutex::new(State { free: count.max(1), waiting: VecDeque::new() })))
    }

    /// The next turn of this tenant. Whoever is dropped while waiting gives it up.
    pub(super) async fn take(&self, tenant: &TenantId) -> Turn {
        let waiting = {
            let mut state = self.lock();
            if state.free > 0 {
                state.free -= 1;
                return Turn(self.clone());
            }
            let (turn, waiting) = oneshot::channel();
            match state.waiting.iter_mut().find(|(waits, _)| waits == tenant) {
                Some((_, queue)) => queue.push_back(turn),
                None => state.waiting.push_back((tenant.clone(), VecDeque::from([turn]))),
            }
            waiting
        };
        match waiting.await {
            Ok(turn) => turn,
            // Nobody drops the other end but with the turns themselves.
            Err(_) => std::future::pending().await,
        }
    }

    /// True when nobody can start without waiting.
    pub(super) fn are_taken(&self) -> bool {
        self.lock().free == 0
    }

    fn pass_on(&self) {
        let mut state = self.lock();
        while let Some((tenant, mut queue)) = state.waiting.pop_front() {
            let next = queue.pop_front();
            if !queue.is_empty() {
                state.waiting.push_back((tenant, queue));
            }
            let Some(next) = next else { continue };
            match next.send(Turn(self.clone())) {
                Ok(()) => return,
                // Gone meanwhile. The turn is still in our hands.
                Err(turn) => std::mem::forget(turn),
            }
        }
        state.free += 1;
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        self.0.pass_on();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures::FutureExt;

    fn tenant(number: u8) -> TenantId {
        format!("ten_{number:026}").parse().unwrap()
    }

    #[tokio::test]
    async fn one_who_starts_many_waits_for_those_who_start_few() {
        let turns = Turns::new(1);
        let mut turn = turns.take(&tenant(1)).await;
        let asked = [1, 1, 1, 2, 3, 2].map(|number| (number, turns.clone()));
        let mut waiting: Vec<_> = asked
            .into_iter()
            .map(|(number, turns)| (number, async move { turns.take(&tenant(number)).await }.boxed()))
            .collect();
        waiting.iter_mut().for_each(|(_, take)| assert!(take.now_or_never().is_none()));
        let mut order = Vec::new();
        while !waiting.is_empty() {
            drop(turn);
            let ready =
                waiting.iter_mut().enumerate().find_map(|(at, (_, take))| Some((at, take.now_or_never()?)));
            let (at, next) = ready.expect("somebody's turn");
            order.push(waiting.remove(at).0);
            turn = next;
        }
        assert_eq!(order, [1, 2, 3, 1, 2, 1]);
    }

    #[tokio::test]
    async fn who_has_gone_is_passed_over_and_no_turn_is_lost() {
        let turns = Turns::new(1);
        let turn = turns.take(&tenant(1)).await;
        let mut given_up = Box::pin(async { turns.take(&tenant(2)).await });
        assert!((&mut given_up).now_or_never().is_none());
        let mut next = Box::pin(async { turns.take(&tenant(3)).await });
        assert!((&mut next).now_or_never().is_none());
        drop(given_up);
        drop(turn);
        // Given, and given up before it was taken.
        drop(next);
        assert!(!turns.are_taken());
        assert!(turns.take(&tenant(1)).now_or_never().is_some());
    }
}
