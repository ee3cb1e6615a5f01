//! Who gives way: a session that has used the processor for long yields to everybody else until it has rested.
//!
//! A session may use as much as its quota allows (two cores by default), because a cold start that takes half the time is
//! worth it and the processor would idle otherwise. What must not be is that it takes that from others for long. So each
//! session has an account in processor time, filled at the rate of a session that somebody works with, and emptied by use.
//! While it is overdrawn and there is another session that is not, the session's control group is *idle* to the scheduler:
//! it gets what nobody else wants, at once and without a limit, and any process of another session or the server displaces
//! it. Sessions that are all overdrawn share as equals.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::life::Life;

/// What a session may use for good without ever giving way, in thousandths of a core: two to three times what somebody takes
/// who loads a whole page every second. It is half the fair share of five sessions on two cores, so that those who take
/// theirs all the time come after one who needs little.
const SUSTAINED_MILLIS: u64 = 200;

/// What it may use on top of that in a row. A cold start of the largest template with seventy loads of its page took three.
const BURST: Duration = Duration::from_secs(5);

/// What must be in the account again before the session is like others: no flapping at the edge.
const RESTED: Duration = Duration::from_secs(2);

/// A session that overdraws its account does so by this much, at most, before it is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// How many sessions of a driver have something in their accounts: those that others give way to.
#[derive(Debug, Clone, Default)]
pub(super) struct Light(Arc<AtomicUsize>);

/// Keeps the account of one sandbox until it is over.
pub(super) async fn keep(life: Arc<Life>, light: Light) {
    let mut account = Account::full();
    let mut counted = Some(Counted::among(&light));
    let (mut looked, mut used, mut gives_way) = (Instant::now(), Duration::ZERO, false);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        life.runs().await;
        let Some(total) = life.cpu_time() else { return };
        let now = Instant::now();
        account.book(now - looked, total.saturating_sub(used));
        (looked, used) = (now, total);
        match account.is_overdrawn {
            true => counted = None,
            false if counted.is_none() => counted = Some(Counted::among(&light)),
            false => {}
        }
        let should = account.is_overdrawn && light.0.load(Ordering::Relaxed) > 0;
        if should != gives_way {
            tracing::debug!(
                pid = life.pid(),
                gives_way = should,
                "a session's place at the processor changes"
            );
            life.give_way(should);
            gives_way = should;
        }
    }
}

/// One session among the light ones, as long as this lives.
struct Counted(Light);

impl Counted {
    fn among(light: &Light) -> Self {
        light.0.fetch_add(1, Ordering::Relaxed);
        Self(light.clone())
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.0.0.fetch_sub(1, Ordering::Relaxed);
    }
}

/// Processor time that may still be used before others come first.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Account {
    left: Duration,
    is_overdrawn: bool,
}

impl Account {
    fn full() -> Self {
        Self { left: BURST, is_overdrawn: false }
    }

    /// Books what passed and what was used meanwhile.
    fn book(&mut self, passed: Duration, used: Duration) {
        let earned = passed.mul_f64(SUSTAINED_MILLIS as f64 / 1_000.0);
        self.left = (self.left + earned).min(BURST).saturating_sub(used);
        self.is_overdrawn = match self.is_overdrawn {
            true => self.left < RESTED,
            false => self.left.is_zero(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    impl Account {
        fn after(mut self, seconds: u32, used_each: Duration) -> Self {
            (0..seconds).for_each(|_| self.book(SECOND, used_each));
            self
        }
    }

    #[test]
    fn a_fifth_of_a_core_can_be_used_for_good() {
        assert!(!Account::full().after(10_000, SECOND / 5).is_overdrawn);
    }

    #[test]
    fn a_burst_is_free_and_what_comes_after_is_not_until_it_has_rested() {
        let burst = Account::full().after(2, 2 * SECOND);
        assert!(!burst.is_overdrawn, "two seconds of two cores");
        let overdrawn = burst.after(1, 2 * SECOND);
        assert!(overdrawn.is_overdrawn);
        assert!(overdrawn.after(100, SECOND / 5).is_overdrawn, "using what it earns is no rest");
        assert!(overdrawn.after(9, Duration::ZERO).is_overdrawn);
        assert!(!overdrawn.after(11, Duration::ZERO).is_overdrawn);
    }

    #[test]
    fn five_that_share_two_cores_are_overdrawn_before_long() {
        assert!(Account::full().after(26, SECOND * 4 / 10).is_overdrawn);
    }

    #[test]
    fn a_session_is_light_as_long_as_it_is_counted() {
        let light = Light::default();
        let counted = [Counted::among(&light), Counted::among(&light)];
        assert_eq!(light.0.load(Ordering::Relaxed), 2);
        drop(counted);
        assert_eq!(light.0.load(Ordering::Relaxed), 0);
    }
}
