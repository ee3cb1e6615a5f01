//! API keys as they are written: `vt_<id>_<secret>`. The id finds the row, the secret proves that whoever has the key was
//! given it; only its hash is kept. 256 random bits need no slow hash: nobody tries them all.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{KeyId, Sha256};

/// How every key begins.
const PREFIX: &str = "vt_";

/// Characters of a secret: 32 bytes in base64.
const SECRET_CHARS: usize = 43;

/// Characters of the id that are shown with the key's name, after the prefix.
const SHOWN_ID_CHARS: usize = 12;

/// A key that was made just now.
pub(crate) struct MintedKey {
    /// Its id.
    pub(crate) id: KeyId,
    /// How it begins, for people to recognise it by.
    pub(crate) prefix: String,
    /// The hash that is kept.
    pub(crate) secret: Sha256,
    /// The whole key, shown once.
    pub(crate) text: String,
}

/// Makes a key.
pub(crate) fn mint_key(clock: &dyn Clock, entropy: &dyn Entropy) -> MintedKey {
    let id = KeyId::mint(clock, entropy);
    let (secret, hash) = mint_code(entropy);
    let shown: String = id.body().chars().take(SHOWN_ID_CHARS).collect();
    let text = format!("{PREFIX}{}_{secret}", id.body());
    MintedKey { prefix: format!("{PREFIX}{shown}"), secret: hash, text, id }
}

/// Makes 256 random bits as text, and the hash that is kept of them.
pub(crate) fn mint_code(entropy: &dyn Entropy) -> (String, Sha256) {
    let mut bytes = [0; 32];
    entropy.fill(&mut bytes);
    let text = URL_SAFE_NO_PAD.encode(bytes);
    let hash = Sha256::of(text.as_bytes());
    (text, hash)
}

/// The id and the hash of the secret of what may be a key.
pub(super) fn parse(text: &str) -> Option<(KeyId, Sha256)> {
    let (id, secret) = text.strip_prefix(PREFIX)?.split_once('_')?;
    let id = format!("{}_{id}", KeyId::PREFIX).parse().ok()?;
    (secret.len() == SECRET_CHARS).then(|| (id, Sha256::of(secret.as_bytes())))
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};

    use super::*;

    #[test]
    fn a_key_is_found_and_proven_by_its_two_halves() {
        let key = mint_key(&FixedClock::at_millis(1_763_718_000_000), &CountingEntropy::default());
        let (id, secret) = parse(&key.text).unwrap();
        assert_eq!((&id, &secret), (&key.id, &key.secret));
        assert!(key.text.starts_with(&key.prefix) && key.prefix.len() == 15);
        let other = mint_key(&FixedClock::at_millis(1_763_718_000_000), &CountingEntropy::default());
        assert_eq!(other.text, key.text, "nothing but the given clock and entropy is in a key");
    }

    #[test]
    fn what_is_no_key_is_none() {
        let key = mint_key(&FixedClock::at_millis(1), &CountingEntropy::default()).text;
        let (cut, long) = (&key[..key.len() - 1], format!("{key}x"));
        for text in ["", "vt_", "vt_the-admin-key", cut, &long, &key[3..], &key.replacen("vt_", "VT_", 1)] {
            assert!(parse(text).is_none(), "{text}");
        }
    }
}
