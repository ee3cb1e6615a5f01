//! How often somebody may try to sign in. Counted are tries, not accounts: an address that tries many accounts is slowed down
//! as one account that many addresses try, and somebody else's guesses alone do not lock a person out for long.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use vitrine_model::source::Clock;
use vitrine_model::{Sha256, Timestamp};

/// Tries are forgotten after this.
const WINDOW_SECS: i64 = 15 * 60;

/// Tries of one address at one account: a person who has forgotten which password it was.
const MOST_PER_PAIR: u32 = 5;

/// Tries of one address at all accounts: an office behind one address signs in, a list of passwords does not.
const MOST_PER_ADDRESS: u32 = 50;

/// Tries at one account from all addresses: at a hundred in a quarter of an hour, twelve characters last.
const MOST_PER_ACCOUNT: u32 = 100;

/// Names that are counted at once: an attack with many names costs memory only so far.
const MOST_COUNTED: usize = 100_000;

/// Counts tries in fixed windows, in this process's memory.
pub(super) struct Throttle {
    tries: Mutex<HashMap<Sha256, Window>>,
    clock: Arc<dyn Clock>,
}

#[derive(Clone, Copy)]
struct Window {
    began: Timestamp,
    count: u32,
}

/// Too many tries; how many seconds until the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany(pub(super) u64);

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { tries: Mutex::default(), clock }
    }

    /// Counts a try, before it is known whether it succeeds: tries made at once count too.
    pub(super) fn count(&self, account: &str, from: Option<IpAddr>) -> Result<(), TooMany> {
        let now = self.clock.now();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        if tries.len() >= MOST_COUNTED {
            tries.retain(|_, window| now < window.began.plus_secs(WINDOW_SECS));
        }
        let names = names(account, from);
        let mut wait = 0;
        for (name, most) in &names {
            let window = tries.get(name).filter(|window| now < window.began.plus_secs(WINDOW_SECS));
            if let Some(window) = window.filter(|window| window.count >= *most) {
                let left = window.began.plus_secs(WINDOW_SECS).millis_since(now).max(0) as u64;
                wait = left.div_ceil(1_000).max(wait).max(1);
            }
        }
        if wait > 0 || tries.len() >= MOST_COUNTED {
            return Err(TooMany(wait.max(1)));
        }
        for (name, _) in names {
            let window = tries.entry(name).or_insert(Window { began: now, count: 0 });
            if now >= window.began.plus_secs(WINDOW_SECS) {
                *window = Window { began: now, count: 0 };
            }
            window.count += 1;
        }
        Ok(())
    }

    /// Takes a try back that succeeded, and with it the person's own misses.
    pub(super) fn succeeded(&self, account: &str, from: Option<IpAddr>) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let [(pair, _), rest @ ..] = names(account, from);
        tries.remove(&pair);
        for (name, _) in rest {
            if let Some(window) = tries.get_mut(&name) {
                window.count = window.count.saturating_sub(1);
            }
        }
    }
}

fn names(account: &str, from: Option<IpAddr>) -> [(Sha256, u32); 3] {
    let from = from.map_or("unknown".to_owned(), network);
    let name = |kind: &str, text: &str| Sha256::of(format!("{kind}\n{text}").as_bytes());
    [
        (name("pair", &format!("{from}\n{account}")), MOST_PER_PAIR),
        (name("address", &from), MOST_PER_ADDRESS),
        (name("account", account), MOST_PER_ACCOUNT),
    ]
}

/// One person's addresses: an IPv6 line has 2^64 of them.
fn network(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => format!("{:x?}/64", &address.segments()[..4]),
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::FixedClock;

    use super::*;

    fn throttle() -> (Throttle, Arc<FixedClock>) {
        let clock = Arc::new(FixedClock::at_millis(0));
        (Throttle::new(clock.clone()), clock)
    }

    fn address(text: &str) -> Option<IpAddr> {
        Some(text.parse().unwrap())
    }

    #[test]
    fn a_person_is_slowed_down_and_may_try_again_later() {
        let (throttle, clock) = throttle();
        let here = address("192.0.2.1");
        for _ in 0..MOST_PER_PAIR {
            assert_eq!(throttle.count("a@x.y", here), Ok(()));
        }
        clock.advance_secs(60);
        assert_eq!(throttle.count("a@x.y", here), Err(TooMany(14 * 60)));
        assert_eq!(throttle.count("b@x.y", here), Ok(()), "another account is another matter");
        assert_eq!(
            throttle.count("a@x.y", address("192.0.2.2")),
            Ok(()),
            "nobody locks a person out from afar"
        );
        clock.advance_secs(14 * 60);
        assert_eq!(throttle.count("a@x.y", here), Ok(()));
    }

    #[test]
    fn many_accounts_from_one_address_and_one_account_from_many_are_slowed_down() {
        let (throttle, _) = throttle();
        let tried = |range: std::ops::Range<u32>,
                     account: &dyn Fn(u32) -> String,
                     from: &dyn Fn(u32) -> String| {
            range.filter(|number| throttle.count(&account(*number), address(&from(*number))).is_ok()).count()
        };
        let spread = |number| format!("2001:db8:0:{number:x}::1");
        let one_line = |number| format!("2001:db8:1:1::{number:x}");
        assert_eq!(tried(0..200, &|n| format!("{n}@x.y"), &one_line), MOST_PER_ADDRESS as usize);
        assert_eq!(tried(0..200, &|_| "a@x.y".to_owned(), &spread), MOST_PER_ACCOUNT as usize);
    }

    #[test]
    fn signing_in_takes_back_ones_own_misses() {
        let (throttle, _) = throttle();
        let here = address("192.0.2.1");
        for _ in 0..100 {
            assert_eq!(throttle.count("a@x.y", here), Ok(()));
            throttle.succeeded("a@x.y", here);
        }
        for _ in 0..MOST_PER_PAIR {
            assert_eq!(throttle.count("a@x.y", here), Ok(()));
        }
        assert!(throttle.count("a@x.y", here).is_err());
    }
}
