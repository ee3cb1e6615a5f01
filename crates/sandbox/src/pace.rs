//! How fast a guest may say what nobody asked for.

use std::time::Duration;

use tokio::time::{Instant, sleep};

/// What may come in a second: several times what an honest guest forwards, which is half a mebibyte for each command,
/// six times as much when all of it has to be escaped.
const BYTES_PER_SEC: u64 = 8 * 1024 * 1024;

/// What may come at once.
const BYTES_AT_ONCE: u64 = 16 * 1024 * 1024;

/// What a frame costs besides its bytes: a parser, a lock and an event do not come for nothing.
const FRAME_BYTES: u64 = 1024;

/// An allowance that fills up with time. Whoever overdraws it waits: the guest then waits in its turn, as nobody empties
/// its socket.
#[derive(Debug)]
pub(crate) struct Pace {
    left: u64,
    filled: Instant,
}

impl Pace {
    /// A full allowance.
    pub(crate) fn new() -> Self {
        Self { left: BYTES_AT_ONCE, filled: Instant::now() }
    }

    /// Returns when a frame of so many bytes was paid for.
    pub(crate) async fn pay(&mut self, bytes: usize) {
        let cost = (bytes as u64).saturating_add(FRAME_BYTES);
        self.fill();
        if cost > self.left {
            sleep(Duration::from_secs_f64((cost - self.left) as f64 / BYTES_PER_SEC as f64)).await;
            self.fill();
        }
        self.left = self.left.saturating_sub(cost);
    }

    fn fill(&mut self) {
        let now = Instant::now();
        let earned = now.duration_since(self.filled).as_secs_f64() * BYTES_PER_SEC as f64;
        self.left = BYTES_AT_ONCE.min(self.left.saturating_add(earned as u64));
        self.filled = now;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test(start_paused = true)]
    async fn a_burst_is_free_and_a_flood_is_not() {
        let begun = Instant::now();
        let mut pace = Pace::new();
        for _ in 0..1_000 {
            pace.pay(100).await;
        }
        assert_eq!(begun.elapsed(), Duration::ZERO);
        for _ in 0..100 {
            pace.pay(1024 * 1024).await;
        }
        assert!(begun.elapsed() > Duration::from_secs(9), "{:?}", begun.elapsed());
    }
}
