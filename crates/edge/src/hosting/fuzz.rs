//! What must hold for every path and field of a request to a published app.

use vitrine_model::Encoding;

use super::negotiate::Accepted;
use super::path::{decode, encode, is_asset};
use super::range::{Multipart, Ranges};

pub(crate) use super::front::fuzz::request_head;

/// What a path decodes to stays beneath its root, and is what its own encoding decodes to.
pub(crate) fn site_path(data: &[u8]) {
    let Ok(raw) = std::str::from_utf8(data) else { return };
    let Ok(path) = decode(raw) else { return };
    assert!(path.split('/').all(|segment| !matches!(segment, "." | "..")));
    assert!(!path.contains(|c: char| c.is_ascii_control() || c == '\\'));
    let _ = is_asset(&path);
    let location = encode(&path);
    assert!(location.bytes().all(|byte| byte.is_ascii_graphic() && !b"?#\"<>".contains(&byte)));
    assert_eq!(decode(&location).as_deref(), Ok(&*path), "a location names the same file");
}

/// Parts lie within the file and are together no more than it. The first byte is the file's length, in powers of two.
pub(crate) fn byte_ranges(data: &[u8]) {
    let Some((power, field)) = data.split_first() else { return };
    let len = (1_u64 << (power % 41)) - u64::from(power & 1);
    let Ok(field) = std::str::from_utf8(field) else { return };
    let Ranges::Parts(parts) = Ranges::parse(field, len) else { return };
    assert!(!parts.is_empty() && parts.iter().all(|part| part.start < part.end && part.end <= len));
    let total = parts.iter().map(|part| part.end - part.start).sum::<u64>();
    assert!(total <= len);
    let file = vitrine_model::Sha256::of(b"x");
    let framed = Multipart::new(&file, "text/plain", parts.clone(), len);
    let heads: usize = framed.parts.iter().map(|(head, _)| head.len()).sum();
    assert_eq!(framed.len, total + (heads + framed.end.len()) as u64);
}

/// A form is chosen only when the field allows it.
pub(crate) fn accept_encoding(data: &[u8]) {
    let field = String::from_utf8_lossy(data);
    let accepted = Accepted::parse(&field);
    let forms = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];
    let Some(at) = accepted.choose(forms.into_iter()) else { return };
    let lower = field.to_ascii_lowercase();
    assert!(lower.contains(forms[at].as_str()) || lower.contains('*'), "{field}: {:?}", forms[at]);
    assert_eq!(Accepted::parse(&lower).choose(forms.into_iter()), Some(at), "case does not matter");
    let only = [forms[at]];
    assert_eq!(accepted.choose(only.into_iter()), Some(0), "fewer forms do not make it worse");
}
