//! Identifiers: prefixed, sortable, opaque strings (`app_…`), one newtype per kind of thing.
//!
//! The part after the prefix is made like a ULID: 48 bits of milliseconds, then 80 random bits, in Crockford's
//! base 32. Lower case keeps an id usable as a DNS label, which is how a session names its preview origin.

use data_encoding::{Encoding, Specification};
use std::sync::LazyLock;

use crate::source::{Clock, Entropy};

/// Characters after the underscore: 128 bits in base 32.
const BODY_LEN: usize = 26;

static CROCKFORD: LazyLock<Encoding> = LazyLock::new(|| {
    let mut spec = Specification::new();
    spec.symbols.push_str("0123456789abcdefghjkmnpqrstvwxyz");
    #[expect(
        clippy::expect_used,
        reason = "the alphabet above is a constant of 32 distinct ASCII characters"
    )]
    spec.encoding().expect("a valid base 32 alphabet")
});

fn mint_body(clock: &dyn Clock, entropy: &dyn Entropy) -> String {
    let mut bytes = [0_u8; 16];
    bytes[..6].copy_from_slice(&clock.now().as_millis().to_be_bytes()[2..]);
    entropy.fill(&mut bytes[6..]);
    body_of_bytes(&bytes)
}

/// 128 bits as the part of an id after the underscore.
pub(crate) fn body_of_bytes(bytes: &[u8; 16]) -> String {
    let mut body = CROCKFORD.encode(bytes);
    body.truncate(BODY_LEN);
    body
}

pub(crate) fn is_body(text: &str) -> bool {
    text.len() == BODY_LEN && text.bytes().all(|b| b"0123456789abcdefghjkmnpqrstvwxyz".contains(&b))
}

/// The text is not an id of the kind asked for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("not a valid {kind} id")]
pub struct InvalidId {
    /// What was expected, for example `app`.
    pub kind: &'static str,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident = $prefix:literal;)*) => {$(
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, serde::Serialize, serde::Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name(String);

        impl $name {
            /// The prefix every id of this kind starts with, without the underscore.
            pub const PREFIX: &'static str = $prefix;

            /// Makes a fresh id; ids minted later sort later, to the millisecond.
            pub fn mint(clock: &dyn Clock, entropy: &dyn Entropy) -> Self {
                Self(format!(concat!($prefix, "_{}"), mint_body(clock, entropy)))
            }

            /// The id as it appears in URLs and JSON.
            pub fn as_str(&self) -> &str {
                &self.0
            }

            /// The part after the underscore: 26 of 0–9 and a–z.
            pub fn body(&self) -> &str {
                self.0.get(Self::PREFIX.len() + 1..).unwrap_or_default()
            }

            /// The id as one DNS label (`app-…`): underscores are not allowed in host names.
            pub fn dns_label(&self) -> String {
                self.0.replacen('_', "-", 1)
            }

            /// The inverse of [`Self::dns_label`].
            pub fn from_dns_label(label: &str) -> Result<Self, InvalidId> {
                label.replacen('-', "_", 1).parse()
            }
        }

        impl std::str::FromStr for $name {
            type Err = InvalidId;
            fn from_str(text: &str) -> Result<Self, InvalidId> {
                match text.strip_prefix(concat!($prefix, "_")) {
                    Some(body) if is_body(body) => Ok(Self(text.to_owned())),
                    _ => Err(InvalidId { kind: $prefix }),
                }
            }
        }

        impl TryFrom<String> for $name {
            type Error = InvalidId;
            fn try_from(text: String) -> Result<Self, InvalidId> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> String {
                id.0
            }
        }

        impl std::fmt::Display for $name {
            fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str(&self.0)
            }
        }

        impl utoipa::PartialSchema for $name {
            fn schema() -> utoipa::openapi::RefOr<utoipa::openapi::schema::Schema> {
                String::schema()
            }
        }

        impl utoipa::ToSchema for $name {}
    )*};
}

ids! {
    /// The isolation boundary: owns apps, members, keys and quotas.
    TenantId = "ten";
    /// A person, or a key acting for one.
    UserId = "usr";
    /// An API key; the public half of `vt_…`.
    KeyId = "key";
    /// An invitation into a tenant.
    InviteId = "inv";
    /// One project.
    AppId = "app";
    /// An immutable snapshot of a draft.
    RevisionId = "rev";
    /// One job that turns a revision into an artifact and a release.
    PublishId = "pub";
    /// An artifact made current for an app.
    ReleaseId = "rel";
    /// A person's live preview of an app's draft.
    SessionId = "ses";
    /// A link that shows an app's preview to whoever has it.
    LinkId = "lnk";
    /// One isolated execution environment.
    SandboxId = "sbx";
    /// One request to the API, for finding it in the log.
    RequestId = "req";
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::source::fixed::{CountingEntropy, FixedClock};

    #[test]
    fn ids_round_trip_as_text_and_as_dns_label() {
        let id = AppId::mint(&FixedClock::at_millis(1_700_000_000_000), &CountingEntropy::default());
        assert_eq!(id.as_str().parse(), Ok(id.clone()));
        assert_eq!(AppId::from_dns_label(&id.dns_label()), Ok(id.clone()));
        assert!(id.as_str().len() == 30 && id.dns_label().is_ascii());
    }

    #[test]
    fn later_ids_sort_later() {
        let entropy = CountingEntropy::default();
        let early = SessionId::mint(&FixedClock::at_millis(1_000), &entropy);
        let late = SessionId::mint(&FixedClock::at_millis(1_001), &entropy);
        assert!(early < late);
    }

    #[test]
    fn foreign_prefixes_lengths_and_alphabets_are_refused() {
        for text in ["", "app_", "ses_01hf7yat00000000000000000a", "app_01hf7yat0000000000000000", "app_ILOU"]
        {
            assert_eq!(text.parse::<AppId>(), Err(InvalidId { kind: "app" }), "{text}");
        }
    }
}
