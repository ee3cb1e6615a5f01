//! What opens a preview: a short-lived token for the URL, and the cookie it is exchanged for. Both are signed statements
//! "whoever holds this may see this session (or this artifact of an app) until then, and for as long as that link is open".
//! A token has a nonce besides, by which it is used up.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{LinkId, Timestamp};

/// Characters of a credential: 20 digits, a nonce of 22, a link of 30, 43 of base 64, and dots. Longer ones are refused
/// unread.
const MAX_LEN: usize = 128;

/// Bytes of a nonce: never the same twice.
const NONCE_BYTES: usize = 16;

/// What a credential is for; one kind is never taken for the other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Purpose {
    /// In the URL, once; for a session.
    Token,
    /// In the cookie; for a session.
    Cookie,
    /// In the URL, once; for an artifact that was never released.
    ArtifactToken,
    /// In the cookie; for an artifact that was never released.
    ArtifactCookie,
}

impl Purpose {
    const fn context(self) -> &'static [u8] {
        match self {
            Self::Token => b"vitrine preview token 2\0",
            Self::Cookie => b"vitrine preview cookie 2\0",
            Self::ArtifactToken => b"vitrine artifact token 2\0",
            Self::ArtifactCookie => b"vitrine artifact cookie 2\0",
        }
    }
}

/// A credential that was found good.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Checked {
    /// How long it still is; more than nothing.
    pub(crate) left: Duration,
    /// Until when.
    pub(crate) expires_at: Timestamp,
    /// What it is used up by; empty for cookies.
    pub(crate) nonce: String,
    /// The link it came by: it is good for as long as that is open.
    pub(crate) link: Option<LinkId>,
}

/// Makes and checks credentials.
pub(crate) struct Signer {
    keyed: Hmac<Sha256>,
    clock: Arc<dyn Clock>,
    entropy: Arc<dyn Entropy>,
}

impl Signer {
    /// Whoever has the key can open every preview; the same key on every gateway.
    pub(crate) fn new(key: &[u8; 32], clock: Arc<dyn Clock>, entropy: Arc<dyn Entropy>) -> Self {
        // A key shorter than a block is filled up with zeros (RFC 2104, 2).
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        Self { keyed: Hmac::new(&block.into()), clock, entropy }
    }

    /// A token good from now for `ttl`, unlike every other one, in characters that need no escaping in URLs.
    pub(crate) fn token(
        &self,
        purpose: Purpose,
        subject: &str,
        ttl: Duration,
        link: Option<&LinkId>,
    ) -> String {
        let mut nonce = [0; NONCE_BYTES];
        self.entropy.fill(&mut nonce);
        self.issue((purpose, subject), ttl, &URL_SAFE_NO_PAD.encode(nonce), link)
    }

    /// The value of a cookie good from now for `ttl`.
    pub(crate) fn cookie(
        &self,
        purpose: Purpose,
        subject: &str,
        ttl: Duration,
        link: Option<&LinkId>,
    ) -> String {
        self.issue((purpose, subject), ttl, "", link)
    }

    fn issue(&self, door: (Purpose, &str), ttl: Duration, nonce: &str, link: Option<&LinkId>) -> String {
        let expires_secs = self.now_secs().saturating_add(ttl.as_secs());
        let statement = format!("{expires_secs}.{nonce}.{}", link.map(LinkId::as_str).unwrap_or_default());
        let mac = self.mac(door, &statement).finalize().into_bytes();
        format!("{statement}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// What the credential says; none when it is forged, expired, for another subject or purpose.
    pub(crate) fn check(&self, purpose: Purpose, subject: &str, text: &str) -> Option<Checked> {
        if text.len() > MAX_LEN {
            return None;
        }
        let (statement, mac) = text.rsplit_once('.')?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // In constant time.
        self.mac((purpose, subject), statement).verify_slice(&mac).ok()?;
        let mut parts = statement.split('.');
        let (expires, nonce, link) = (parts.next()?, parts.next()?, parts.next()?);
        let expires_secs: u64 = expires.parse().ok()?;
        let left_secs = expires_secs.checked_sub(self.now_secs()).filter(|left| *left > 0)?;
        Some(Checked {
            left: Duration::from_secs(left_secs),
            expires_at: Timestamp::from_millis(0).plus_secs(i64::try_from(expires_secs).ok()?),
            nonce: nonce.to_owned(),
            link: if link.is_empty() { None } else { Some(link.parse().ok()?) },
        })
    }

    /// The clock that credentials are good or not by.
    pub(crate) fn clock(&self) -> Arc<dyn Clock> {
        self.clock.clone()
    }

    /// Now, by the clock that credentials are good or not by.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    fn mac(&self, (purpose, subject): (Purpose, &str), statement: &str) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(purpose.context());
        // Neither a subject nor a statement has a zero byte, so the fields cannot run into each other.
        mac.update(subject.as_bytes());
        mac.update(b"\0");
        mac.update(statement.as_bytes());
        mac
    }

    fn now_secs(&self) -> u64 {
        u64::try_from(self.clock.now().as_millis() / 1_000).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::SessionId;
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};

    use super::*;

    const TTL: Duration = Duration::from_secs(120);

    fn setup() -> (Arc<FixedClock>, Signer, SessionId, SessionId) {
        let clock = Arc::new(FixedClock::at_millis(1_700_000_000_000));
        let entropy = CountingEntropy::default();
        let mint = || SessionId::mint(clock.as_ref(), &entropy);
        let signer = Signer::new(&[7; 32], clock.clone(), Arc::new(CountingEntropy::default()));
        (clock.clone(), signer, mint(), mint())
    }

    #[test]
    fn a_credential_opens_its_own_session_until_it_expires() {
        let (clock, signer, session, _) = setup();
        let token = signer.token(Purpose::Token, session.as_str(), TTL, None);
        assert_eq!(signer.check(Purpose::Token, session.as_str(), &token).unwrap().left, TTL);
        clock.advance_secs(119);
        assert!(signer.check(Purpose::Token, session.as_str(), &token).is_some());
        clock.advance_secs(1);
        assert_eq!(signer.check(Purpose::Token, session.as_str(), &token), None);
    }

    #[test]
    fn a_credential_of_another_session_purpose_or_key_is_refused() {
        let (clock, signer, session, other) = setup();
        let token = signer.token(Purpose::Token, session.as_str(), TTL, None);
        assert_eq!(signer.check(Purpose::Token, other.as_str(), &token), None);
        assert_eq!(signer.check(Purpose::Cookie, session.as_str(), &token), None);
        let foreign = Signer::new(&[8; 32], clock, Arc::new(CountingEntropy::default()));
        assert_eq!(foreign.check(Purpose::Token, session.as_str(), &token), None);
    }

    #[test]
    fn tokens_differ_and_what_came_by_a_link_says_so() {
        let (clock, signer, session, _) = setup();
        let link = LinkId::mint(clock.as_ref(), &CountingEntropy::default());
        let token = |link| signer.token(Purpose::Token, session.as_str(), TTL, link);
        assert_ne!(token(None), token(None));
        let checked = |text: &str| signer.check(Purpose::Token, session.as_str(), text).unwrap();
        let (own, linked) = (token(None), token(Some(&link)));
        assert_eq!((checked(&own).link, checked(&linked).link), (None, Some(link.clone())));
        assert!(!checked(&own).nonce.is_empty());
        // Without the link it would be good for longer.
        let unbound = linked.replace(link.as_str(), "");
        assert_eq!(signer.check(Purpose::Token, session.as_str(), &unbound), None);
    }

    #[test]
    fn a_changed_credential_is_refused() {
        let (_, signer, session, _) = setup();
        let token = signer.token(Purpose::Token, session.as_str(), TTL, None);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(signer.check(Purpose::Token, session.as_str(), &changed), None, "{changed}");
        }
        for text in ["", ".", "9.", "99999999999...", "x.y.z.", "9...AAAA", &"9".repeat(500)] {
            assert_eq!(signer.check(Purpose::Token, session.as_str(), text), None, "{text}");
        }
    }
}
