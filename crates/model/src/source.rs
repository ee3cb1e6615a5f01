//! Where time and randomness come from: injected, so that tests decide both.

use crate::time::Timestamp;

/// A source of the current time.
pub trait Clock: Send + Sync {
    /// Now, to the millisecond. May go backwards when the operator sets the machine's clock.
    fn now(&self) -> Timestamp;
}

/// A source of unpredictable bytes.
pub trait Entropy: Send + Sync {
    /// Fills `bytes`; cannot fail, as a machine without entropy cannot run a server.
    fn fill(&self, bytes: &mut [u8]);
}

/// Deterministic sources for tests.
pub mod fixed {
    use std::sync::atomic::{AtomicI64, AtomicU8, Ordering};

    use super::{Clock, Entropy};
    use crate::time::Timestamp;

    /// A clock that stands still until told to move.
    #[derive(Debug)]
    pub struct FixedClock(AtomicI64);

    impl FixedClock {
        /// A clock standing at the given milliseconds since 1970.
        pub fn at_millis(millis: i64) -> Self {
            Self(AtomicI64::new(millis))
        }

        /// Moves the clock forward.
        pub fn advance_secs(&self, secs: i64) {
            self.0.fetch_add(secs * 1_000, Ordering::Relaxed);
        }
    }

    impl Clock for FixedClock {
        fn now(&self) -> Timestamp {
            Timestamp::from_millis(self.0.load(Ordering::Relaxed))
        }
    }

    /// Bytes that count upwards.
    #[derive(Debug, Default)]
    pub struct CountingEntropy(AtomicU8);

    impl Entropy for CountingEntropy {
        fn fill(&self, bytes: &mut [u8]) {
            bytes.fill_with(|| self.0.fetch_add(1, Ordering::Relaxed));
        }
    }
}
