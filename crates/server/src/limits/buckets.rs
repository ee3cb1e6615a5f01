//! One bucket per key, in memory that has an end: who has been quiet is forgotten, and a flood of keys shares buckets.

use std::hash::{BuildHasher as _, Hash, RandomState};
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};

use governor::clock::{Clock as _, DefaultClock};
use governor::{DefaultKeyedRateLimiter, Quota, RateLimiter};

use super::TooMany;

/// What may come at once: this part of a minute's worth.
const BURST_DIVISOR: u32 = 4;

/// The smallest burst: a page that loads asks for a few things at the same time.
const SMALLEST_BURST: u32 = 5;

/// Buckets of one limit, some 100 bytes each. Beyond this, keys share [`SHARED_BUCKETS`].
const MOST_BUCKETS: usize = 65_536;

/// What the keys of a flood share.
const SHARED_BUCKETS: u64 = 1_024;

/// The buckets of those who have gone quiet are looked for after this many takes, so that a flood within a minute meets the
/// end of the memory before [`MOST_BUCKETS`] are in use for nothing.
const PRUNE_EVERY: u64 = 16_384;

/// A limit on each of many keys.
pub(super) struct Buckets {
    /// None without a limit.
    limiter: Option<DefaultKeyedRateLimiter<u64>>,
    /// Keys are kept as hashes that nobody outside can steer.
    hasher: RandomState,
    takes: AtomicU64,
    most: usize,
}

impl Buckets {
    /// `rate` in a minute; 0 is no limit.
    pub(super) fn per_minute(rate: u32) -> Self {
        Self::with_room_for(rate, MOST_BUCKETS)
    }

    /// `rate` in a minute for a long time, `burst` at once.
    pub(super) fn with_burst(rate: u32, burst: u32) -> Self {
        Self::of(rate, burst, MOST_BUCKETS)
    }

    fn with_room_for(rate: u32, most: usize) -> Self {
        Self::of(rate, (rate / BURST_DIVISOR).max(SMALLEST_BURST), most)
    }

    fn of(rate: u32, burst: u32, most: usize) -> Self {
        let limiter = NonZeroU32::new(rate).map(|rate| {
            RateLimiter::keyed(Quota::per_minute(rate).allow_burst(NonZeroU32::new(burst).unwrap_or(rate)))
        });
        Self { limiter, hasher: RandomState::new(), takes: AtomicU64::default(), most }
    }

    /// Takes one out of the key's bucket; `whose` says in words whose it is.
    pub(super) fn take(&self, key: &impl Hash, whose: &'static str) -> Result<(), TooMany> {
        self.take_many(key, NonZeroU32::MIN, whose)
    }

    /// Takes `count` at once, or nothing. More than a burst is never to be had.
    pub(super) fn take_many(
        &self,
        key: &impl Hash,
        count: NonZeroU32,
        whose: &'static str,
    ) -> Result<(), TooMany> {
        let Some(limiter) = &self.limiter else { return Ok(()) };
        if self.takes.fetch_add(1, Ordering::Relaxed) % PRUNE_EVERY == PRUNE_EVERY - 1 {
            self.prune();
        }
        let hash = self.hasher.hash_one(key);
        let key = if limiter.len() < self.most { hash } else { hash % SHARED_BUCKETS };
        let never = |_| TooMany { whose, retry_after_secs: u64::MAX };
        limiter.check_key_n(&key, count).map_err(never)?.map_err(|refused| {
            let wait = refused.wait_time_from(DefaultClock::default().now());
            TooMany { whose, retry_after_secs: wait.as_secs().saturating_add(1) }
        })
    }

    /// Forgets the buckets that are full again.
    pub(super) fn prune(&self) {
        if let Some(limiter) = &self.limiter {
            limiter.retain_recent();
            limiter.shrink_to_fit();
        }
    }

    /// How many there are.
    pub(super) fn len(&self) -> usize {
        self.limiter.as_ref().map_or(0, RateLimiter::len)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_flood_of_keys_does_not_grow_without_end_and_is_still_limited() {
        let buckets = Buckets::with_room_for(20, 100);
        let allowed = (0..50_000_u32).filter(|key| buckets.take(key, "x").is_ok()).count();
        assert!(buckets.len() <= 100 + SHARED_BUCKETS as usize, "{}", buckets.len());
        assert!(allowed <= 100 + 6 * SHARED_BUCKETS as usize, "{allowed}");
        assert!(allowed < 50_000);
    }

    #[test]
    fn a_bucket_fills_again_and_is_forgotten() {
        // A thousand in a second: full again after a moment.
        let buckets = Buckets::per_minute(60_000);
        while buckets.take(&1, "x").is_ok() {}
        assert_eq!(buckets.len(), 1);
        let begun = std::time::Instant::now();
        while buckets.take(&1, "x").is_err() {
            assert!(begun.elapsed().as_secs() < 10, "it fills");
            std::thread::yield_now();
        }
        let slow = Buckets::per_minute(6_000_000);
        let _ = slow.take(&1, "x");
        while slow.len() > 0 {
            assert!(begun.elapsed().as_secs() < 20, "it is forgotten");
            slow.prune();
        }
    }

    #[test]
    fn without_a_limit_nothing_is_kept() {
        let buckets = Buckets::per_minute(0);
        assert!((0..1_000).all(|key| buckets.take(&key, "x").is_ok()));
        assert_eq!(buckets.len(), 0);
    }
}
