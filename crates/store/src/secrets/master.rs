//! Master keys: what wraps the data keys. They are the operator's and are never in the database.

use async_trait::async_trait;
use data_encoding::{BASE64, BASE64_NOPAD, BASE64URL_NOPAD, HEXLOWER, HEXLOWER_PERMISSIVE};
use vitrine_model::Sha256;
use vitrine_model::source::Entropy;
use zeroize::Zeroizing;

use super::sealed::{KEY_BYTES, Key};

/// Bytes of a key's name.
const ID_BYTES: usize = 8;

/// The operator's keys: the first wraps what is new, all of them open.
pub struct MasterKeys {
    keys: Vec<MasterKey>,
}

pub(super) struct MasterKey {
    pub(super) id: String,
    pub(super) key: Key,
}

/// A text that holds no master keys. Says nothing of what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum InvalidMasterKeys {
    /// Nothing there.
    #[error("there is no key in it")]
    Empty,
    /// One of them, counted from 1, is none.
    #[error("key {0} is not 32 bytes in Base64 or hexadecimal")]
    Malformed(usize),
}

impl MasterKeys {
    /// Reads keys: 32 bytes each in Base64 or hexadecimal, apart by blanks, commas or line ends; `#` begins a remark up to
    /// the end of its line.
    pub fn parse(text: &str) -> Result<Self, InvalidMasterKeys> {
        let lines = text.lines().map(|line| line.split('#').next().unwrap_or_default());
        let words = lines.flat_map(|line| line.split(|c: char| c.is_whitespace() || c == ','));
        let words = words.filter(|word| !word.is_empty());
        let keys: Vec<_> = (1..)
            .zip(words)
            .map(|(number, word)| decode(word).map(MasterKey::of).ok_or(InvalidMasterKeys::Malformed(number)))
            .collect::<Result<_, _>>()?;
        match keys.is_empty() {
            true => Err(InvalidMasterKeys::Empty),
            false => Ok(Self { keys }),
        }
    }

    /// The text of a fresh key, as [`Self::parse`] reads it.
    pub fn generate(entropy: &dyn Entropy) -> Zeroizing<String> {
        Zeroizing::new(BASE64.encode(Key::random(entropy).bytes()))
    }

    /// The names of the keys, the one that wraps first. A name is made from its key, tells nothing about it, and is
    /// another one for another key.
    pub fn ids(&self) -> Vec<&str> {
        self.keys.iter().map(|key| key.id.as_str()).collect()
    }

    pub(super) fn current(&self) -> Option<&MasterKey> {
        self.keys.first()
    }

    pub(super) fn find(&self, id: &str) -> Option<&MasterKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

impl MasterKey {
    fn of(key: Key) -> Self {
        let named = Zeroizing::new([b"vitrine master key id 1\0", key.bytes()].concat());
        let id = HEXLOWER.encode(&Sha256::of(&named).as_bytes()[..ID_BYTES]);
        Self { id, key }
    }
}

fn decode(word: &str) -> Option<Key> {
    let text = word.trim_end_matches('=').as_bytes();
    let decoded = match word.len() {
        64 => HEXLOWER_PERMISSIVE.decode(word.as_bytes()),
        _ => BASE64_NOPAD.decode(text).or_else(|_| BASE64URL_NOPAD.decode(text)),
    };
    let decoded = Zeroizing::new(decoded.ok()?);
    let mut bytes = Zeroizing::new([0; KEY_BYTES]);
    let has_length = decoded.len() == KEY_BYTES;
    has_length.then(|| {
        bytes.copy_from_slice(&decoded);
        Key::new(bytes)
    })
}

/// Why there are no master keys.
#[derive(Debug, thiserror::Error)]
pub enum MasterKeyError {
    /// The place they are kept in cannot be read.
    #[error("the master key cannot be read from {place}: {reason}")]
    Unreadable {
        /// Where they are looked for, for people.
        place: String,
        /// What went wrong.
        reason: String,
    },
    /// It holds none.
    #[error("{place} holds no usable master key: {reason}")]
    Invalid {
        /// Where they are looked for, for people.
        place: String,
        /// What is wrong with it.
        reason: InvalidMasterKeys,
    },
}

/// Where the master keys are. Asked again whenever one is needed, so that a key that was added is found without a restart.
#[async_trait]
pub trait MasterKeySource: Send + Sync + 'static {
    /// The keys as they are now.
    async fn load(&self) -> Result<MasterKeys, MasterKeyError>;

    /// The place, for people.
    fn place(&self) -> String;
}

#[cfg(test)]
mod tests {
    use super::*;
    use vitrine_model::source::fixed::CountingEntropy;

    #[test]
    fn keys_are_read_in_every_usual_form_and_have_one_name_in_all_of_them() {
        let bytes: Vec<u8> = (0..32).map(|n| n * 8 + 7).collect();
        let forms =
            [BASE64.encode(&bytes), BASE64URL_NOPAD.encode(&bytes), HEXLOWER.encode(&bytes).to_uppercase()];
        let id = |text: &str| MasterKeys::parse(text).ok().unwrap().ids()[0].to_owned();
        assert!(forms.iter().all(|form| id(form) == id(&forms[0])));
        let fresh = MasterKeys::generate(&CountingEntropy::default());
        let both = format!("# new\n{}\n\n{} # old\n", *fresh, forms[0]);
        let keys = MasterKeys::parse(&both).ok().unwrap();
        assert_eq!(keys.ids(), [id(&fresh), id(&forms[0])]);
    }

    #[test]
    fn what_is_no_key_is_refused_by_its_number() {
        let error = |text: &str| MasterKeys::parse(text).err().unwrap();
        assert_eq!(error(" \n# only a remark"), InvalidMasterKeys::Empty);
        let key = MasterKeys::generate(&CountingEntropy::default());
        assert_eq!(error(&format!("{},short", *key)), InvalidMasterKeys::Malformed(2));
        assert_eq!(error(&"ab".repeat(31)), InvalidMasterKeys::Malformed(1));
    }
}
