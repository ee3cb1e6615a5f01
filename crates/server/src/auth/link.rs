//! The link of the ready line: whoever can read the server's output is its operator, once and soon.

use std::sync::{Mutex, PoisonError};

use subtle::ConstantTimeEq as _;
use vitrine_model::Timestamp;
use vitrine_model::source::Entropy;

use super::key::mint_code;

/// How long the link can be opened.
const CODE_SECS: i64 = 15 * 60;

/// The code of the one link that can be opened.
#[derive(Default)]
pub(super) struct SignInLink(Mutex<Option<Code>>);

struct Code {
    text: String,
    expires_at: Timestamp,
}

impl SignInLink {
    /// A link's code; a new one makes the last one worthless.
    pub(super) fn issue(&self, now: Timestamp, entropy: &dyn Entropy) -> String {
        let (text, _) = mint_code(entropy);
        let code = Code { text: text.clone(), expires_at: now.plus_secs(CODE_SECS) };
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(code);
        text
    }

    /// Uses a code up; true when it was the one.
    pub(super) fn redeem(&self, now: Timestamp, text: &str) -> bool {
        let mut issued = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let is_valid = issued
            .as_ref()
            .is_some_and(|code| code.text.as_bytes().ct_eq(text.as_bytes()).into() && now < code.expires_at);
        if is_valid {
            *issued = None;
        }
        is_valid
    }
}

#[cfg(test)]
mod tests {
    use vitrine_model::source::fixed::CountingEntropy;

    use super::*;

    #[test]
    fn a_code_works_once_and_not_late() {
        let (link, entropy, now) =
            (SignInLink::default(), CountingEntropy::default(), Timestamp::from_millis(1));
        let code = link.issue(now, &entropy);
        assert!(!link.redeem(now, "guess"));
        assert!(link.redeem(now, &code));
        assert!(!link.redeem(now, &code));
        let late = link.issue(now, &entropy);
        assert!(!link.redeem(now.plus_secs(CODE_SECS), &late));
        let (first, second) = (link.issue(now, &entropy), link.issue(now, &entropy));
        assert!(!link.redeem(now, &first) && link.redeem(now, &second));
    }
}
