//! Which paths are the back end's, and which of them nobody passes on.

use std::borrow::Cow;

/// How often a path is decoded when looking for what is hidden in it: the back end decodes once, a proxy before it
/// perhaps once more. What is encoded deeper than that reaches nobody as a path.
const DECODINGS: usize = 3;

/// What follows `prefix` in a raw path, when that ends where a segment does: empty, or with a leading slash.
pub(super) fn below<'a>(path: &'a str, prefix: &str) -> Option<&'a str> {
    path.strip_prefix(prefix).filter(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// True for one or more segments of letters, digits and `-._~`, none of them dots alone, each after a slash.
pub(super) fn is_plain(path: &str) -> bool {
    let is_segment = |segment: &str| {
        !matches!(segment, "" | "." | "..")
            && segment.bytes().all(|b| b.is_ascii_alphanumeric() || b"-._~".contains(&b))
    };
    path.strip_prefix('/').is_some_and(|rest| rest.split('/').all(is_segment))
}

/// True for the rest of a path that stays beneath what it is put behind, however often it is decoded on its way: no dot
/// segments, also not behind `;` or between backslashes, no control characters, and no second slash at its start, which
/// would make a host of what follows.
pub(super) fn stays_beneath(rest: &str) -> bool {
    let mut text = Cow::Borrowed(rest.as_bytes());
    for _ in 0..=DECODINGS {
        if climbs(&text) || text.iter().any(u8::is_ascii_control) || starts_like_a_host(&text) {
            return false;
        }
        match decode(&text) {
            Some(decoded) => text = Cow::Owned(decoded),
            None => return true,
        }
    }
    true
}

fn is_separator(byte: &u8) -> bool {
    matches!(byte, b'/' | b'\\')
}

fn climbs(path: &[u8]) -> bool {
    path.split(is_separator).any(|segment| {
        // Servlet containers cut parameters off a segment before they look at it.
        let name = segment.split(|b| *b == b';').next().unwrap_or_default();
        matches!(name, b"." | b"..")
    })
}

fn starts_like_a_host(path: &[u8]) -> bool {
    path.len() > 1 && path[..2].iter().all(is_separator)
}

/// Decoded once; none when there is nothing to decode. What is no escape stays.
fn decode(text: &[u8]) -> Option<Vec<u8>> {
    let mut decoded = Vec::with_capacity(text.len());
    let mut at = 0;
    while at < text.len() {
        match escape(&text[at..]) {
            Some(byte) => {
                decoded.push(byte);
                at += 3;
            }
            None => {
                decoded.push(text[at]);
                at += 1;
            }
        }
    }
    (decoded.len() != text.len()).then_some(decoded)
}

fn escape(text: &[u8]) -> Option<u8> {
    let [b'%', high, low, ..] = *text else {
        return None;
    };
    let digit = |byte: u8| char::from(byte).to_digit(16);
    u8::try_from(digit(high)? * 16 + digit(low)?).ok()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_prefix_ends_where_a_segment_does() {
        for (path, rest) in [
            ("/api/py", Some("")),
            ("/api/py/", Some("/")),
            ("/api/py/a/b", Some("/a/b")),
            ("/api/py/../x", Some("/../x")),
            ("/api/pyx", None),
            ("/api/py%2f..", None),
            ("/api/py;x", None),
            ("//api/py", None),
            ("/API/py", None),
            ("/api/%70y", None),
            ("/x/api/py", None),
        ] {
            assert_eq!(below(path, "/api/py"), rest, "{path}");
        }
    }

    #[test]
    fn ordinary_paths_stay_beneath() {
        for rest in [
            "",
            "/",
            "/items/1",
            "/a%20b/%C3%A9",
            "/files/a%2Fb",
            "/a//b",
            "/.well-known/x",
            "/...",
            "/a..b",
            "/x..",
            "/100%",
            "/%zz",
            "/next/https%253A%252F%252Fexample.com",
        ] {
            assert!(stays_beneath(rest), "{rest}");
        }
    }

    #[test]
    fn nothing_climbs_out_however_it_is_written() {
        for rest in [
            "/..",
            "/../x",
            "/a/../../x",
            "/./x",
            "/%2e%2e/x",
            "/.%2E/x",
            "/..%2fx",
            "/a%2f..%2f..",
            "/%252e%252e/x",
            "/%25252e%25252e%25252fx",
            "/..\\x",
            "/..%5cx",
            "/..;/x",
            "/..;a=b/x",
            "/%2e%2e%3b/x",
            "/a%00",
            "/a%0d%0aX-Vitrine-App:%20other",
            "/a%250a",
            "//evil.example/x",
            "/%2fevil.example",
            "/\\evil.example",
        ] {
            assert!(!stays_beneath(rest), "{rest}");
        }
    }

    proptest! {
        #[test]
        fn what_stays_beneath_does_so_for_whoever_decodes_it(rest in "(/|\\.|%2e|%2F|%5c|%25|a|;){0,12}") {
            let rest = format!("/{rest}");
            if stays_beneath(&rest) {
                let mut text = rest.into_bytes();
                for _ in 0..DECODINGS {
                    prop_assert!(!text.split(is_separator).any(|segment| segment == b".."));
                    text = decode(&text).unwrap_or(text);
                }
            }
        }
    }
}
