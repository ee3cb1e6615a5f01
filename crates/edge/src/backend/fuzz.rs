//! What must hold for every path that is passed on to a shared back end.

use super::path::{below, is_plain, stays_beneath};

/// However often whoever is behind us decodes a path, and whichever slash they go by, it stays beneath.
pub(crate) fn backend_path(data: &[u8]) {
    let Ok(path) = std::str::from_utf8(data) else { return };
    if is_plain(path) {
        assert!(stays_beneath(path), "what is plain is harmless: {path}");
    }
    let Some(rest) = below(path, "/api/py") else { return };
    assert!(rest.is_empty() || rest.starts_with('/'));
    if !stays_beneath(rest) {
        return;
    }
    let mut text = rest.as_bytes().to_vec();
    for _ in 0..4 {
        let is_separator = |byte: &u8| matches!(byte, b'/' | b'\\');
        assert!(text.split(is_separator).all(|segment| !matches!(segment, b"." | b"..")), "{rest}");
        assert!(!text.iter().any(u8::is_ascii_control), "{rest}");
        assert!(!(text.len() > 1 && text[..2].iter().all(is_separator)), "{rest}");
        text = decoded(&text);
    }
}

/// Decoded once, written anew here so that it is not the same mistake twice.
fn decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::new();
    let mut rest = text;
    while let Some((byte, after)) = rest.split_first() {
        let digits = after.get(..2).and_then(|two| std::str::from_utf8(two).ok());
        let escaped = digits
            .filter(|two| *byte == b'%' && two.bytes().all(|digit| digit.is_ascii_hexdigit()))
            .and_then(|two| u8::from_str_radix(two, 16).ok());
        out.push(escaped.unwrap_or(*byte));
        rest = if escaped.is_some() { &after[2..] } else { after };
    }
    out
}
