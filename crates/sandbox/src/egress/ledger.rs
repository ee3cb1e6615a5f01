//! What passes through proxies: counted for each of them and for each app, and one line in the log per connection.

use std::net::IpAddr;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use vitrine_model::source::Clock;

use super::EgressLabel;

const DAY_MILLIS: i64 = 24 * 3_600 * 1_000;

/// Lines in the log per second and proxy, and at once: a sandbox that knocks without end must not fill the disk. The next line
/// says how many were left out.
const LINES_PER_SEC: f64 = 20.0;
const LINES_AT_ONCE: f64 = 200.0;

/// What proxies have done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EgressStats {
    /// Connections let through.
    pub allowed: u64,
    /// Connections refused by the policy.
    pub refused: u64,
    /// Connections that failed otherwise, or were cut.
    pub failed: u64,
    /// Bytes from the sandbox.
    pub bytes_out: u64,
    /// Bytes to the sandbox.
    pub bytes_in: u64,
}

/// What the proxies of one app did.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct EgressUsage {
    /// Since the day began, in UTC.
    pub today: EgressStats,
    /// Since this server began.
    pub ever: EgressStats,
}

/// Adds up what all proxies of one app do, by day.
pub struct EgressTotals {
    clock: Arc<dyn Clock>,
    days: Mutex<Days>,
}

#[derive(Default)]
struct Days {
    day: i64,
    usage: EgressUsage,
}

impl EgressTotals {
    /// Nothing yet.
    pub fn new(clock: Arc<dyn Clock>) -> Self {
        Self { clock, days: Mutex::default() }
    }

    /// What it is now.
    pub fn snapshot(&self) -> EgressUsage {
        self.with(|_| {})
    }

    fn with(&self, change: impl Fn(&mut EgressStats)) -> EgressUsage {
        let day = self.clock.now().as_millis().div_euclid(DAY_MILLIS);
        let mut days = self.days.lock().unwrap_or_else(PoisonError::into_inner);
        if days.day != day {
            days.day = day;
            days.usage.today = EgressStats::default();
        }
        change(&mut days.usage.today);
        change(&mut days.usage.ever);
        days.usage
    }
}

impl std::fmt::Debug for EgressTotals {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_tuple("EgressTotals").field(&self.snapshot()).finish()
    }
}

/// Which way bytes go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// From the sandbox.
    Out,
    /// To the sandbox.
    Back,
}

/// One connection, as the log tells it.
#[derive(Default)]
pub(super) struct Passage {
    pub(super) host: String,
    pub(super) port: u16,
    pub(super) address: Option<IpAddr>,
    bytes_out: AtomicU64,
    bytes_in: AtomicU64,
}

/// One proxy's book.
pub(super) struct Ledger {
    label: EgressLabel,
    stats: Mutex<EgressStats>,
    pace: Mutex<Pace>,
}

struct Pace {
    lines: f64,
    refilled: Instant,
    left_out: u64,
}

impl Ledger {
    pub(super) fn new(label: EgressLabel) -> Self {
        let pace = Pace { lines: LINES_AT_ONCE, refilled: Instant::now(), left_out: 0 };
        Self { label, stats: Mutex::default(), pace: Mutex::new(pace) }
    }

    pub(super) fn stats(&self) -> EgressStats {
        *self.stats.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(super) fn is_spent(&self, budget: u64) -> bool {
        let stats = self.stats();
        stats.bytes_in.saturating_add(stats.bytes_out) > budget
    }

    pub(super) fn count_allowed(&self) {
        self.count(|stats| stats.allowed += 1);
    }

    /// A connection that did not end well.
    pub(super) fn count_end(&self, is_policy: bool) {
        self.count(|stats| match is_policy {
            true => stats.refused += 1,
            false => stats.failed += 1,
        });
    }

    pub(super) fn count_bytes(&self, passage: &Passage, direction: Direction, bytes: u64) {
        match direction {
            Direction::Out => passage.bytes_out.fetch_add(bytes, Ordering::Relaxed),
            Direction::Back => passage.bytes_in.fetch_add(bytes, Ordering::Relaxed),
        };
        self.count(|stats| match direction {
            Direction::Out => stats.bytes_out += bytes,
            Direction::Back => stats.bytes_in += bytes,
        });
    }

    fn count(&self, change: impl Fn(&mut EgressStats)) {
        change(&mut self.stats.lock().unwrap_or_else(PoisonError::into_inner));
        if let Some(totals) = &self.label.totals {
            totals.with(change);
        }
    }

    /// The line of a connection that has ended.
    pub(super) fn write(
        &self,
        passage: &Passage,
        lasted: Duration,
        outcome: &'static str,
        reason: Option<&dyn std::fmt::Display>,
    ) {
        let Some(left_out) = self.admit() else { return };
        tracing::info!(
            app = self.label.app.as_deref().unwrap_or("-"),
            purpose = self.label.purpose,
            host = passage.host,
            port = passage.port,
            address = passage.address.map(tracing::field::display),
            bytes_out = passage.bytes_out.load(Ordering::Relaxed),
            bytes_in = passage.bytes_in.load(Ordering::Relaxed),
            ms = u64::try_from(lasted.as_millis()).unwrap_or(u64::MAX),
            outcome,
            reason = reason.map(tracing::field::display),
            left_out,
            "egress"
        );
    }

    /// How many lines were left out before this one; `None` when this one is left out, too.
    fn admit(&self) -> Option<u64> {
        let mut pace = self.pace.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let passed = now.saturating_duration_since(pace.refilled).as_secs_f64();
        pace.refilled = now;
        pace.lines = (pace.lines + passed * LINES_PER_SEC).min(LINES_AT_ONCE);
        if pace.lines < 1.0 {
            pace.left_out += 1;
            return None;
        }
        pace.lines -= 1.0;
        Some(std::mem::take(&mut pace.left_out))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::source::fixed::FixedClock;

    fn label(totals: Option<Arc<EgressTotals>>) -> EgressLabel {
        EgressLabel { purpose: "dev", app: Some("app".to_owned()), totals }
    }

    #[test]
    fn an_apps_figures_are_those_of_all_its_proxies_and_of_today() {
        let clock = Arc::new(FixedClock::at_millis(1_760_000_000_000));
        let totals = Arc::new(EgressTotals::new(clock.clone()));
        let (one, two) = (Ledger::new(label(Some(totals.clone()))), Ledger::new(label(Some(totals.clone()))));
        one.count_allowed();
        two.count_bytes(&Passage::default(), Direction::Out, 7);
        assert_eq!(
            totals.snapshot().today,
            EgressStats { allowed: 1, bytes_out: 7, ..EgressStats::default() }
        );
        assert_eq!((one.stats().allowed, two.stats().allowed), (1, 0));
        clock.advance_secs(24 * 3_600);
        one.count_end(true);
        let usage = totals.snapshot();
        assert_eq!(usage.today, EgressStats { refused: 1, ..EgressStats::default() });
        assert_eq!((usage.ever.allowed, usage.ever.refused), (1, 1));
    }

    #[test]
    fn a_flood_of_connections_fills_no_log_and_is_counted() {
        let ledger = Ledger::new(label(None));
        let admitted = (0..10_000).filter(|_| ledger.admit().is_some()).count();
        assert!(admitted < 1_000, "{admitted}");
        ledger.pace.lock().unwrap().lines = 1.0;
        assert_eq!(ledger.admit(), Some(10_000 - admitted as u64));
    }
}
