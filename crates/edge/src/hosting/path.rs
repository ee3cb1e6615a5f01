//! From a request's path to the name of a file: decoded exactly once, and refused when two readers could disagree on it.

use std::borrow::Cow;
use std::fmt::Write;

use vitrine_model::ProjectPath;

/// The path is not one; the answer is 400.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct BadPath;

/// Decodes a path that begins with `/`; the answer is without that slash, may end in one, and has no dot segments,
/// backslashes or control characters, nor slashes that were encoded. What it names need not exist.
pub(crate) fn decode(raw: &str) -> Result<Cow<'_, str>, BadPath> {
    let path = raw.strip_prefix('/').ok_or(BadPath)?;
    let decoded = if path.contains('%') { Cow::Owned(unescape(path)?) } else { Cow::Borrowed(path) };
    if decoded.bytes().any(|byte| byte.is_ascii_control() || byte == b'\\')
        || decoded.split('/').any(|segment| segment == "." || segment == "..")
    {
        return Err(BadPath);
    }
    if decoded.is_ascii() { Ok(decoded) } else { Ok(normalised(decoded)) }
}

/// The spelling under which a file was stored: paths are kept in NFC, and some systems type the other form.
fn normalised(path: Cow<'_, str>) -> Cow<'_, str> {
    let (name, slash) = path.strip_suffix('/').map_or((&*path, ""), |name| (name, "/"));
    match ProjectPath::parse(name) {
        Ok(stored) => Cow::Owned(format!("{stored}{slash}")),
        // No file can have such a name: it will not be found.
        Err(_) => path,
    }
}

fn unescape(path: &str) -> Result<String, BadPath> {
    let mut bytes = Vec::with_capacity(path.len());
    let mut rest = path.bytes();
    while let Some(byte) = rest.next() {
        if byte != b'%' {
            bytes.push(byte);
            continue;
        }
        let high = rest.next().and_then(hex).ok_or(BadPath)?;
        let low = rest.next().and_then(hex).ok_or(BadPath)?;
        let decoded = high << 4 | low;
        if decoded == b'/' {
            return Err(BadPath);
        }
        bytes.push(decoded);
    }
    String::from_utf8(bytes).map_err(|_| BadPath)
}

fn hex(digit: u8) -> Option<u8> {
    char::from(digit).to_digit(16).and_then(|value| u8::try_from(value).ok())
}

/// The inverse of [`decode`], for a `Location`: everything but unreserved characters and slashes is escaped.
pub(crate) fn encode(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len() + 8);
    encoded.push('/');
    for byte in path.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~/!$&'()*+,;=:@".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            // Writing to a string cannot fail.
            let _ = write!(encoded, "%{byte:02X}");
        }
    }
    encoded
}

/// Extensions of what pages are made of: an address that ends in one of them is never a page of a router.
const ASSET_EXTENSIONS: [&str; 50] = [
    "js",
    "mjs",
    "cjs",
    "css",
    "map",
    "json",
    "jsonld",
    "webmanifest",
    "wasm",
    "xml",
    "txt",
    "csv",
    "pdf",
    "zip",
    "gz",
    "png",
    "jpg",
    "jpeg",
    "gif",
    "svg",
    "webp",
    "avif",
    "ico",
    "bmp",
    "tif",
    "tiff",
    "heic",
    "woff",
    "woff2",
    "ttf",
    "otf",
    "eot",
    "mp3",
    "mp4",
    "m4a",
    "m4v",
    "webm",
    "ogg",
    "ogv",
    "wav",
    "flac",
    "aac",
    "mov",
    "glb",
    "gltf",
    "bin",
    "ts",
    "tsx",
    "jsx",
    "vue",
];

/// True when the last segment has the extension of an asset.
pub(crate) fn is_asset(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or(path);
    name.rsplit_once('.').is_some_and(|(_, extension)| {
        ASSET_EXTENSIONS.iter().any(|known| extension.eq_ignore_ascii_case(known))
    })
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn a_path_is_decoded_exactly_once() {
        for (raw, decoded) in [
            ("/", ""),
            ("/a/b.html", "a/b.html"),
            ("/a/", "a/"),
            ("/100%25.txt", "100%.txt"),
            ("/%252e%252e/x", "%2e%2e/x"),
            ("/%2561", "%61"),
            ("/caf%C3%A9", "caf\u{e9}"),
            ("/cafe%CC%81/", "caf\u{e9}/"),
            ("/a+b%20c", "a+b c"),
            ("/%41", "A"),
        ] {
            assert_eq!(decode(raw).as_deref(), Ok(decoded), "{raw}");
        }
    }

    #[test]
    fn what_could_be_read_in_two_ways_is_refused() {
        for raw in [
            "",
            "a",
            "/..",
            "/../x",
            "/a/../b",
            "/a/./b",
            "/%2e%2e/x",
            "/.%2E/x",
            "/a%2fb",
            "/a%2Fb",
            "/a%5cb",
            "/a\\b",
            "/a%00",
            "/%0d%0aX: y",
            "/%7f",
            "/%",
            "/%4",
            "/%zz",
            "/%+1",
            "/%ff",
            "/%c0%af",
            "/a/..",
            "/.",
        ] {
            assert_eq!(decode(raw), Err(BadPath), "{raw}");
        }
    }

    #[test]
    fn only_known_extensions_make_an_asset() {
        assert!(is_asset("a/b.JS") && is_asset("x.woff2"));
        assert!(!is_asset("users/ada.lovelace") && !is_asset("a.js/b") && !is_asset("v1.2") && !is_asset(""));
    }

    proptest! {
        #[test]
        fn nothing_decoded_leaves_its_root(raw in "/([a-c./\\\\]|%[0-9a-fA-F]{2}){0,24}") {
            if let Ok(path) = decode(&raw) {
                prop_assert!(!path.contains(['\\', '\0', '\r', '\n']));
                prop_assert!(path.split('/').all(|segment| segment != ".." && segment != "."));
                prop_assert_eq!(path.matches('/').count() + 1, raw.matches('/').count());
            }
        }

        #[test]
        fn a_location_names_the_same_file(path in "[a-z%é ?#&\"<>]{1,12}(/[a-z%é ?#&\"<>]{1,12}){0,2}") {
            let encoded = encode(&path);
            prop_assert!(encoded.is_ascii() && !encoded.contains(['?', '#', ' ', '"', '<']));
            prop_assert_eq!(decode(&encoded).unwrap(), path);
        }
    }
}
