//! What was looked up about credentials a moment ago, so that a burst of requests asks the database once.
//!
//! A change made by this process is seen by the next request: [`Lookups::forget`] begins a new epoch, and an entry counts only
//! in the epoch that its lookup began in. A change made by another process is seen after a few seconds.

use std::sync::Arc;

use moka::sync::Cache;
use tokio::sync::watch;
use vitrine_model::identity::ActorKind;
use vitrine_model::source::Clock;
use vitrine_model::{AppId, KeyId, Sha256, Timestamp};
use vitrine_store::Standing;

use super::Proof;

/// How long a lookup counts: the most that a change by another process can be late.
const FRESH_SECS: i64 = 5;

/// Credentials in use at once on one server; beyond, they are only looked up more often.
const MOST_ENTRIES: u64 = 10_000;

/// What is known about whoever presents a credential.
pub(super) struct Known {
    /// Where they stand.
    pub(super) standing: Standing,
    /// What vouches for them.
    pub(super) kind: ActorKind,
    /// The key they used.
    pub(super) key: Option<KeyId>,
    /// The only apps they may name.
    pub(super) apps: Option<Arc<[AppId]>>,
    /// When the credential ends.
    pub(super) expires_at: Option<Timestamp>,
    /// How a browser's person proved who they are.
    pub(super) proof: Option<Proof>,
}

impl Known {
    pub(super) fn new(standing: Standing, kind: ActorKind) -> Self {
        Self { standing, kind, key: None, apps: None, expires_at: None, proof: None }
    }
}

#[derive(Clone)]
struct Entry {
    epoch: u64,
    looked_up_at: Timestamp,
    known: Arc<Known>,
}

/// Lookups by the fingerprint of the credential.
pub(super) struct Lookups {
    entries: Cache<Sha256, Entry>,
    /// Streams wait on it.
    epoch: watch::Sender<u64>,
    clock: Arc<dyn Clock>,
}

impl Lookups {
    pub(super) fn new(clock: Arc<dyn Clock>) -> Self {
        Self { entries: Cache::new(MOST_ENTRIES), epoch: watch::Sender::new(0), clock }
    }

    /// What counts still.
    pub(super) fn get(&self, credential: &Sha256) -> Option<Arc<Known>> {
        let entry = self.entries.get(credential)?;
        let now = self.clock.now();
        let age = now.millis_since(entry.looked_up_at);
        let is_fresh = (0..FRESH_SECS * 1_000).contains(&age) && entry.epoch == self.epoch();
        let is_live = entry.known.expires_at.is_none_or(|end| now < end);
        (is_fresh && is_live).then_some(entry.known)
    }

    /// To be read before a lookup begins.
    pub(super) fn epoch(&self) -> u64 {
        *self.epoch.borrow()
    }

    /// Tells when a new epoch begins.
    pub(super) fn changes(&self) -> watch::Receiver<u64> {
        self.epoch.subscribe()
    }

    /// Keeps what was looked up in an epoch.
    pub(super) fn put(&self, credential: Sha256, epoch: u64, known: Arc<Known>) {
        self.entries.insert(credential, Entry { epoch, looked_up_at: self.clock.now(), known });
    }

    /// Makes everything that was looked up so far, or is being looked up, count no more.
    pub(super) fn forget(&self) {
        self.epoch.send_modify(|epoch| *epoch += 1);
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
    use vitrine_model::{Role, TenantId, UserId};
    use vitrine_store::Scope;

    use super::*;

    fn known(clock: &FixedClock, expires_at: Option<Timestamp>) -> Arc<Known> {
        let entropy = CountingEntropy::default();
        let scope = Scope { tenant: TenantId::mint(clock, &entropy), user: UserId::mint(clock, &entropy) };
        let standing = Standing { scope, role: Role::Viewer, is_suspended: false };
        let mut known = Known::new(standing, ActorKind::Key);
        known.expires_at = expires_at;
        Arc::new(known)
    }

    #[test]
    fn a_lookup_counts_for_a_few_seconds_and_not_past_the_credentials_end() {
        let clock = Arc::new(FixedClock::at_millis(0));
        let lookups = Lookups::new(clock.clone());
        let (one, two) = (Sha256::of(b"one"), Sha256::of(b"two"));
        lookups.put(one, lookups.epoch(), known(&clock, None));
        lookups.put(two, lookups.epoch(), known(&clock, Some(Timestamp::from_millis(2_000))));
        assert!(lookups.get(&one).is_some() && lookups.get(&two).is_some());
        clock.advance_secs(2);
        assert!(lookups.get(&one).is_some() && lookups.get(&two).is_none());
        clock.advance_secs(3);
        assert!(lookups.get(&one).is_none());
    }

    #[test]
    fn a_lookup_that_a_change_overtook_does_not_count() {
        let clock = Arc::new(FixedClock::at_millis(0));
        let lookups = Lookups::new(clock.clone());
        let (before, during) = (Sha256::of(b"before"), Sha256::of(b"during"));
        lookups.put(before, lookups.epoch(), known(&clock, None));
        let epoch = lookups.epoch();
        lookups.forget();
        lookups.put(during, epoch, known(&clock, None));
        assert!(lookups.get(&before).is_none() && lookups.get(&during).is_none());
    }
}
