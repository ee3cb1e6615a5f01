//! Keeps the values of secrets out of what people see: hidden in logs, refused in artifacts.
//!
//! Against accidents, which are many: a value printed for debugging, a configuration written into a bundle, a source map
//! that quotes it. Code that wants to give its own secrets away can spell them backwards; nothing here stops it.

mod forms;
mod lines;

use std::borrow::Cow;
use std::collections::BTreeSet;

use aho_corasick::{AhoCorasick, AhoCorasickKind, MatchKind};
use vitrine_model::secret::{MIN_GUARDED_BYTES, MIN_HIDDEN_BYTES, SecretValue};

use crate::Files;
pub use lines::LineMask;

/// What stands in the place of a value.
pub const HIDDEN: &str = "[hidden]";

/// Files named in one refusal.
const MOST_FOUND: usize = 20;

/// The values to look for, in every form in which programs write them.
#[derive(Default)]
pub struct Guard {
    hidden: Option<AhoCorasick>,
    guarded: Option<Guarded>,
    longest: usize,
}

struct Guarded {
    automaton: AhoCorasick,
    /// Whose each of its patterns is, and the names.
    owners: Vec<usize>,
    names: Vec<String>,
}

/// A file of an output that holds a secret.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Leak {
    /// The file; itself without the value, if that is where it stands.
    pub path: String,
    /// The name of the secret.
    pub name: String,
}

impl Guard {
    /// Looks for these secrets, by name, in logs and in files. Short values are left alone ([`MIN_HIDDEN_BYTES`],
    /// [`MIN_GUARDED_BYTES`]). Takes tens of milliseconds of a processor for as many secrets as there may be.
    pub fn new<'a>(secrets: impl IntoIterator<Item = (&'a str, &'a SecretValue)>) -> Self {
        let secrets: Vec<_> = secrets.into_iter().collect();
        let values: Vec<_> = secrets.iter().map(|(_, value)| value.reveal()).collect();
        let (mut guarded, mut owners) = (Vec::new(), Vec::new());
        for (owner, forms) in forms::of_all(&values, MIN_GUARDED_BYTES).into_iter().enumerate() {
            owners.extend(std::iter::repeat_n(owner, forms.len()));
            guarded.extend(forms);
        }
        let names = secrets.iter().map(|(name, _)| (*name).to_owned()).collect();
        let guarded = automaton(&guarded).map(|automaton| Guarded { automaton, owners, names });
        Self { guarded, ..Self::hiding(&values) }
    }

    /// Hides these values in logs; finds none in files. For what makes no files that leave.
    pub fn hiding(values: &[&str]) -> Self {
        let hidden: BTreeSet<_> = forms::of_all(values, MIN_HIDDEN_BYTES).into_iter().flatten().collect();
        let longest = hidden.iter().map(Vec::len).max().unwrap_or(0);
        Self { hidden: automaton(&Vec::from_iter(hidden)), guarded: None, longest }
    }

    /// The text with every value replaced by [`HIDDEN`].
    pub fn mask<'a>(&self, text: &'a str) -> Cow<'a, str> {
        match &self.hidden {
            Some(automaton) if automaton.is_match(text) => {
                let mut masked = String::with_capacity(text.len());
                automaton.replace_all_with(text, &mut masked, |_, _, out| {
                    out.push_str(HIDDEN);
                    true
                });
                Cow::Owned(masked)
            }
            _ => Cow::Borrowed(text),
        }
    }

    /// Where values are in a text, in bytes.
    fn spans<'a>(&'a self, text: &'a str) -> impl Iterator<Item = std::ops::Range<usize>> + 'a {
        self.hidden.iter().flat_map(move |automaton| automaton.find_iter(text).map(|found| found.range()))
    }

    /// True when there is nothing to hide.
    pub fn is_idle(&self) -> bool {
        self.hidden.is_none()
    }

    /// The files that hold a secret, in their content or their name; the first few.
    pub fn leaks(&self, files: &Files) -> Vec<Leak> {
        let Some(guarded) = &self.guarded else { return Vec::new() };
        let found = files.iter().filter_map(|(path, content)| {
            let name = guarded.find(path.as_str().as_bytes()).or_else(|| guarded.find(content))?;
            Some(Leak { path: self.mask(path.as_str()).into_owned(), name: name.to_owned() })
        });
        found.take(MOST_FOUND).collect()
    }
}

impl Guarded {
    fn find(&self, bytes: &[u8]) -> Option<&str> {
        let found = self.automaton.find(bytes)?;
        let owner = self.owners.get(found.pattern().as_usize())?;
        self.names.get(*owner).map(String::as_str)
    }
}

fn automaton(patterns: &[Vec<u8>]) -> Option<AhoCorasick> {
    if patterns.is_empty() {
        return None;
    }
    let mut builder = AhoCorasick::builder();
    // The longest of several that begin at one place, so that nothing of a value is left over.
    builder.match_kind(MatchKind::LeftmostLongest);
    // What is chosen otherwise for few patterns takes hundreds of MiB when these are long.
    builder.kind(Some(AhoCorasickKind::ContiguousNFA));
    // Fails beyond 2^31 states, which the limits on values stay far below.
    builder.build(patterns).inspect_err(|error| tracing::error!(%error, "secrets cannot be looked for")).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use bytes::Bytes;
    use vitrine_model::Sha256;

    const VALUE: &str = r#"p@ss "word"/é\n+1"#;

    fn guard(secrets: &[(&str, &str)]) -> Guard {
        let secrets: Vec<_> =
            secrets.iter().map(|(name, value)| (*name, SecretValue::new((*value).to_owned()))).collect();
        Guard::new(secrets.iter().map(|(name, value)| (*name, value)))
    }

    #[test]
    fn a_value_is_hidden_in_every_form_that_programs_write_it_in() {
        use base64::Engine as _;
        use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
        let guard = guard(&[("KEY", VALUE)]);
        let json = serde_json::to_string(VALUE).unwrap();
        let forms = [
            VALUE.to_owned(),
            json.clone(),
            serde_json::to_string(&json).unwrap(),
            STANDARD.encode(VALUE),
            URL_SAFE_NO_PAD.encode(VALUE),
            // encodeURIComponent, URLSearchParams, and the lower case of older tools.
            "p%40ss%20%22word%22%2F%C3%A9%5Cn%2B1".to_owned(),
            "p%40ss+%22word%22%2F%C3%A9%5Cn%2B1".to_owned(),
            "p%40ss%20%22word%22%2f%c3%a9%5cn%2b1".to_owned(),
            "p@ss &quot;word&quot;/é\\n+1".to_owned(),
            r#"p@ss \"word\"/\u00e9\\n+1"#.to_owned(),
            data_encoding::HEXLOWER.encode(VALUE.as_bytes()),
        ];
        for form in forms {
            let masked = guard.mask(&format!("a {form} b")).into_owned();
            assert!(masked.contains(HIDDEN) && masked.starts_with("a "), "{form}: {masked}");
            assert!(!masked.contains("word") && !masked.contains("p%40ss"), "{form}: {masked}");
        }
        for before in ["", "u", "us", "user:"] {
            let encoded = STANDARD.encode(format!("{before}{VALUE}!"));
            assert!(guard.mask(&encoded).contains(HIDDEN), "in the middle of Base64 after `{before}`");
        }
    }

    #[test]
    fn short_values_and_other_texts_are_left_alone() {
        let guard = guard(&[("A", "12345"), ("B", "seven77"), ("C", "long enough")]);
        assert_eq!(guard.mask("12345 and more"), "12345 and more");
        assert_eq!(guard.mask("seven77"), HIDDEN);
        let files = |text: &str| Files::from([("a.js".parse().unwrap(), Bytes::from(text.to_owned()))]);
        assert_eq!(guard.leaks(&files("seven77 12345")), []);
        assert_eq!(guard.leaks(&files("x='long enough'")).len(), 1);
        assert!(Guard::default().leaks(&files("long enough")).is_empty());
    }

    #[test]
    fn a_value_is_found_in_files_without_the_white_space_it_was_stored_with() {
        let guard = guard(&[("KEY", " sk-live-1234567890\n"), ("SHORT", "abcd      \n")]);
        let files = |text: &str| Files::from([("a.js".parse().unwrap(), Bytes::from(text.to_owned()))]);
        assert_eq!(guard.leaks(&files("key='sk-live-1234567890'")).len(), 1);
        assert_eq!(guard.leaks(&files("key=c2stbGl2ZS0xMjM0NTY3ODkw")).len(), 1, "in Base64");
        assert_eq!(guard.leaks(&files("abcd 61626364")), []);
        assert_eq!(guard.mask("x sk-live-1234567890 y"), format!("x {HIDDEN} y"));
    }

    #[test]
    fn of_many_long_values_the_most_usual_forms_are_looked_for() {
        use base64::Engine as _;
        use base64::engine::general_purpose::STANDARD;
        let value = |number: usize| -> String {
            (0..1_000_u64)
                .map(|at| Sha256::of(format!("{number} {at}").as_bytes()).to_hex())
                .take(16)
                .collect()
        };
        let values: Vec<_> = (0..100).map(|number| (format!("N{number}"), value(number))).collect();
        let given: Vec<_> = values.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        let guard = guard(&[&given[..], &[("SHORT", "a short value")]].concat());
        for (name, value) in &values {
            let files = |text: String| Files::from([("a.js".parse().unwrap(), Bytes::from(text))]);
            for form in [value.clone(), STANDARD.encode(value)] {
                assert_eq!(guard.leaks(&files(form.clone())).first().map(|leak| &leak.name), Some(name));
                assert_eq!(guard.mask(form.trim_end_matches('=')), HIDDEN);
            }
        }
        assert_eq!(guard.mask("a%20short%20value"), HIDDEN, "short ones in all forms");
        let bytes = guard.hidden.as_ref().unwrap().memory_usage();
        assert!(bytes < 8 * 1024 * 1024, "{bytes}");
    }

    #[test]
    fn of_values_that_begin_alike_all_is_hidden() {
        let guard = guard(&[("A", "abcdefgh"), ("B", "abcdefghijkl"), ("C", "efghijklmn")]);
        assert_eq!(guard.mask("<abcdefghijkl>"), format!("<{HIDDEN}>"));
        assert_eq!(guard.mask("<abcdefghX>"), format!("<{HIDDEN}X>"));
    }

    #[test]
    fn every_file_with_a_secret_is_named_with_it_and_not_the_secret() {
        let guard = guard(&[("KEY", "sk-live-1234567890"), ("OTHER", "other-value-here")]);
        let files: Files = [
            ("index.html", "nothing"),
            ("assets/a.js", "const key='sk-live-1234567890'"),
            ("assets/a.js.map", r#"{"sourcesContent":["x=\"other-value-here\""]}"#),
            ("img/sk-live-1234567890.svg", "<svg/>"),
        ]
        .map(|(path, text)| (path.parse().unwrap(), Bytes::from_static(text.as_bytes())))
        .into();
        let leaks: Vec<_> = guard.leaks(&files).into_iter().map(|leak| (leak.path, leak.name)).collect();
        let named = |path: &str, name: &str| (path.to_owned(), name.to_owned());
        assert_eq!(
            leaks,
            [
                named("assets/a.js", "KEY"),
                named("assets/a.js.map", "OTHER"),
                named("img/[hidden].svg", "KEY")
            ]
        );
    }
}
