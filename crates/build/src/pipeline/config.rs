//! Whether a project's configuration file sets an option, found out without running it.
//!
//! The file is code, and only running it would give its values. What the plan needs to know is less: whether an option's
//! name stands in it as a key. Comments and strings do not count; anything else that looks like the key does, since
//! leaving a project's own setting alone is the safer error.

use crate::Files;

/// True when a file in the project's root whose name begins with `prefix` has `key` as a key of an object.
pub(super) fn sets(files: &Files, prefix: &str, key: &str) -> bool {
    files
        .iter()
        .filter(|(path, _)| path.is_at_root() && path.as_str().starts_with(prefix))
        .any(|(_, content)| has_key(&String::from_utf8_lossy(content), key))
}

/// True when `key` stands in `source` as a property name: `key:`, `"key":`, or short for `key: key`.
fn has_key(source: &str, key: &str) -> bool {
    let tokens = tokens(source);
    tokens.iter().enumerate().any(|(at, token)| {
        let before = at.checked_sub(1).and_then(|at| tokens.get(at));
        let after = tokens.get(at + 1);
        let begins = matches!(before, Some(Token::Mark('{' | ',')));
        match token {
            Token::Word(word) if word == key => begins && matches!(after, Some(Token::Mark(':' | ',' | '}'))),
            Token::Text(text) if text == key => begins && matches!(after, Some(Token::Mark(':'))),
            _ => false,
        }
    })
}

#[derive(Debug, PartialEq)]
enum Token {
    Word(String),
    Text(String),
    Mark(char),
}

/// Words, strings and marks; without comments and blanks. Regular expressions are not told apart from divisions: one
/// that holds a quote hides what follows on its line.
fn tokens(source: &str) -> Vec<Token> {
    let mut tokens = Vec::new();
    let mut rest = source;
    while let Some(first) = rest.chars().next() {
        let taken = match first {
            '/' if rest.starts_with("//") => rest.find('\n').unwrap_or(rest.len()),
            '/' if rest.starts_with("/*") => rest[2..].find("*/").map_or(rest.len(), |end| end + 4),
            '"' | '\'' | '`' => {
                let length = quoted(rest, first);
                tokens.push(Token::Text(rest[1..length].trim_end_matches(first).to_owned()));
                length
            }
            c if is_word(c) => {
                let length = rest.find(|c| !is_word(c)).unwrap_or(rest.len());
                tokens.push(Token::Word(rest[..length].to_owned()));
                length
            }
            c => {
                if !c.is_whitespace() {
                    tokens.push(Token::Mark(c));
                }
                c.len_utf8()
            }
        };
        rest = &rest[taken..];
    }
    tokens
}

/// Bytes of the string at the start of `text`, quotes included.
fn quoted(text: &str, quote: char) -> usize {
    let mut is_escaped = false;
    for (at, c) in text.char_indices().skip(1) {
        match c {
            _ if is_escaped => is_escaped = false,
            '\\' => is_escaped = true,
            c if c == quote => return at + 1,
            '\n' if quote != '`' => return at,
            _ => {}
        }
    }
    text.len()
}

fn is_word(c: char) -> bool {
    c.is_alphanumeric() || c == '_' || c == '$'
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_key_is_found_where_it_is_one() {
        for source in [
            "export default { base: './' }",
            "export default defineConfig({\n  plugins: [a()],\n  base: '/x/',\n})",
            "const base = '/x'; export default { base }",
            "const base = '/x'; export default { plugins: [], base, }",
            "export default { 'base': '/' }",
            "export default { /* where */ base: process.env.BASE }",
        ] {
            assert!(has_key(source, "base"), "{source}");
        }
        for source in [
            "export default { plugins: [] }",
            "export default { // base: '/'\n}",
            "export default { /* base: '/' */ }",
            "export default { plugins: [x('{ base: 1 }')] }",
            "export default { database: 1, alias: base ? 1 : 2 }",
            "const base = 1",
            "",
        ] {
            assert!(!has_key(source, "base"), "{source}");
        }
    }

    proptest! {
        #[test]
        fn any_text_is_read_without_a_panic(source in "\\PC{0,60}|[/*'\"`\\\\{}:,a\n]{0,30}") {
            let _ = has_key(&source, "base");
        }
    }
}
