//! Who gives way: a session that has used the processor for long yields to everybody else until it has rested.
//!
//! A session may use as much as its quota allows (two cores by default), because a cold start that takes half the time is
//! worth it and the processor would idle otherwise. What must not be is that it takes that from others for long. So each
//! session has an account in processor time, filled at the rate that it may use for good and emptied by use; while it is
//! overdrawn, the session's control group is *idle* to the scheduler: it gets what nobody else wants, at once and without
//! a limit, and any process of another session or the server displaces it.

use std::sync::Arc;
use std::time::{Duration, Instant};

use super::life::Life;

/// What a session may use for good without ever giving way, in thousandths of a core.
const SUSTAINED_MILLIS: u64 = 500;

/// What it may use on top of that in a row: some three cold starts of a Vite project, or one of the heaviest template.
const BURST: Duration = Duration::from_secs(10);

/// What must be in the account again before the session is like others: no flapping at the edge.
const RESTED: Duration = Duration::from_secs(5);

/// A session that overdraws its account does so by this much, at most, before it is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Keeps the account of one sandbox until it is over.
pub(super) async fn keep(life: Arc<Life>) {
    let mut account = Account::full();
    let (mut looked, mut used) = (Instant::now(), Duration::ZERO);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        let Some(total) = life.cpu_time() else { return };
        let now = Instant::now();
        let changed = account.book(now - looked, total.saturating_sub(used));
        (looked, used) = (now, total);
        if let Some(gives_way) = changed {
            tracing::debug!(pid = life.pid(), gives_way, "a session's share of the processor changes");
            life.give_way(gives_way);
        }
    }
}

/// Processor time that may still be used before others come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    left: Duration,
    gives_way: bool,
}

impl Account {
    fn full() -> Self {
        Self { left: BURST, gives_way: false }
    }

    /// Books what passed and what was used meanwhile. `Some` when the session begins or ceases to give way.
    fn book(&mut self, passed: Duration, used: Duration) -> Option<bool> {
        let earned = passed.mul_f64(SUSTAINED_MILLIS as f64 / 1_000.0);
        self.left = (self.left + earned).min(BURST).saturating_sub(used);
        let gives_way = match self.gives_way {
            true => self.left < RESTED,
            false => self.left.is_zero(),
        };
        let changed = gives_way != self.gives_way;
        self.gives_way = gives_way;
        changed.then_some(gives_way)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    #[test]
    fn half_a_core_can_be_used_for_good() {
        let mut account = Account::full();
        assert!((0..10_000).all(|_| account.book(SECOND, SECOND / 2).is_none()));
    }

    #[test]
    fn a_burst_is_free_and_what_comes_after_gives_way_until_it_has_rested() {
        let mut account = Account::full();
        assert!((0..6).all(|_| account.book(SECOND, 2 * SECOND).is_none()), "six seconds of two cores");
        assert_eq!(account.book(SECOND, 2 * SECOND), Some(true));
        assert_eq!(account.book(SECOND, SECOND / 2), None, "using what it earns is no rest");
        assert!((0..9).all(|_| account.book(SECOND, Duration::ZERO).is_none()));
        assert_eq!(account.book(SECOND, Duration::ZERO), Some(false));
    }
}
