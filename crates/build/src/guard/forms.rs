//! The forms in which programs write a value: as it is, escaped, encoded.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use data_encoding::{HEXLOWER, HEXUPPER};

/// Lines of a value that count by themselves: logs come line by line, and a key in PEM has sixty.
const MIN_LINE_BYTES: usize = 16;

/// Longer values are looked for in their most usual forms alone: every form costs as much memory again.
const LONG_BYTES: usize = 1024;

/// Forms to hide in logs; none when the value is shorter than `min` bytes.
pub(super) fn to_hide(value: &str, min: usize) -> BTreeSet<Vec<u8>> {
    let mut forms = to_find(value, min);
    // What is printed in the middle of a line is often trimmed.
    forms.extend(Some(value.trim()).filter(|text| text.len() >= min).map(|text| text.as_bytes().to_vec()));
    forms
}

/// Forms to find in files; none when the value is shorter than `min` bytes.
pub(super) fn to_find(value: &str, min: usize) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    if value.len() < min {
        return forms;
    }
    add(value, &mut forms);
    let lines: Vec<_> = value.lines().map(str::trim).collect();
    // The frame of a PEM file is no secret, and is in many files.
    let is_telling = |line: &&&str| line.len() >= MIN_LINE_BYTES && !line.starts_with("-----");
    if lines.len() > 1 {
        lines.iter().filter(is_telling).for_each(|line| add(line, &mut forms));
    }
    forms.retain(|form| form.len() >= min);
    forms
}

fn add(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let json = escaped(value);
    if value.len() > LONG_BYTES {
        forms.extend(
            [value.to_owned(), escaped(&json), json, STANDARD_NO_PAD.encode(value)].map(String::into_bytes),
        );
        return;
    }
    let texts = [
        value.to_owned(),
        // A string in a script, and such a script in a source map.
        escaped(&json),
        ascii_only(&json),
        json.replace('/', "\\/"),
        value.replace('\\', "\\\\").replace('\'', "\\'").replace('\n', "\\n"),
        value.replace('\n', "\r\n"),
        json,
        html_escaped(value, "&#39;"),
        html_escaped(value, "&#x27;"),
        HEXLOWER.encode(value.as_bytes()),
        HEXUPPER.encode(value.as_bytes()),
    ];
    forms.extend(texts.map(String::into_bytes));
    forms.extend(percent_encoded(value).map(String::into_bytes));
    forms.extend(base64_forms(value.as_bytes()));
}

/// As a string of JSON, without its quotes.
fn escaped(text: &str) -> String {
    let quoted = serde_json::Value::from(text).to_string();
    quoted[1..quoted.len() - 1].to_owned()
}

fn ascii_only(json: &str) -> String {
    let mut text = String::new();
    for c in json.chars() {
        match c.is_ascii() {
            true => text.push(c),
            false => {
                c.encode_utf16(&mut [0; 2]).iter().for_each(|unit| text.push_str(&format!("\\u{unit:04x}")))
            }
        }
    }
    text
}

fn html_escaped(text: &str, apostrophe: &str) -> String {
    let text = text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;");
    text.replace('"', "&quot;").replace('\'', apostrophe)
}

/// As `encodeURIComponent`, `encodeURI`, `URLSearchParams` and strict encoders (RFC 3986) write it.
fn percent_encoded(text: &str) -> [String; 6] {
    let kept: [(&[u8], bool); 5] = [
        (b"-_.!~*'()", false),
        (b"-_.!~*'();/?:@&=+$,#", false),
        (b"*-._", true),
        (b"-_.~", false),
        (b"-_.~/", false),
    ];
    let [component, uri, form, strict, path] = kept.map(|(kept, plus)| percent_encoded_but(text, kept, plus));
    let lower = lower_escapes(&component);
    [component, uri, form, strict, path, lower]
}

fn percent_encoded_but(text: &str, kept: &[u8], space_is_plus: bool) -> String {
    let mut encoded = String::new();
    for byte in text.bytes() {
        match byte {
            b' ' if space_is_plus => encoded.push('+'),
            byte if byte.is_ascii_alphanumeric() || kept.contains(&byte) => encoded.push(char::from(byte)),
            byte => encoded.push_str(&format!("%{byte:02X}")),
        }
    }
    encoded
}

fn lower_escapes(encoded: &str) -> String {
    let mut parts = encoded.split('%');
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| {
        let (hex, rest) = part.split_at(part.len().min(2));
        format!("{text}%{}{rest}", hex.to_ascii_lowercase())
    })
}

/// By itself, and in the middle of something longer: three places that it can have in groups of three bytes. Of the latter
/// without the characters that its neighbours decide as well.
fn base64_forms(value: &[u8]) -> Vec<Vec<u8>> {
    let mut forms = vec![STANDARD.encode(value), STANDARD_NO_PAD.encode(value), URL_SAFE.encode(value)];
    for before in 0..3_usize {
        let shifted = [&[0; 2][..before], value].concat();
        let first = (before * 8).div_ceil(6);
        let last = shifted.len() * 8 / 6;
        for encoded in [STANDARD_NO_PAD.encode(&shifted), URL_SAFE_NO_PAD.encode(&shifted)] {
            forms.extend(encoded.get(first..last).map(str::to_owned));
        }
    }
    forms.into_iter().map(String::into_bytes).collect()
}
