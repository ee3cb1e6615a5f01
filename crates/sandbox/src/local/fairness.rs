//! Who gives way: a session that has used the processor for long yields to everybody else until it has rested.
//!
//! A session may use as much as its quota allows (two cores by default), because a cold start that takes half the time is
//! worth it and the processor would idle otherwise. What must not be is that it takes that from others for long. So each
//! session has an account in processor time, filled at the rate of a session that somebody works with, and emptied by use.
//! While it is overdrawn and there is another session that is not, the session's control group is *idle* to the scheduler:
//! it gets what nobody else wants, and any process of another session or the server displaces
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

/// What all sessions that give way may use together, in thousandths of each core. Being idle to the scheduler is not enough:
/// every one of them is let in for a tick or two whenever the others have had their due, and somebody who waits for a chain
/// of processes meets that again and again. With less than all of the machine there is room most of the time.
const TOGETHER_MILLIS: u32 = 500;

/// The sessions of a driver that run, by what is in their accounts.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    /// With something in their accounts: those that others give way to.
    light: AtomicUsize,
    /// With nothing.
    heavy: AtomicUsize,
}

/// Keeps the account of one sandbox until it is over.
pub(super) async fn keep(life: Arc<Life>, crowd: Crowd) {
    let mut account = Account::full();
    let mut counted = Some(Counted::among(&crowd, false));
    let (mut looked, mut used, mut at_most) = (Instant::now(), Duration::ZERO, None);
    loop {
        tokio::time::sleep(LOOK_EVERY).await;
        if life.is_frozen() {
            counted = None;
            life.runs().await;
        }
        let Some(total) = life.cpu_time() else { return };
        let now = Instant::now();
        account.book(now - looked, total.saturating_sub(used));
        (looked, used) = (now, total);
        if counted.as_ref().is_none_or(|counted| counted.is_heavy != account.is_overdrawn) {
            drop(counted.take());
            counted = Some(Counted::among(&crowd, account.is_overdrawn));
        }
        let should = crowd.share().filter(|_| account.is_overdrawn);
        if should != at_most {
            tracing::debug!(pid = life.pid(), at_most = should, "a session's place at the processor changes");
            life.give_way(should);
            at_most = should;
        }
    }
}

impl Crowd {
    /// What each session that gives way may use, in thousandths of a core; none when there is nobody to give way to.
    fn share(&self) -> Option<u32> {
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let cores = u32::try_from(cores).unwrap_or(u32::MAX);
        let heavy = u32::try_from(self.0.heavy.load(Ordering::Relaxed)).unwrap_or(u32::MAX).max(1);
        (self.0.light.load(Ordering::Relaxed) > 0)
            .then(|| (TOGETHER_MILLIS.saturating_mul(cores) / heavy).max(1))
    }
}

/// One session in the crowd, as long as this lives.
struct Counted {
    crowd: Crowd,
    is_heavy: bool,
}

impl Counted {
    fn among(crowd: &Crowd, is_heavy: bool) -> Self {
        let counted = Self { crowd: crowd.clone(), is_heavy };
        counted.counter().fetch_add(1, Ordering::Relaxed);
        counted
    }

    fn counter(&self) -> &AtomicUsize {
        match self.is_heavy {
            true => &self.crowd.0.heavy,
            false => &self.crowd.0.light,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counter().fetch_sub(1, Ordering::Relaxed);
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
    fn who_gives_way_shares_half_of_the_machine_while_there_is_somebody_to_give_way_to() {
        let crowd = Crowd::default();
        let cores = std::thread::available_parallelism().unwrap().get() as u32;
        let heavy = [Counted::among(&crowd, true), Counted::among(&crowd, true)];
        assert_eq!(crowd.share(), None);
        let light = Counted::among(&crowd, false);
        assert_eq!(crowd.share(), Some(250 * cores));
        drop(heavy);
        assert_eq!(crowd.share(), Some(500 * cores));
        drop(light);
        assert_eq!(crowd.share(), None);
    }
}
