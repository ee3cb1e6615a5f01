//! A page as far as publishing is concerned: the files it names, its inline scripts, its slot for configuration.

use std::mem;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use html5gum::emitters::default::DefaultEmitter;
use html5gum::{StartTag, Token, Tokenizer};
use vitrine_model::Sha256;
use vitrine_model::artifact::RUNTIME_CONFIG_SLOT;

use super::references::{MAX_REFERENCES, Reference, ReferenceKind};
use super::style;

/// A page larger than this gets no runtime configuration put into it: filled pages are held in memory for every site.
const MOST_FILLED_BYTES: usize = 1024 * 1024;

/// Inline scripts whose hashes are kept; a page with more needs another policy than a list.
const MAX_SCRIPTS: usize = 100;

/// What is kept of a page besides its content.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Page {
    /// `sha256-…` of each inline script that a browser would run, in the form of a policy's source without its quotes.
    pub script_hashes: Vec<String>,
    /// True when it has an empty [`RUNTIME_CONFIG_SLOT`].
    pub has_config_slot: bool,
}

/// Everything found in a page.
#[derive(Debug, Default)]
pub(super) struct Scan {
    pub(super) page: Page,
    pub(super) references: Vec<Reference>,
    /// The first `<base href>`.
    pub(super) base: Option<String>,
}

/// What the text after a start tag is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Inside {
    Script,
    Style,
}

/// Reads a page. Anything is a page to a browser, so nothing is an error.
pub(super) fn scan(content: &[u8]) -> Scan {
    let mut emitter = DefaultEmitter::default();
    emitter.naively_switch_states(true);
    let mut scan = Scan {
        page: Page { has_config_slot: has_config_slot(content), ..Page::default() },
        ..Scan::default()
    };
    let mut inside = None;
    let mut text = Vec::new();
    for Ok(token) in Tokenizer::new_with_emitter(content, emitter) {
        match token {
            Token::StartTag(tag) => inside = scan.start(&tag),
            Token::String(piece) if inside.is_some() => text.extend_from_slice(&piece),
            Token::EndTag(_) => {
                if let Some(inside) = inside.take() {
                    scan.end(inside, &mem::take(&mut text));
                }
            }
            _ => {}
        }
    }
    scan
}

impl Scan {
    fn start(&mut self, tag: &StartTag<()>) -> Option<Inside> {
        let get = |name: &str| attribute(tag, name);
        if let Some(value) = get("style") {
            self.extend(style::references(&value));
        }
        match &tag.name[..] {
            b"base" if self.base.is_none() => self.base = get("href"),
            b"script" => return self.script(tag),
            b"style" => return Some(Inside::Style),
            b"link" => self.link(tag),
            b"img" | b"source" => {
                self.add(ReferenceKind::Media, get("src"));
                self.add_set(get("srcset"));
            }
            b"video" | b"audio" | b"track" | b"embed" | b"input" => {
                self.add(ReferenceKind::Media, get("src"));
                self.add(ReferenceKind::Media, get("poster"));
            }
            b"object" => self.add(ReferenceKind::Media, get("data")),
            _ => {}
        }
        None
    }

    fn script(&mut self, tag: &StartTag<()>) -> Option<Inside> {
        let is_run = is_run(attribute(tag, "type").as_deref());
        match attribute(tag, "src") {
            Some(address) if is_run => {
                self.add(ReferenceKind::Script, Some(address));
                None
            }
            Some(_) => None,
            None => is_run.then_some(Inside::Script),
        }
    }

    fn link(&mut self, tag: &StartTag<()>) {
        let relation = attribute(tag, "rel").unwrap_or_default().to_ascii_lowercase();
        let has = |name: &str| relation.split_ascii_whitespace().any(|word| word == name);
        let kind = match () {
            () if has("alternate") && has("stylesheet") => ReferenceKind::Media,
            () if has("stylesheet") => ReferenceKind::StyleSheet,
            () if has("modulepreload") => ReferenceKind::ModulePreload,
            () if ["icon", "apple-touch-icon", "mask-icon", "manifest"].iter().any(|name| has(name)) => {
                ReferenceKind::Icon
            }
            () if has("preload") || has("prefetch") => ReferenceKind::Media,
            () => return,
        };
        self.add(kind, attribute(tag, "href"));
        self.add_set(attribute(tag, "imagesrcset"));
    }

    fn end(&mut self, inside: Inside, text: &[u8]) {
        match inside {
            Inside::Style => self.extend(style::references(&String::from_utf8_lossy(text))),
            Inside::Script if text.is_empty() => {}
            Inside::Script => {
                let hash = format!("sha256-{}", STANDARD.encode(Sha256::of(text).as_bytes()));
                let hashes = &mut self.page.script_hashes;
                if hashes.len() < MAX_SCRIPTS && !hashes.contains(&hash) {
                    hashes.push(hash);
                }
            }
        }
    }

    fn add(&mut self, kind: ReferenceKind, address: Option<String>) {
        self.extend(address.map(|address| Reference { kind, address }));
    }

    fn extend(&mut self, references: impl IntoIterator<Item = Reference>) {
        let room = MAX_REFERENCES - self.references.len();
        self.references.extend(references.into_iter().take(room));
    }

    fn add_set(&mut self, set: Option<String>) {
        for address in set.as_deref().map(candidates).unwrap_or_default() {
            self.add(ReferenceKind::Media, Some(address.to_owned()));
        }
    }
}

fn attribute(tag: &StartTag<()>, name: &str) -> Option<String> {
    tag.attributes.get(name.as_bytes()).map(|value| String::from_utf8_lossy(value).into_owned())
}

/// Whether a browser runs a script of this type, or applies a policy for scripts to it (HTML Standard, "prepare the
/// script element"). Data is neither.
fn is_run(kind: Option<&str>) -> bool {
    let kind = kind.unwrap_or_default().trim().to_ascii_lowercase();
    matches!(
        kind.as_str(),
        "" | "module"
            | "importmap"
            | "speculationrules"
            | "text/javascript"
            | "application/javascript"
            | "application/x-javascript"
            | "text/ecmascript"
            | "application/ecmascript"
            | "application/x-ecmascript"
            | "text/x-ecmascript"
            | "text/x-javascript"
            | "text/jscript"
            | "text/livescript"
            | "text/javascript1.0"
            | "text/javascript1.1"
            | "text/javascript1.2"
            | "text/javascript1.3"
            | "text/javascript1.4"
            | "text/javascript1.5"
    )
}

/// The addresses of a `srcset`: each up to a blank, separated by commas (HTML Standard, "parse a srcset attribute").
fn candidates(set: &str) -> Vec<&str> {
    let mut found = Vec::new();
    let mut rest = set;
    loop {
        rest = rest.trim_start_matches(|c: char| c.is_ascii_whitespace() || c == ',');
        if rest.is_empty() {
            return found;
        }
        let end = rest.find(|c: char| c.is_ascii_whitespace()).unwrap_or(rest.len());
        let (address, after) = rest.split_at(end);
        let bare = address.trim_end_matches(',');
        found.push(bare);
        // A comma at the address's end ends the candidate; otherwise its descriptors do.
        rest = match bare.len() < address.len() {
            true => after,
            false => after.find(',').map_or("", |comma| &after[comma..]),
        };
    }
}

/// True when the slot is there, with nothing but blanks in it.
fn has_config_slot(content: &[u8]) -> bool {
    if content.len() > MOST_FILLED_BYTES {
        return false;
    }
    let slot = RUNTIME_CONFIG_SLOT.as_bytes();
    let found = content.windows(slot.len()).position(|window| window == slot);
    found.is_some_and(|at| content[at + slot.len()..].trim_ascii_start().starts_with(b"</script>"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn hash(text: &str) -> String {
        format!("sha256-{}", STANDARD.encode(Sha256::of(text.as_bytes()).as_bytes()))
    }

    #[test]
    fn scripts_that_run_are_hashed_exactly_and_data_is_not() {
        let page = "<script>alert('</b>')</script><script type=module>\r\nimport './x.js'\r\n</script>
            <script type='application/ld+json'>{}</script><script type=importmap>{\"imports\":{}}</script>
            <script src=a.js>ignored</script><script></script><textarea><script>no</script></textarea>
            <!-- <script>no</script> --><script>alert('</b>')</script><script type=text/template><b></script>";
        let scan = scan(page.as_bytes());
        let expected = ["alert('</b>')", "\nimport './x.js'\n", "{\"imports\":{}}"].map(hash);
        assert_eq!(scan.page.script_hashes, expected);
        assert_eq!(scan.references.len(), 1);
        // The example of the specification (Content Security Policy Level 3, 8.1), checked there.
        assert_eq!(hash("doSomething();"), "sha256-RFWPLDbv2BY+rCkDzsE+0fr8ylGr2R2faWMhq4lfEQc=");
    }

    #[test]
    fn the_slot_counts_only_when_it_is_empty() {
        let with = |inner: &str| {
            scan(format!("<p>{RUNTIME_CONFIG_SLOT}{inner}</script>").as_bytes()).page.has_config_slot
        };
        assert!(with("") && with("\n  "));
        assert!(!with("{}"));
        assert!(!scan(b"<script type=\"application/json\" id=\"other\"></script>").page.has_config_slot);
    }

    #[test]
    fn sets_of_pictures_are_taken_apart() {
        assert_eq!(
            candidates("a.png, b.png 2x,c.png 100w , data:image/png;base64,AA== 3x"),
            ["a.png", "b.png", "c.png", "data:image/png;base64,AA=="]
        );
        assert_eq!(candidates(" , "), Vec::<&str>::new());
        assert_eq!(candidates("a,b.png"), ["a,b.png"]);
    }

    proptest! {
        #[test]
        fn any_bytes_are_read_without_a_panic(content in proptest::collection::vec(any::<u8>(), 0..200)) {
            let _ = scan(&content);
        }

        #[test]
        fn any_page_is_read_without_a_panic(content in "(<script|<style>|<base href=|</script>|<!--|srcset='|[ >='\"a,]){0,20}") {
            let _ = scan(content.as_bytes());
            let _ = candidates(&content);
        }
    }
}
