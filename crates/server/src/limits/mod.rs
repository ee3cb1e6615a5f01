//! How many requests anybody may send: per user and kind of call, per address, per kind of guess.
//!
//! Each limit is a bucket that fills evenly (GCRA): what is sent evenly below the rate is never refused, a burst is for a
//! while.

mod address;
mod at_once;
mod buckets;

use std::net::IpAddr;
use std::num::NonZeroU32;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::Method;
use vitrine_model::LinkId;
use vitrine_store::Scope;

use crate::config::LimitsConfig;
pub(crate) use at_once::{AtOnce, BodyRoom, Crowded, NoRoom, Share};
use buckets::Buckets;

/// How often the buckets of those who have gone quiet are thrown away.
const PRUNE_INTERVAL: Duration = Duration::from_secs(60);

/// Guesses at the password of one link in a minute, by all visitors together: at 30 a minute, a hundred thousand passwords
/// take more than two days.
const GUESSES_PER_LINK_PER_MIN: u32 = 30;

/// Idempotency keys of one user in a minute, for a long time: each leaves a row that is kept for a day.
const KEYS_PER_MIN: u32 = 120;

/// Idempotency keys of one user at once: what a client sends that catches up with a day's work.
const KEYS_AT_ONCE: u32 = 10_000;

/// KiB of answers that are kept for one user in a minute, for a long time: some 64 MiB in the day that each is kept.
const KEPT_KIB_PER_MIN: u32 = 46;

/// KiB of answers that are kept for one user at once.
const KEPT_KIB_AT_ONCE: u32 = 8 * 1_024;

/// Kinds of calls, each with a limit of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Class {
    /// Reads.
    Read,
    /// Changes something.
    Write,
    /// Starts or builds something.
    Expensive,
    /// Shows a secret that could be guessed.
    SignIn,
}

impl Class {
    /// What a call is.
    pub(crate) fn of(method: &Method, path: &str) -> Self {
        // A link's page only asks; the guess is the form it sends.
        let guesses = path.starts_with("/s/") && !method.is_safe();
        if guesses || path == "/sign-in" || path == "/v1/sign-in" {
            return Self::SignIn;
        }
        let of_app: Vec<&str> =
            path.strip_prefix("/v1/apps/").map(|rest| rest.split('/').skip(1).collect()).unwrap_or_default();
        match (method.as_str(), of_app.as_slice()) {
            ("POST", []) if path == "/v1/apps" => Self::Expensive,
            ("GET" | "HEAD", ["export"]) | ("PUT", ["session"]) => Self::Expensive,
            ("POST", ["session", "restart" | "exec"] | ["validate"] | ["preview-links"]) => Self::Expensive,
            ("POST", ["publishes"] | ["publishes", _, "retry"]) => Self::Expensive,
            ("GET" | "HEAD", _) if path == "/v1/audit/verify" => Self::Expensive,
            _ if method.is_safe() => Self::Read,
            _ => Self::Write,
        }
    }
}

/// A request too many.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("more requests in a short time than {whose} may send")]
pub(crate) struct TooMany {
    /// Whose limit it was, in words.
    pub(crate) whose: &'static str,
    /// When the next one is let through, in whole seconds, at least one.
    pub(crate) retry_after_secs: u64,
}

/// What the limits have done since the server's start.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(crate) struct LimitCounters {
    /// Requests that were asked about.
    pub(crate) checked: u64,
    /// Refused for their user's sake.
    pub(crate) refused_callers: u64,
    /// Refused for their address's sake, sign-ins included.
    pub(crate) refused_addresses: u64,
    /// Guesses at links' passwords that were refused.
    pub(crate) refused_guesses: u64,
    /// Buckets in memory now.
    pub(crate) buckets: u64,
}

/// The limits of one server.
pub(crate) struct RateLimits {
    read: Buckets,
    write: Buckets,
    expensive: Buckets,
    sign_in: Buckets,
    address: Buckets,
    guesses: Buckets,
    idempotency_keys: Buckets,
    kept_answers: Buckets,
    at_once: AtOnce,
    checked: AtomicU64,
    refused_callers: AtomicU64,
    refused_addresses: AtomicU64,
    refused_guesses: AtomicU64,
}

impl RateLimits {
    /// Of these settings, all buckets full.
    pub(crate) fn new(config: &LimitsConfig) -> Self {
        Self {
            read: Buckets::per_minute(config.read_per_min),
            write: Buckets::per_minute(config.write_per_min),
            expensive: Buckets::per_minute(config.expensive_per_min),
            sign_in: Buckets::per_minute(config.sign_in_per_min),
            address: Buckets::per_minute(config.address_per_min),
            guesses: Buckets::per_minute(GUESSES_PER_LINK_PER_MIN),
            idempotency_keys: Buckets::with_burst(KEYS_PER_MIN, KEYS_AT_ONCE),
            kept_answers: Buckets::with_burst(KEPT_KIB_PER_MIN, KEPT_KIB_AT_ONCE),
            at_once: AtOnce::default(),
            checked: AtomicU64::default(),
            refused_callers: AtomicU64::default(),
            refused_addresses: AtomicU64::default(),
            refused_guesses: AtomicU64::default(),
        }
    }

    /// Takes a call of a user out of their bucket.
    pub(crate) fn check_caller(&self, scope: &Scope, class: Class) -> Result<(), TooMany> {
        let buckets = match class {
            Class::Read => &self.read,
            Class::Write => &self.write,
            Class::Expensive => &self.expensive,
            // Who signs in is not known yet: their address is.
            Class::SignIn => return Ok(()),
        };
        self.checked.fetch_add(1, Ordering::Relaxed);
        counted(&self.refused_callers, buckets.take(scope, "this user"))
    }

    /// Takes a request out of its address's bucket; a sign-in out of another one too.
    pub(crate) fn check_address(&self, address: IpAddr, class: Class) -> Result<(), TooMany> {
        let network = address::network(address);
        let taken = self.address.take(&network, "this address").and_then(|()| match class {
            Class::SignIn => self.sign_in.take(&network, "this address"),
            _ => Ok(()),
        });
        counted(&self.refused_addresses, taken)
    }

    /// Takes a guess at a link's password out of the link's bucket.
    pub(crate) fn check_guess(&self, link: &LinkId) -> Result<(), TooMany> {
        counted(&self.refused_guesses, self.guesses.take(link, "the visitors of this link"))
    }

    /// Takes an idempotency key out of a user's bucket.
    pub(crate) fn check_idempotency_key(&self, scope: &Scope) -> Result<(), TooMany> {
        counted(&self.refused_callers, self.idempotency_keys.take(scope, "one user with idempotency keys"))
    }

    /// Whether an answer of so many bytes may be kept for a user; takes it out of their bucket then.
    pub(crate) fn may_keep(&self, scope: &Scope, bytes: usize) -> bool {
        let kib = u32::try_from(bytes.div_ceil(1_024)).unwrap_or(u32::MAX);
        let kib = NonZeroU32::new(kib).unwrap_or(NonZeroU32::MIN);
        self.kept_answers.take_many(scope, kib, "this user").is_ok()
    }

    /// What all callers share at one moment.
    pub(crate) fn at_once(&self) -> &AtOnce {
        &self.at_once
    }

    /// What the limits have done so far.
    pub(crate) fn counters(&self) -> LimitCounters {
        let read = |counter: &AtomicU64| counter.load(Ordering::Relaxed);
        let buckets = self.all().iter().map(|buckets| buckets.len() as u64).sum();
        LimitCounters {
            checked: read(&self.checked),
            refused_callers: read(&self.refused_callers),
            refused_addresses: read(&self.refused_addresses),
            refused_guesses: read(&self.refused_guesses),
            buckets,
        }
    }

    /// Throws away what need not be remembered, for ever; says now and then who is held back.
    pub(crate) async fn prune_on(&self) {
        let mut before = LimitCounters::default();
        loop {
            tokio::time::sleep(PRUNE_INTERVAL).await;
            self.all().iter().for_each(|buckets| buckets.prune());
            let now = self.counters();
            let refused = |c: &LimitCounters| c.refused_callers + c.refused_addresses + c.refused_guesses;
            if refused(&now) > refused(&before) {
                tracing::warn!(?now, "requests were refused for being too many");
            }
            before = now;
        }
    }

    fn all(&self) -> [&Buckets; 8] {
        [
            &self.read,
            &self.write,
            &self.expensive,
            &self.sign_in,
            &self.address,
            &self.guesses,
            &self.idempotency_keys,
            &self.kept_answers,
        ]
    }
}

fn counted(refused: &AtomicU64, taken: Result<(), TooMany>) -> Result<(), TooMany> {
    taken.inspect_err(|_| _ = refused.fetch_add(1, Ordering::Relaxed))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_are_of_the_class_that_their_cost_is_of() {
        let classes = [
            ("GET", "/v1/apps", Class::Read),
            ("POST", "/v1/apps", Class::Expensive),
            ("PATCH", "/v1/apps/app_1", Class::Write),
            ("DELETE", "/v1/apps/app_1", Class::Write),
            ("POST", "/v1/apps/app_1/changes", Class::Write),
            ("POST", "/v1/apps/app_1/diff", Class::Write),
            ("GET", "/v1/apps/app_1/export", Class::Expensive),
            ("HEAD", "/v1/apps/app_1/export", Class::Expensive),
            ("GET", "/v1/audit/verify", Class::Expensive),
            ("HEAD", "/v1/apps/app_1", Class::Read),
            ("GET", "/v1/apps/app_1/files/publishes", Class::Read),
            ("PUT", "/v1/apps/app_1/session", Class::Expensive),
            ("GET", "/v1/apps/app_1/session", Class::Read),
            ("POST", "/v1/apps/app_1/session/heartbeat", Class::Write),
            ("POST", "/v1/apps/app_1/session/restart", Class::Expensive),
            ("POST", "/v1/apps/app_1/publishes", Class::Expensive),
            ("POST", "/v1/apps/app_1/publishes/pub_1/retry", Class::Expensive),
            ("POST", "/v1/apps/app_1/publishes/pub_1/cancel", Class::Write),
            ("POST", "/v1/apps/app_1/validate", Class::Expensive),
            ("POST", "/v1/apps/app_1/preview-links", Class::Expensive),
            ("POST", "/v1/sign-in", Class::SignIn),
            ("POST", "/v1/sign-out", Class::Write),
            ("GET", "/sign-in", Class::SignIn),
            ("GET", "/s/secret", Class::Read),
            ("POST", "/s/secret", Class::SignIn),
            ("GET", "/", Class::Read),
        ];
        for (method, path, class) in classes {
            assert_eq!(Class::of(&method.parse().unwrap(), path), class, "{method} {path}");
        }
    }

    #[test]
    fn what_one_user_has_kept_is_bounded_and_another_users_is_not_touched() {
        use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
        use vitrine_model::{TenantId, UserId};
        let limits = RateLimits::new(&LimitsConfig::default());
        let (clock, entropy) = (FixedClock::at_millis(0), CountingEntropy::default());
        let [one, two] = [(); 2].map(|()| Scope {
            tenant: TenantId::mint(&clock, &entropy),
            user: UserId::mint(&clock, &entropy),
        });
        let kept = (0..1_000).filter(|_| limits.may_keep(&one, 64 * 1024)).count();
        assert_eq!(kept, KEPT_KIB_AT_ONCE as usize / 64);
        assert!(!limits.may_keep(&two, usize::MAX) && limits.may_keep(&two, 0));
        let keys = (0..KEYS_AT_ONCE * 2).filter(|_| limits.check_idempotency_key(&one).is_ok()).count();
        assert!((KEYS_AT_ONCE as usize..KEYS_AT_ONCE as usize + 10).contains(&keys), "{keys}");
        assert!(limits.check_idempotency_key(&two).is_ok());
    }

    #[test]
    fn one_address_is_held_back_and_the_others_are_not() {
        let config = LimitsConfig { address_per_min: 20, sign_in_per_min: 0, ..LimitsConfig::default() };
        let limits = RateLimits::new(&config);
        let address = |text: &str| text.parse::<IpAddr>().unwrap();
        let allowed =
            (0..100).filter(|_| limits.check_address(address("192.0.2.1"), Class::Read).is_ok()).count();
        assert_eq!(allowed, 5, "a quarter of a minute's worth at once");
        assert!(limits.check_address(address("192.0.2.2"), Class::Read).is_ok());
        // One household has all addresses of a /64.
        for last in 0..5 {
            assert!(limits.check_address(address(&format!("2001:db8::{last}")), Class::Read).is_ok());
        }
        let refused = limits.check_address(address("2001:db8::beef"), Class::Read).unwrap_err();
        assert!((1..=60).contains(&refused.retry_after_secs), "{refused:?}");
        let counters = limits.counters();
        assert_eq!((counters.refused_addresses, counters.buckets), (96, 3));
    }
}
