//! What a guest says in words, fit for a log and for an answer.

/// Bytes of a reason or a name; ours have less.
const MAX_BYTES: usize = 1_024;

/// The text without control characters, which would forge lines of a log or steer a terminal, and cut to what anybody
/// reads.
pub(crate) fn plain(text: &str) -> String {
    let kept = &text[..text.floor_char_boundary(MAX_BYTES)];
    let mut plain = kept.replace(char::is_control, "\u{fffd}");
    if text.len() > MAX_BYTES || plain.len() > MAX_BYTES {
        plain.truncate(plain.floor_char_boundary(MAX_BYTES));
        plain.push('…');
    }
    plain
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_have_an_end_and_no_control_characters() {
        assert_eq!(plain("no such file"), "no such file");
        assert_eq!(plain("a\n2026 ERROR \u{1b}[2Jb"), "a\u{fffd}2026 ERROR \u{fffd}[2Jb");
        for endless in ["é", "\n"] {
            let long = plain(&endless.repeat(5_000));
            assert!(long.len() <= MAX_BYTES + 3 && long.ends_with('…'));
        }
    }
}
