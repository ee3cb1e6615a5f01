//! Sealing and opening: XChaCha20-Poly1305, with what a ciphertext belongs to as associated data.
//!
//! The associated data is not stored beside the ciphertext but made anew from the row it stands in, so a row that was
//! moved, renamed or given to another tenant does not open.

use chacha20poly1305::aead::{Aead as _, KeyInit as _, Payload};
use chacha20poly1305::{XChaCha20Poly1305, XNonce};
use hmac::{Hmac, Mac as _};
use vitrine_model::Sha256;
use vitrine_model::source::Entropy;
use zeroize::Zeroizing;

/// Bytes of every key.
pub(super) const KEY_BYTES: usize = 32;

/// XChaCha20's nonce is long enough to be drawn at random for every message (draft-irtf-cfrg-xchacha-03, §2).
const NONCE_BYTES: usize = 24;

/// The first byte of everything sealed: how it was done.
const FORM: u8 = 1;

/// A key, overwritten when it is dropped.
#[derive(Clone)]
pub(super) struct Key(Zeroizing<[u8; KEY_BYTES]>);

/// It does not open: another key, another row, or damage. Which of these cannot be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it does not open with this key, or is not what was sealed here")]
pub(super) struct NotOpened;

impl Key {
    pub(super) fn new(bytes: Zeroizing<[u8; KEY_BYTES]>) -> Self {
        Self(bytes)
    }

    /// A fresh one.
    pub(super) fn random(entropy: &dyn Entropy) -> Self {
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        entropy.fill(bytes.as_mut());
        Self(bytes)
    }

    pub(super) fn bytes(&self) -> &[u8] {
        self.0.as_ref()
    }

    /// A digest that only this key gives, for a purpose: says nothing about `data` to anybody else.
    pub(super) fn digest(&self, purpose: &str, data: &[u8]) -> Sha256 {
        #[expect(clippy::expect_used, reason = "HMAC takes keys of any length")]
        let mut mac = Hmac::<sha2::Sha256>::new_from_slice(self.bytes()).expect("any key length");
        mac.update(&identity(purpose, &[]));
        mac.update(data);
        Sha256::from_bytes(mac.finalize().into_bytes().into())
    }

    /// Seals `plain` so that it opens as `identity` alone.
    pub(super) fn seal(
        &self,
        entropy: &dyn Entropy,
        identity: &[u8],
        plain: &[u8],
    ) -> Result<Vec<u8>, NotOpened> {
        let mut nonce = [0; NONCE_BYTES];
        entropy.fill(&mut nonce);
        let payload = Payload { msg: plain, aad: identity };
        let sealed = self.cipher()?.encrypt(&XNonce::from(nonce), payload).map_err(|_| NotOpened)?;
        Ok([&[FORM][..], &nonce, &sealed].concat())
    }

    /// The inverse of [`Self::seal`].
    pub(super) fn open(&self, identity: &[u8], sealed: &[u8]) -> Result<Zeroizing<Vec<u8>>, NotOpened> {
        let (form, rest) = sealed.split_first().ok_or(NotOpened)?;
        let (nonce, sealed) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(NotOpened)?;
        if *form != FORM {
            return Err(NotOpened);
        }
        let payload = Payload { msg: sealed, aad: identity };
        let plain = self.cipher()?.decrypt(&XNonce::from(*nonce), payload).map_err(|_| NotOpened)?;
        Ok(Zeroizing::new(plain))
    }

    fn cipher(&self) -> Result<XChaCha20Poly1305, NotOpened> {
        XChaCha20Poly1305::new_from_slice(self.bytes()).map_err(|_| NotOpened)
    }
}

/// What something belongs to, as bytes that no other list of words gives.
pub(super) fn identity(purpose: &str, words: &[&str]) -> Vec<u8> {
    let words = std::iter::once(&purpose).chain(words);
    words.flat_map(|word| (word.len() as u64).to_le_bytes().into_iter().chain(word.bytes())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::source::fixed::CountingEntropy;

    #[test]
    fn what_was_sealed_opens_as_what_it_was_and_as_nothing_else() {
        let entropy = CountingEntropy::default();
        let (key, other) = (Key::random(&entropy), Key::random(&entropy));
        let here = identity("secret", &["a", "bc"]);
        let sealed = key.seal(&entropy, &here, b"value").unwrap();
        assert_eq!(&**key.open(&here, &sealed).unwrap(), b"value");
        assert!(!sealed.windows(5).any(|window| window == b"value"));
        assert!(other.open(&here, &sealed).is_err());
        assert!(key.open(&identity("secret", &["ab", "c"]), &sealed).is_err());
        for at in 0..sealed.len() {
            let mut damaged = sealed.clone();
            damaged[at] ^= 1;
            assert!(key.open(&here, &damaged).is_err(), "byte {at}");
        }
        assert!((0..sealed.len()).all(|length| key.open(&here, &sealed[..length]).is_err()));
    }

    /// The test vector of draft-irtf-cfrg-xchacha-03, A.3.1.
    #[test]
    fn it_is_the_published_cipher() {
        let hex = |text: &str| data_encoding::HEXLOWER.decode(text.as_bytes()).unwrap();
        let mut bytes = Zeroizing::new([0; KEY_BYTES]);
        bytes.iter_mut().zip(0x80..).for_each(|(byte, value)| *byte = value);
        let nonce: Vec<u8> = (0x40..0x58).collect();
        let cipher = hex(
            "bd6d179d3e83d43b9576579493c0e939572a1700252bfaccbed2902c21396cbb731c7f1b0b4aa6440bf3a82f4eda7e39ae64c6708c54c216cb96b72e1213b4522f8c9ba40db5d945b11b69b982c1bb9e3f3fac2bc369488f76b2383565d3fff921f9664c97637da9768812f615c68b13b52e",
        );
        let tag = hex("c0875924c1c7987947deafd8780acf49");
        let sealed = [&[FORM][..], &nonce, &cipher, &tag].concat();
        let plain = Key::new(bytes).open(&hex("50515253c0c1c2c3c4c5c6c7"), &sealed).unwrap();
        assert!(plain.starts_with(b"Ladies and Gentlemen of the class of '99"));
    }
}
