//! The forms in which programs write a value: as it is, escaped, encoded.

use std::collections::BTreeSet;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE, URL_SAFE_NO_PAD};
use data_encoding::{HEXLOWER, HEXUPPER};

/// Lines of a value that count by themselves: logs come line by line, and a key in PEM has sixty.
const MIN_LINE_BYTES: usize = 16;

/// Longer values are looked for in their most usual forms alone: every form costs as much memory again.
const LONG_BYTES: usize = 1024;

/// What the forms of all values may have together before the longer ones are looked for in their most usual forms alone: some
/// twenty values of 500 bytes, or a hundred of 100. What searches for them takes thirty times as much, for a while.
const FORMS_BYTES: usize = 256 * 1024;

/// In how many ways values are spelled.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Extent {
    Every,
    MostUsual,
}

/// The forms of each value, in the order of the values; none of one that is shorter than `min` bytes.
pub(super) fn of_all(values: &[&str], min: usize) -> Vec<BTreeSet<Vec<u8>>> {
    let mut shortest_first: Vec<usize> = (0..values.len()).collect();
    shortest_first.sort_by_key(|at| values[*at].len());
    let (mut room, mut all) = (FORMS_BYTES, vec![BTreeSet::new(); values.len()]);
    for at in shortest_first {
        let every = of_one(values[at], min, Extent::Every);
        let bytes = every.iter().map(Vec::len).sum();
        all[at] = match room.checked_sub(bytes) {
            Some(left) => {
                room = left;
                every
            }
            None => of_one(values[at], min, Extent::MostUsual),
        };
    }
    all
}

fn of_one(value: &str, min: usize, extent: Extent) -> BTreeSet<Vec<u8>> {
    let mut forms = BTreeSet::new();
    if value.len() < min {
        return forms;
    }
    let mut add = |value: &str| match extent {
        Extent::Every if value.len() <= LONG_BYTES => add_every(value, &mut forms),
        _ => add_most_usual(value, &mut forms),
    };
    add(value);
    // Programs trim what they read, above all the end of line that a file or a form put behind it.
    if value.trim().len() >= min {
        add(value.trim());
    }
    let lines: Vec<_> = value.lines().map(str::trim).collect();
    // The frame of a PEM file is no secret, and is in many files.
    let is_telling = |line: &&&str| line.len() >= MIN_LINE_BYTES && !line.starts_with("-----");
    if lines.len() > 1 {
        lines.iter().filter(is_telling).for_each(|line| add(line));
    }
    forms.retain(|form| form.len() >= min);
    forms
}

fn add_most_usual(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let json = escaped(value);
    let texts = [value.to_owned(), escaped(&json), json, STANDARD_NO_PAD.encode(value)];
    forms.extend(texts.map(String::into_bytes));
}

fn add_every(value: &str, forms: &mut BTreeSet<Vec<u8>>) {
    let json = escaped(value);
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
