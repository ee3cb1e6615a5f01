//! Who gives way: a session that has used the processor for long yields to everybody else until it has rested.
//!
//! A session may use as much as its quota allows (two cores by default), because a cold start that takes half the time is
//! worth it and the processor would idle otherwise. What must not be is that it takes that from others for long. So each
//! session has two accounts in processor time, both filled at the rate of a session that somebody works with, and emptied by
//! use. The large one holds a cold start, the small one a page. Who has overdrawn the large one gives way to everybody who
//! has not. Who has overdrawn the small one is *busy*, which is nobody's loss as long as only a few are: when there are as
//! many of them as cores, they give way as well, to those who are not.
//!
//! To give way is to be *idle* to the scheduler, with a part of the machine as a limit: such a session gets what nobody else
//! wants, and any process of another session or the server displaces it. Sessions that all give way share as equals. What is
//! started ahead of any need ([`Urgency::Background`]) gives way from its first instruction.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use super::life::Life;
use crate::driver::Urgency;

/// What a session may use for good without ever giving way, in thousandths of a core: two to three times what somebody takes
/// who loads a whole page every second. It is half the fair share of five sessions on two cores, so that those who take
/// theirs all the time come after one who needs little.
const SUSTAINED_MILLIS: u64 = 200;

/// What it may use on top of that in a row. A cold start of the largest template with seventy loads of its page took three.
const BURST: Allowance = Allowance { full: Duration::from_secs(5), rested: Duration::from_secs(2) };

/// What it may use in a row however many are at work: a page with all its modules took 0.1 s.
const MOMENT: Allowance = Allowance { full: Duration::from_millis(200), rested: Duration::from_millis(100) };

/// A session that overdraws an account does so by this much for each core, at most, before it is noticed.
const LOOK_EVERY: Duration = Duration::from_millis(100);

/// The same for one that used nothing when it was last looked at.
const LOOK_EVERY_AT_REST: Duration = Duration::from_millis(250);

/// What all sessions that give way may use together, in thousandths of each core. Being idle to the scheduler is not enough:
/// every one of them is let in for a tick or two whenever the others have had their due, and somebody who waits for a chain
/// of processes meets that again and again. With less than all of the machine there is room most of the time.
const TOGETHER_MILLIS: usize = 500;

/// What an account holds at most, and what must be in it again after it was overdrawn: no flapping at the edge.
#[derive(Debug, Clone, Copy)]
struct Allowance {
    full: Duration,
    rested: Duration,
}

/// A session's place at the processor.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// Both accounts hold something.
    Light,
    /// The small account is overdrawn.
    Busy,
    /// The large one is.
    Overdrawn,
    /// Started ahead of any need, and at work.
    Ahead,
}

/// The sessions of a driver that run, by their standing.
#[derive(Debug, Clone, Default)]
pub(super) struct Crowd(Arc<Counts>);

#[derive(Debug, Default)]
struct Counts {
    light: AtomicUsize,
    busy: AtomicUsize,
    overdrawn: AtomicUsize,
    ahead: AtomicUsize,
}

/// Keeps the accounts of one sandbox until it is over.
pub(super) async fn keep(life: Arc<Life>, crowd: Crowd) {
    let mut accounts = Accounts::full();
    let mut urgency = life.urgency();
    let mut counted = None;
    let (mut looked, mut used, mut at_most) = (Instant::now(), Duration::ZERO, None);
    let mut pause = LOOK_EVERY;
    loop {
        // An error is the end of the sandbox, which the next look sees.
        let _ = tokio::time::timeout(pause, urgency.changed()).await;
        if life.is_frozen() {
            counted = None;
            life.runs().await;
        }
        let Some(total) = life.cpu_time() else { return };
        let (now, spent) = (Instant::now(), total.saturating_sub(used));
        let passed = now - looked;
        (looked, used) = (now, total);
        pause = if spent.is_zero() { LOOK_EVERY_AT_REST } else { LOOK_EVERY };
        accounts.book(passed, spent, at_most);
        let is_ahead = *urgency.borrow_and_update() == Urgency::Background;
        let standing = match (is_ahead, accounts.standing()) {
            (false, standing) => Some(standing),
            (true, Standing::Light) => None,
            (true, _) => Some(Standing::Ahead),
        };
        if counted.as_ref().map(|counted: &Counted| counted.standing) != standing {
            drop(counted.take());
            counted = standing.map(|standing| Counted::among(&crowd, standing));
        }
        let should = crowd.share(standing.unwrap_or(Standing::Ahead));
        if should != at_most {
            tracing::debug!(pid = life.pid(), at_most = should, "a session's place at the processor changes");
            life.give_way(should);
            at_most = should;
        }
    }
}

impl Crowd {
    /// What each session of this standing may use, in thousandths of a core; none when there is nobody to give way to.
    fn share(&self, standing: Standing) -> Option<u32> {
        let of = |counter: &AtomicUsize| counter.load(Ordering::Relaxed);
        let Counts { light, busy, overdrawn, ahead } = self.0.as_ref();
        let (light, busy, overdrawn, ahead) = (of(light), of(busy), of(overdrawn), of(ahead));
        let cores = std::thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let is_crowded = light > 0 && busy + overdrawn >= cores;
        let gives_way = match standing {
            Standing::Light => false,
            Standing::Busy => is_crowded,
            Standing::Overdrawn => light + busy > 0,
            Standing::Ahead => light + busy + overdrawn > 0,
        };
        let sharers = overdrawn + ahead + if is_crowded { busy } else { 0 };
        let share = (TOGETHER_MILLIS.saturating_mul(cores) / sharers.max(1)).max(1);
        gives_way.then(|| u32::try_from(share).unwrap_or(u32::MAX))
    }
}

/// One session in the crowd, as long as this lives.
struct Counted {
    crowd: Crowd,
    standing: Standing,
}

impl Counted {
    fn among(crowd: &Crowd, standing: Standing) -> Self {
        let counted = Self { crowd: crowd.clone(), standing };
        counted.counter().fetch_add(1, Ordering::Relaxed);
        counted
    }

    fn counter(&self) -> &AtomicUsize {
        let counts = &self.crowd.0;
        match self.standing {
            Standing::Light => &counts.light,
            Standing::Busy => &counts.busy,
            Standing::Overdrawn => &counts.overdrawn,
            Standing::Ahead => &counts.ahead,
        }
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.counter().fetch_sub(1, Ordering::Relaxed);
    }
}

/// Both accounts of a session.
#[derive(Debug, Clone, Copy)]
struct Accounts {
    burst: Account,
    moment: Account,
}

impl Accounts {
    fn full() -> Self {
        Self { burst: Account::full(BURST), moment: Account::full(MOMENT) }
    }

    /// Books what passed and what was used meanwhile; with `at_most`, by a session that gave way with that as its limit. It
    /// earns half of its limit at most: one that takes all that it is given does not rest, be it as little as it may.
    fn book(&mut self, passed: Duration, used: Duration, at_most: Option<u32>) {
        let limited = at_most.map_or(SUSTAINED_MILLIS, |at_most| u64::from(at_most) / 2);
        let earned = passed.mul_f64(limited.min(SUSTAINED_MILLIS) as f64 / 1_000.0);
        self.burst.book(earned, used);
        self.moment.book(earned, used);
    }

    fn standing(&self) -> Standing {
        match (self.burst.is_overdrawn, self.moment.is_overdrawn) {
            (true, _) => Standing::Overdrawn,
            (false, true) => Standing::Busy,
            (false, false) => Standing::Light,
        }
    }
}

/// Processor time that may still be used before others come first.
#[derive(Debug, Clone, Copy)]
struct Account {
    allowance: Allowance,
    left: Duration,
    is_overdrawn: bool,
}

impl Account {
    fn full(allowance: Allowance) -> Self {
        Self { allowance, left: allowance.full, is_overdrawn: false }
    }

    fn book(&mut self, earned: Duration, used: Duration) {
        // What was earned meanwhile is used first: a full account earns as well.
        self.left = (self.left + earned).saturating_sub(used).min(self.allowance.full);
        self.is_overdrawn = match self.is_overdrawn {
            true => self.left < self.allowance.rested,
            false => self.left.is_zero(),
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);

    impl Accounts {
        fn after(mut self, seconds: u32, used_each: Duration) -> Self {
            (0..seconds).for_each(|_| self.book(SECOND, used_each, None));
            self
        }
    }

    #[test]
    fn a_fifth_of_a_core_can_be_used_for_good() {
        assert_eq!(Accounts::full().after(10_000, SECOND / 5).standing(), Standing::Light);
    }

    #[test]
    fn a_burst_is_free_and_what_comes_after_is_not_until_it_has_rested() {
        let burst = Accounts::full().after(2, 2 * SECOND);
        assert_eq!(burst.standing(), Standing::Busy, "two seconds of two cores");
        let overdrawn = burst.after(1, 2 * SECOND);
        assert_eq!(overdrawn.standing(), Standing::Overdrawn);
        assert_eq!(
            overdrawn.after(100, SECOND / 5).standing(),
            Standing::Overdrawn,
            "using what it earns is no rest"
        );
        assert_eq!(overdrawn.after(9, Duration::ZERO).standing(), Standing::Overdrawn);
        assert_eq!(overdrawn.after(11, Duration::ZERO).standing(), Standing::Light);
    }

    #[test]
    fn five_that_share_two_cores_are_busy_within_a_second_and_overdrawn_before_long() {
        let mut accounts = Accounts::full();
        let mut after = |standing| {
            (1..).find(|_| {
                accounts.book(LOOK_EVERY, LOOK_EVERY * 4 / 10, None);
                accounts.standing() == standing
            })
        };
        assert_eq!(after(Standing::Busy), Some(10));
        assert_eq!(after(Standing::Overdrawn), Some(240));
    }

    #[test]
    fn who_takes_all_that_is_left_to_those_who_give_way_does_not_rest_and_who_takes_little_does() {
        let busy = Accounts::full().after(1, SECOND);
        let given_way = |used: Duration| {
            let mut accounts = busy;
            (0..600).for_each(|_| accounts.book(LOOK_EVERY, used, Some(200)));
            accounts.standing()
        };
        assert_eq!(given_way(LOOK_EVERY * 19 / 100), Standing::Overdrawn);
        assert_eq!(given_way(LOOK_EVERY * 5 / 100), Standing::Light);
    }

    #[test]
    fn a_page_each_second_is_not_busy() {
        let mut accounts = Accounts::full();
        for _ in 0..100 {
            accounts.book(LOOK_EVERY, LOOK_EVERY * 3 / 2, None);
            assert_eq!(accounts.standing(), Standing::Light);
            (1..10).for_each(|_| accounts.book(LOOK_EVERY, Duration::ZERO, None));
        }
    }

    #[test]
    fn a_cold_start_has_the_machine_and_as_many_as_cores_do_not_while_somebody_is_at_work() {
        let crowd = Crowd::default();
        let cores = std::thread::available_parallelism().unwrap().get();
        let few: Vec<_> = (1..cores).map(|_| Counted::among(&crowd, Standing::Busy)).collect();
        let light = Counted::among(&crowd, Standing::Light);
        assert_eq!(crowd.share(Standing::Busy), if cores == 1 { Some(500) } else { None });
        let one_more = Counted::among(&crowd, Standing::Busy);
        assert_eq!(
            crowd.share(Standing::Busy),
            Some(500),
            "half of the machine among as many as it has cores"
        );
        assert_eq!(crowd.share(Standing::Light), None);
        drop(light);
        assert_eq!(crowd.share(Standing::Busy), None, "nobody to give way to");
        drop((few, one_more));
    }

    #[test]
    fn who_has_overdrawn_shares_half_of_the_machine_while_there_is_somebody_to_give_way_to() {
        let crowd = Crowd::default();
        let cores = std::thread::available_parallelism().unwrap().get() as u32;
        let overdrawn =
            [Counted::among(&crowd, Standing::Overdrawn), Counted::among(&crowd, Standing::Overdrawn)];
        assert_eq!(crowd.share(Standing::Overdrawn), None);
        let light = Counted::among(&crowd, Standing::Light);
        assert_eq!(crowd.share(Standing::Overdrawn), Some(250 * cores));
        drop(overdrawn);
        assert_eq!(crowd.share(Standing::Overdrawn), Some(500 * cores));
        drop(light);
        assert_eq!(crowd.share(Standing::Overdrawn), None);
    }

    #[test]
    fn what_is_started_ahead_gives_way_to_everybody_and_not_to_nobody() {
        let crowd = Crowd::default();
        assert_eq!(crowd.share(Standing::Ahead), None);
        for other in [Standing::Light, Standing::Busy, Standing::Overdrawn] {
            let _other = Counted::among(&crowd, other);
            assert!(crowd.share(Standing::Ahead).is_some(), "{other:?}");
        }
    }
}
