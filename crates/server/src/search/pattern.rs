//! What is searched for, and where it stands in a line.

use regex::{Regex, RegexBuilder};

/// Characters of what is searched for.
const MOST_QUERY_CHARS: usize = 1_000;

/// Bytes of a compiled expression, and of what matching remembers: an expression that needs more is refused.
const MOST_PROGRAM_BYTES: usize = 1024 * 1024;

/// Characters of a line that are shown.
const MOST_SHOWN_CHARS: usize = 400;

/// Of these, characters before the match.
const SHOWN_BEFORE_CHARS: usize = 100;

/// Something to search for.
#[derive(Debug)]
pub(crate) struct Pattern(Regex);

/// This cannot be searched for.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub(crate) enum InvalidPattern {
    #[error("give something to search for")]
    Empty,
    #[error("search for at most {MOST_QUERY_CHARS} characters")]
    TooLong,
    #[error("the expression is too large; search for less at once")]
    TooLarge,
    #[error("this is no regular expression: {0}")]
    Syntax(String),
}

/// A match and what is shown of its line; places in UTF-16 units.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) column: u32,
    pub(super) length: u32,
    pub(super) text: String,
    pub(super) text_offset: u32,
}

impl Pattern {
    /// A text, or a regular expression of a kind that matches in linear time: without look-around and back references.
    pub(crate) fn parse(
        query: &str,
        is_regex: bool,
        is_case_sensitive: bool,
    ) -> Result<Self, InvalidPattern> {
        if query.is_empty() {
            return Err(InvalidPattern::Empty);
        }
        if query.chars().count() > MOST_QUERY_CHARS {
            return Err(InvalidPattern::TooLong);
        }
        let source = if is_regex { query.to_owned() } else { regex::escape(query) };
        let built = RegexBuilder::new(&source)
            .case_insensitive(!is_case_sensitive)
            .size_limit(MOST_PROGRAM_BYTES)
            .dfa_size_limit(MOST_PROGRAM_BYTES)
            .build();
        built.map(Self).map_err(|error| match error {
            regex::Error::CompiledTooBig(_) => InvalidPattern::TooLarge,
            // The last line says what is wrong; those before draw a picture of it.
            other => {
                let text = other.to_string();
                let reason = text.lines().last().unwrap_or_default().trim();
                InvalidPattern::Syntax(reason.trim_start_matches("error: ").to_owned())
            }
        })
    }

    /// At most `most` matches in a line. Matches of nothing are none.
    pub(super) fn matches(&self, line: &str, most: usize) -> Vec<Span> {
        let mut ruler = Ruler { line, byte: 0, units: 0 };
        let found = self.0.find_iter(line).filter(|found| !found.is_empty()).take(most);
        found
            .map(|found| {
                let column = ruler.units_to(found.start());
                let length = ruler.units_to(found.end()) - column;
                let (text, before) = shown(line, found.start());
                Span { column: column + 1, length, text, text_offset: column - before }
            })
            .collect()
    }
}

/// Counts UTF-16 units from the beginning of a line, going forward only.
struct Ruler<'a> {
    line: &'a str,
    byte: usize,
    units: u32,
}

impl Ruler<'_> {
    fn units_to(&mut self, byte: usize) -> u32 {
        self.units += utf16_len(&self.line[self.byte..byte]);
        self.byte = byte;
        self.units
    }
}

fn utf16_len(text: &str) -> u32 {
    text.chars().map(|c| c.len_utf16() as u32).sum()
}

/// What is shown of a line with a match at `start`, and how many UTF-16 units of it stand before the match.
fn shown(line: &str, start: usize) -> (String, u32) {
    // Enough for a line that is shown whole, and no look at the rest of a long one.
    let is_short = line.chars().nth(MOST_SHOWN_CHARS).is_none();
    let before = &line[..start];
    let begin = match is_short {
        true => 0,
        false => before.char_indices().rev().nth(SHOWN_BEFORE_CHARS - 1).map_or(0, |(at, _)| at),
    };
    let text: String = line[begin..].chars().take(MOST_SHOWN_CHARS).collect();
    (text, utf16_len(&line[begin..start]))
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn spans(query: &str, is_regex: bool, line: &str) -> Vec<(u32, u32)> {
        let pattern = Pattern::parse(query, is_regex, false).unwrap();
        pattern.matches(line, 100).into_iter().map(|span| (span.column, span.length)).collect()
    }

    #[test]
    fn a_text_means_itself_and_an_expression_does_not() {
        assert_eq!(spans("a.c", false, "abc a.c A.C"), [(5, 3), (9, 3)]);
        assert_eq!(spans("a.c", true, "abc a.c"), [(1, 3), (5, 3)]);
        assert_eq!(spans("x*", true, "axxb"), [(2, 2)], "matches of nothing are none");
        let exact = Pattern::parse("A", false, true).unwrap();
        assert_eq!(exact.matches("aA", 9).len(), 1);
    }

    #[test]
    fn places_are_counted_as_editors_count_them() {
        assert_eq!(spans("x", false, "🦀éx"), [(4, 1)]);
        assert_eq!(spans("🦀", false, "a🦀"), [(2, 2)]);
    }

    #[test]
    fn a_long_line_is_shown_around_the_match() {
        let line = format!("{}needle{}", "🦀".repeat(1_000), "y".repeat(1_000));
        let span = Pattern::parse("needle", false, true).unwrap().matches(&line, 1).remove(0);
        assert_eq!((span.column, span.text_offset), (2_001, 1_800));
        assert_eq!(span.text.chars().count(), MOST_SHOWN_CHARS);
        let shown: Vec<u16> = span.text.encode_utf16().collect();
        let at = (span.column - 1 - span.text_offset) as usize;
        assert_eq!(String::from_utf16(&shown[at..at + 6]).unwrap(), "needle");
    }

    #[test]
    fn what_cannot_be_searched_for_is_told() {
        let refused = |query: &str, is_regex| Pattern::parse(query, is_regex, false).unwrap_err();
        assert_eq!(refused("", false), InvalidPattern::Empty);
        assert_eq!(refused(&"x".repeat(1_001), false), InvalidPattern::TooLong);
        assert_eq!(refused("(", true), InvalidPattern::Syntax("unclosed group".to_owned()));
        assert!(matches!(refused("(?=a)", true), InvalidPattern::Syntax(_)), "no look-around");
        assert_eq!(refused(r"(\w{1000}){1000}", true), InvalidPattern::TooLarge);
    }

    proptest! {
        #[test]
        fn a_match_is_where_it_is_said_to_be(line in "[a-cé🦀 ]{0,600}", query in "[a-cé🦀]{1,3}") {
            let units: Vec<u16> = line.encode_utf16().collect();
            for span in Pattern::parse(&query, false, true).unwrap().matches(&line, 1_000) {
                let at = span.column as usize - 1;
                prop_assert_eq!(String::from_utf16(&units[at..at + span.length as usize]).unwrap(), query.clone());
                let shown: Vec<u16> = span.text.encode_utf16().collect();
                let offset = span.text_offset as usize;
                prop_assert_eq!(&units[offset..offset + shown.len()], &shown[..]);
                prop_assert!(offset <= at && at < offset + shown.len());
            }
        }
    }
}
