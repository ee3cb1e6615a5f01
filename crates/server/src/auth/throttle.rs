//! How often somebody may try to sign in. Counted are tries, not accounts: an address that tries many accounts is slowed down
//! as one account that many addresses try, and somebody else's guesses alone do not lock a person out for long.

use std::net::IpAddr;
use std::sync::{Arc, Mutex, PoisonError};

use vitrine_model::source::Clock;
use vitrine_model::{Sha256, UserId};

use super::windows::Windows;

/// Tries are forgotten after this.
const WINDOW_SECS: i64 = 15 * 60;

/// Tries of one address at one account: a person who has forgotten which password it was.
const MOST_PER_PAIR: u32 = 5;

/// Tries of one address at all accounts and at the admin key: an office behind one address signs in, a list of passwords does
/// not.
const MOST_PER_ADDRESS: u32 = 50;

/// Tries at one account from all addresses: at a hundred in a quarter of an hour, twelve characters last.
const MOST_PER_ACCOUNT: u32 = 100;

/// Names that are counted at once: an attack with many names costs memory only so far. It can push other names' counts out, its
/// own among them; how many guesses that is worth is bounded by how many passwords are hashed at a time.
const MOST_COUNTED: usize = 100_000;

/// Misses at one account in [`NOTED_SECS`] that are written into the audit log: enough to see that somebody guesses, and not a
/// way to fill somebody's log.
const MOST_NOTED: u32 = 5;

/// For how long [`MOST_NOTED`] counts.
const NOTED_SECS: i64 = 3_600;

/// Accounts whose misses are noted at once.
const MOST_NOTED_ACCOUNTS: usize = 10_000;

/// Counts tries in fixed windows, in this process's memory.
pub(super) struct Throttle {
    tries: Mutex<Windows>,
    noted: Mutex<Windows>,
    clock: Arc<dyn Clock>,
}

/// Too many tries; how many seconds until the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct TooMany(pub(super) u64);

impl Throttle {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self::with_room_for(MOST_COUNTED, clock)
    }

    fn with_room_for(names: usize, clock: Arc<dyn Clock>) -> Self {
        Self {
            tries: Mutex::new(Windows::new(WINDOW_SECS, names)),
            noted: Mutex::new(Windows::new(NOTED_SECS, MOST_NOTED_ACCOUNTS)),
            clock,
        }
    }

    /// Counts a try at an account, before it is known whether it succeeds: tries made at once count too.
    pub(super) fn count(&self, account: &str, from: Option<IpAddr>) -> Result<(), TooMany> {
        self.count_all(&names(account, from))
    }

    /// Counts a try at what is no account's: by the address alone, as nobody is to be locked out from afar.
    pub(super) fn count_address(&self, from: Option<IpAddr>) -> Result<(), TooMany> {
        self.count_all(&[address(from)])
    }

    fn count_all(&self, names: &[(Sha256, u32)]) -> Result<(), TooMany> {
        let now = self.clock.now();
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.expire(now);
        let full = names.iter().filter_map(|(name, most)| tries.get(name).filter(|it| it.count >= *most));
        if let Some(wait) = full.map(|window| tries.secs_left(window, now)).max() {
            return Err(TooMany(wait));
        }
        for (name, _) in names {
            tries.add(*name, now);
        }
        Ok(())
    }

    /// Takes a try back that succeeded, and with it the person's own misses.
    pub(super) fn succeeded(&self, account: &str, from: Option<IpAddr>) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        let [(pair, _), rest @ ..] = names(account, from);
        tries.remove(&pair);
        for (name, _) in rest {
            tries.take_back(&name);
        }
    }

    /// Takes back a try that [`Throttle::count_address`] counted.
    pub(super) fn address_succeeded(&self, from: Option<IpAddr>) {
        let mut tries = self.tries.lock().unwrap_or_else(PoisonError::into_inner);
        tries.take_back(&address(from).0);
    }

    /// True for the first misses at an account in an hour, which are worth writing down.
    pub(super) fn is_worth_noting(&self, user: &UserId) -> bool {
        let now = self.clock.now();
        let mut noted = self.noted.lock().unwrap_or_else(PoisonError::into_inner);
        noted.expire(now);
        noted.add(Sha256::of(user.as_str().as_bytes()), now) <= MOST_NOTED
    }
}

fn names(account: &str, from: Option<IpAddr>) -> [(Sha256, u32); 3] {
    [
        (name("pair", &format!("{}\n{account}", line_of(from))), MOST_PER_PAIR),
        address(from),
        (name("account", account), MOST_PER_ACCOUNT),
    ]
}

fn address(from: Option<IpAddr>) -> (Sha256, u32) {
    (name("address", &line_of(from)), MOST_PER_ADDRESS)
}

fn name(kind: &str, text: &str) -> Sha256 {
    Sha256::of(format!("{kind}\n{text}").as_bytes())
}

fn line_of(from: Option<IpAddr>) -> String {
    from.map_or("unknown".to_owned(), network)
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
    #[test]
    fn a_flood_of_names_locks_nobody_out() {
        let clock = Arc::new(FixedClock::at_millis(0));
        let throttle = Throttle::with_room_for(100, clock);
        for number in 0..2_000 {
            let from = address(&format!("2001:db8:0:{number:x}::1"));
            assert_eq!(throttle.count(&format!("{number}@x.y"), from), Ok(()));
        }
        let here = address("192.0.2.1");
        for _ in 0..MOST_PER_PAIR {
            assert_eq!(throttle.count("a@x.y", here), Ok(()), "somebody who has nothing to do with it");
        }
        assert!(throttle.count("a@x.y", here).is_err(), "and is counted still");
    }

    #[test]
    fn tries_at_no_account_count_for_their_address_alone() {
        let (throttle, _) = throttle();
        let (here, there) = (address("192.0.2.1"), address("192.0.2.2"));
        for _ in 0..MOST_PER_ADDRESS {
            assert_eq!(throttle.count_address(here), Ok(()));
        }
        assert!(throttle.count_address(here).is_err() && throttle.count("a@x.y", here).is_err());
        for _ in 0..=MOST_PER_ADDRESS {
            assert_eq!(throttle.count_address(there), Ok(()));
            throttle.address_succeeded(there);
        }
    }

    #[test]
    fn a_few_misses_an_hour_are_noted() {
        let (throttle, clock) = throttle();
        let user = |number: u32| format!("usr_{number:026}").parse::<UserId>().unwrap();
        let noted = |number| (0..20).filter(|_| throttle.is_worth_noting(&user(number))).count();
        assert_eq!((noted(1), noted(2)), (MOST_NOTED as usize, MOST_NOTED as usize));
        clock.advance_secs(NOTED_SECS);
        assert_eq!(noted(1), MOST_NOTED as usize);
    }
}
