//! The host product's public keys: chosen by name, fetched once for everybody who waits, kept while they cannot be fetched.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use jsonwebtoken::jwk::{AlgorithmParameters, EllipticCurve, Jwk, JwkSet, PublicKeyUse};
use jsonwebtoken::{Algorithm, DecodingKey};
use vitrine_model::Timestamp;
use vitrine_model::source::Clock;

use super::TokenError;
use super::settings::{HostSettings, Keys};

/// Fetches the host product's keys.
#[async_trait]
pub(crate) trait JwksFetch: Send + Sync {
    /// The keys as they are now, or why not.
    async fn fetch(&self) -> Result<JwkSet, String>;
}

/// How long fetched keys count.
#[derive(Debug, Clone, Copy)]
pub(crate) struct JwksTimes {
    /// They are fetched again after this.
    pub(crate) fresh_secs: i64,
    /// They are not fetched more often than this, whatever tokens ask for.
    pub(crate) pause_secs: i64,
    /// While they cannot be fetched, they count for this long all the same.
    pub(crate) stale_secs: i64,
}

/// Where keys are found.
pub(super) enum KeySource {
    Remote(Remote),
    Fixed(Arc<KeySet>),
    Shared(DecodingKey),
}

impl KeySource {
    pub(super) fn new(settings: &HostSettings, clock: Arc<dyn Clock>) -> Self {
        match &settings.keys {
            Keys::Shared(secret) => Self::Shared(DecodingKey::from_secret(secret)),
            Keys::Fixed(set) => Self::Fixed(Arc::new(KeySet::of(set, &settings.algorithms))),
            Keys::Remote(fetch, times) => Self::Remote(Remote {
                fetch: fetch.clone(),
                times: *times,
                algorithms: settings.algorithms.clone(),
                held: Mutex::default(),
                flight: tokio::sync::Mutex::default(),
                clock,
            }),
        }
    }

    /// The key of this name that may be used with the algorithm.
    pub(super) async fn find(
        &self,
        kid: Option<&str>,
        algorithm: Algorithm,
    ) -> Result<DecodingKey, TokenError> {
        match self {
            // The only algorithm that is configured with a secret is the one it is for.
            Self::Shared(key) => Ok(key.clone()),
            Self::Fixed(set) => set.find(kid, algorithm).ok_or(TokenError::UnknownKey),
            Self::Remote(remote) => remote.find(kid, algorithm).await,
        }
    }
}

/// Usable keys by name.
#[derive(Default)]
pub(super) struct KeySet {
    named: HashMap<String, (DecodingKey, Vec<Algorithm>)>,
    nameless: Vec<(DecodingKey, Vec<Algorithm>)>,
}

impl KeySet {
    /// The keys of a set that can be used with the algorithms; what is for encryption, secret or unknown is left out.
    fn of(set: &JwkSet, allowed: &[Algorithm]) -> Self {
        let mut keys = Self::default();
        for jwk in &set.keys {
            let algorithms: Vec<_> =
                suitable(jwk).iter().copied().filter(|algorithm| allowed.contains(algorithm)).collect();
            let Ok(key) = DecodingKey::from_jwk(jwk) else { continue };
            if algorithms.is_empty() {
                continue;
            }
            match &jwk.common.key_id {
                Some(name) => _ = keys.named.insert(name.clone(), (key, algorithms)),
                None => keys.nameless.push((key, algorithms)),
            }
        }
        keys
    }

    /// The key of a name. A token that names none is checked with the only key that fits; of several, with none.
    fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
        let fits = |(key, algorithms): &(DecodingKey, Vec<Algorithm>)| {
            algorithms.contains(&algorithm).then(|| key.clone())
        };
        match kid {
            Some(kid) => self.named.get(kid).and_then(fits),
            None => {
                let mut fitting = self.named.values().chain(&self.nameless).filter_map(fits);
                fitting.next().filter(|_| fitting.next().is_none())
            }
        }
    }
}

/// The algorithms a key is for, by its own word or by its kind. A symmetric key is for none: whoever can read a public list
/// could sign with it.
fn suitable(jwk: &Jwk) -> Vec<Algorithm> {
    if !matches!(jwk.common.public_key_use, None | Some(PublicKeyUse::Signature)) {
        return Vec::new();
    }
    let by_kind: &[Algorithm] = match &jwk.algorithm {
        AlgorithmParameters::RSA(_) => &[
            Algorithm::RS256,
            Algorithm::RS384,
            Algorithm::RS512,
            Algorithm::PS256,
            Algorithm::PS384,
            Algorithm::PS512,
        ],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P256 => &[Algorithm::ES256],
        AlgorithmParameters::EllipticCurve(key) if key.curve == EllipticCurve::P384 => &[Algorithm::ES384],
        AlgorithmParameters::OctetKeyPair(key) if key.curve == EllipticCurve::Ed25519 => &[Algorithm::EdDSA],
        _ => &[],
    };
    match jwk.common.key_algorithm {
        None => by_kind.to_vec(),
        Some(stated) => {
            let stated: Option<Algorithm> = stated.to_string().parse().ok();
            by_kind.iter().copied().filter(|algorithm| Some(*algorithm) == stated).collect()
        }
    }
}

/// Keys that are fetched.
pub(super) struct Remote {
    fetch: Arc<dyn JwksFetch>,
    times: JwksTimes,
    algorithms: Vec<Algorithm>,
    held: Mutex<Held>,
    flight: tokio::sync::Mutex<()>,
    clock: Arc<dyn Clock>,
}

#[derive(Default, Clone)]
struct Held {
    keys: Option<(Arc<KeySet>, Timestamp)>,
    tried_at: Option<Timestamp>,
}

impl Remote {
    async fn find(&self, kid: Option<&str>, algorithm: Algorithm) -> Result<DecodingKey, TokenError> {
        let before = self.held();
        if self.is_fresh(&before)
            && let Some(key) = usable(&before, kid, algorithm)
        {
            return Ok(key);
        }
        let held = self.refreshed(before.tried_at).await;
        match &held.keys {
            Some((_, fetched_at)) if self.age_secs(*fetched_at) < self.times.stale_secs => {
                usable(&held, kid, algorithm).ok_or(TokenError::UnknownKey)
            }
            _ => Err(TokenError::KeysUnavailable),
        }
    }

    /// Fetches the keys unless that was tried a moment ago or somebody else has done it since `tried_at`.
    async fn refreshed(&self, tried_at: Option<Timestamp>) -> Held {
        let _flight = self.flight.lock().await;
        let held = self.held();
        let is_too_soon = held.tried_at.is_some_and(|last| self.age_secs(last) < self.times.pause_secs);
        if held.tried_at != tried_at || is_too_soon {
            return held;
        }
        let now = self.clock.now();
        let keys = match self.fetch.fetch().await {
            Ok(set) => Some((Arc::new(KeySet::of(&set, &self.algorithms)), now)),
            Err(error) => {
                tracing::warn!(%error, "the host product's keys were not fetched");
                held.keys
            }
        };
        let held = Held { keys, tried_at: Some(now) };
        *self.held.lock().unwrap_or_else(PoisonError::into_inner) = held.clone();
        held
    }

    fn held(&self) -> Held {
        self.held.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    fn is_fresh(&self, held: &Held) -> bool {
        held.keys.as_ref().is_some_and(|(_, fetched_at)| self.age_secs(*fetched_at) < self.times.fresh_secs)
    }

    fn age_secs(&self, then: Timestamp) -> i64 {
        self.clock.now().millis_since(then) / 1_000
    }
}

fn usable(held: &Held, kid: Option<&str>, algorithm: Algorithm) -> Option<DecodingKey> {
    held.keys.as_ref().and_then(|(keys, _)| keys.find(kid, algorithm))
}
