//! What opens a preview: a short-lived token for the URL, and the cookie it is exchanged for. Both are signed statements
//! "whoever holds this may see this session (or this artifact of an app) until then"; nothing is stored.

use std::sync::Arc;
use std::time::Duration;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use vitrine_model::source::Clock;

/// Characters of a credential: 20 digits, a dot, 43 of base 64. Longer ones are refused unread.
const MAX_LEN: usize = 64;

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
            Self::Token => b"vitrine preview token 1\0",
            Self::Cookie => b"vitrine preview cookie 1\0",
            Self::ArtifactToken => b"vitrine artifact token 1\0",
            Self::ArtifactCookie => b"vitrine artifact cookie 1\0",
        }
    }
}

/// Makes and checks credentials.
pub(crate) struct Signer {
    keyed: Hmac<Sha256>,
    clock: Arc<dyn Clock>,
}

impl Signer {
    /// Whoever has the key can open every preview; the same key on every gateway.
    pub(crate) fn new(key: &[u8; 32], clock: Arc<dyn Clock>) -> Self {
        // A key shorter than a block is filled up with zeros (RFC 2104, 2).
        let mut block = [0; 64];
        block[..key.len()].copy_from_slice(key);
        Self { keyed: Hmac::new(&block.into()), clock }
    }

    /// A credential good from now for `ttl`, in characters that need no escaping in URLs and cookies.
    pub(crate) fn issue(&self, purpose: Purpose, subject: &str, ttl: Duration) -> String {
        let expires_secs = self.now_secs().saturating_add(ttl.as_secs());
        let mac = self.mac(purpose, subject, expires_secs).finalize().into_bytes();
        format!("{expires_secs}.{}", URL_SAFE_NO_PAD.encode(mac))
    }

    /// How long the credential is still good for; none when it is forged, expired, for another subject or purpose.
    pub(crate) fn check(&self, purpose: Purpose, subject: &str, text: &str) -> Option<Duration> {
        if text.len() > MAX_LEN {
            return None;
        }
        let (expires, mac) = text.split_once('.')?;
        let expires_secs: u64 = expires.parse().ok()?;
        let mac = URL_SAFE_NO_PAD.decode(mac).ok()?;
        // In constant time.
        self.mac(purpose, subject, expires_secs).verify_slice(&mac).ok()?;
        let left_secs = expires_secs.checked_sub(self.now_secs())?;
        (left_secs > 0).then(|| Duration::from_secs(left_secs))
    }

    fn mac(&self, purpose: Purpose, subject: &str, expires_secs: u64) -> Hmac<Sha256> {
        let mut mac = self.keyed.clone();
        mac.update(purpose.context());
        // The subjects of a purpose have one length, so the fields cannot run into each other.
        mac.update(subject.as_bytes());
        mac.update(&expires_secs.to_be_bytes());
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
        let signer = Signer::new(&[7; 32], clock.clone());
        (clock.clone(), signer, mint(), mint())
    }

    #[test]
    fn a_credential_opens_its_own_session_until_it_expires() {
        let (clock, signer, session, _) = setup();
        let token = signer.issue(Purpose::Token, session.as_str(), TTL);
        assert_eq!(signer.check(Purpose::Token, session.as_str(), &token), Some(TTL));
        clock.advance_secs(119);
        assert!(signer.check(Purpose::Token, session.as_str(), &token).is_some());
        clock.advance_secs(1);
        assert_eq!(signer.check(Purpose::Token, session.as_str(), &token), None);
    }

    #[test]
    fn a_credential_of_another_session_purpose_or_key_is_refused() {
        let (clock, signer, session, other) = setup();
        let token = signer.issue(Purpose::Token, session.as_str(), TTL);
        assert_eq!(signer.check(Purpose::Token, other.as_str(), &token), None);
        assert_eq!(signer.check(Purpose::Cookie, session.as_str(), &token), None);
        let foreign = Signer::new(&[8; 32], clock);
        assert_eq!(foreign.check(Purpose::Token, session.as_str(), &token), None);
    }

    #[test]
    fn a_changed_credential_is_refused() {
        let (_, signer, session, _) = setup();
        let token = signer.issue(Purpose::Token, session.as_str(), TTL);
        for at in 0..token.len() {
            let mut bytes = token.clone().into_bytes();
            bytes[at] = if bytes[at] == b'1' { b'2' } else { b'1' };
            let changed = String::from_utf8(bytes).unwrap();
            assert_eq!(signer.check(Purpose::Token, session.as_str(), &changed), None, "{changed}");
        }
        for text in ["", ".", "9.", "99999999999.", "x.y", &"9".repeat(500)] {
            assert_eq!(signer.check(Purpose::Token, session.as_str(), text), None, "{text}");
        }
    }
}
