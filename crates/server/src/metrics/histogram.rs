//! How long something took, counted into buckets. Counting takes no lock.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

/// The upper ends of the buckets in seconds: a thaw takes a millisecond, a start with an installation minutes. Fixed, so that
/// figures of several servers and versions can be added up.
const BOUNDS: [f64; 15] =
    [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0];

/// Durations so far.
#[derive(Debug, Default)]
pub(crate) struct Histogram {
    /// One for every bound, and one for what took longer.
    buckets: [AtomicU64; BOUNDS.len() + 1],
    sum_micros: AtomicU64,
}

/// A histogram at one moment.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Reading {
    /// For every bound in seconds, how many took at most as long.
    pub(crate) at_most: Vec<(f64, u64)>,
    /// How many there were.
    pub(crate) count: u64,
    /// What they took together, in seconds.
    pub(crate) sum_secs: f64,
}

impl Histogram {
    /// One more.
    pub(crate) fn observe(&self, took: Duration) {
        let bucket = BOUNDS.partition_point(|bound| *bound < took.as_secs_f64());
        self.buckets[bucket].fetch_add(1, Ordering::Relaxed);
        let micros = u64::try_from(took.as_micros()).unwrap_or(u64::MAX);
        self.sum_micros.fetch_add(micros, Ordering::Relaxed);
    }

    /// How many there were.
    pub(crate) fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Ordering::Relaxed)).sum()
    }

    /// What it is now; its count is that of its own buckets, whoever counts meanwhile.
    pub(crate) fn read(&self) -> Reading {
        let mut count = 0;
        let mut running = |bucket: &AtomicU64| {
            count += bucket.load(Ordering::Relaxed);
            count
        };
        let at_most = BOUNDS.iter().zip(&self.buckets).map(|(bound, bucket)| (*bound, running(bucket)));
        let at_most = at_most.collect();
        let count = running(&self.buckets[BOUNDS.len()]);
        Reading { at_most, count, sum_secs: self.sum_micros.load(Ordering::Relaxed) as f64 / 1e6 }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_took_as_long_as_a_bound_is_within_it_and_nothing_is_lost() {
        let histogram = Histogram::default();
        for millis in [0, 1, 2, 250, 251, 600_000] {
            histogram.observe(Duration::from_millis(millis));
        }
        let reading = histogram.read();
        let within = |secs: f64| reading.at_most.iter().find(|(bound, _)| *bound == secs).unwrap().1;
        assert_eq!(
            [within(0.001), within(0.0025), within(0.25), within(0.5), within(120.0)],
            [2, 3, 4, 5, 5]
        );
        assert_eq!((reading.count, histogram.count()), (6, 6));
        assert!((reading.sum_secs - 600.504).abs() < 1e-9, "{}", reading.sum_secs);
    }
}
