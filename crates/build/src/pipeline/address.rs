//! Addresses in pages and style sheets, resolved to files of the site as a browser would (URL Standard, as far as
//! relative references go).

use vitrine_model::ProjectPath;

/// Paths that a server answers and no file: Vitrine's own, and the usual place of an app's back end.
const SERVED: [&str; 2] = [".vitrine/", "api/"];

/// What relative addresses are relative to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Base {
    /// The page or style sheet itself.
    Page,
    /// Where `<base href>` says, on this site.
    Given(String),
    /// On another site, where `<base href>` says so.
    Elsewhere,
}

/// Where an address leads.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Target {
    /// To this site: a path without a slash in front; empty or with one at its end for a folder.
    Here(String),
    /// To another site, to nowhere, or to what is not looked at.
    Elsewhere,
}

impl Base {
    /// The base that `<base href>` sets.
    pub(super) fn given(href: &str) -> Self {
        if is_elsewhere(href.trim()) { Self::Elsewhere } else { Self::Given(href.trim().to_owned()) }
    }

    /// Where `address` leads when it stands in `file`.
    pub(super) fn resolve(&self, file: &ProjectPath, address: &str) -> Target {
        let address = address.trim_matches(|c: char| c.is_ascii_whitespace());
        if address.is_empty() || address.starts_with('#') || is_elsewhere(address) {
            return Target::Elsewhere;
        }
        let own = folder_of(file.as_str());
        let folder = match self {
            Self::Elsewhere if !address.starts_with('/') => return Target::Elsewhere,
            Self::Elsewhere | Self::Page => own,
            Self::Given(base) => folder_of(&join(&own, path_part(base))),
        };
        let path = join(&folder, path_part(address));
        match SERVED.iter().any(|prefix| path.starts_with(prefix)) {
            true => Target::Elsewhere,
            false => Target::Here(path),
        }
    }
}

/// With a scheme, or with a host.
fn is_elsewhere(address: &str) -> bool {
    let scheme = address.split([':', '/', '?', '#']).next().unwrap_or_default();
    let has_scheme = address[scheme.len()..].starts_with(':')
        && scheme.starts_with(|c: char| c.is_ascii_alphabetic())
        && scheme.chars().all(|c| c.is_ascii_alphanumeric() || matches!(c, '+' | '-' | '.'));
    has_scheme || address.starts_with("//") || address.starts_with("/\\") || address.starts_with("\\\\")
}

fn path_part(address: &str) -> &str {
    &address[..address.find(['?', '#']).unwrap_or(address.len())]
}

/// The part up to the last slash, with it; empty at the root.
fn folder_of(path: &str) -> String {
    path[..path.rfind('/').map_or(0, |slash| slash + 1)].to_owned()
}

/// `reference` taken from `folder`, without dot segments; what leads above the root stays at the root.
fn join(folder: &str, reference: &str) -> String {
    let decoded = decode(reference);
    let whole = match decoded.strip_prefix('/') {
        Some(absolute) => absolute.to_owned(),
        None => format!("{folder}{decoded}"),
    };
    let mut segments: Vec<&str> = Vec::new();
    let mut is_folder = whole.is_empty();
    for segment in whole.split('/') {
        is_folder = matches!(segment, "" | "." | "..");
        match segment {
            "" | "." => {}
            ".." => {
                segments.pop();
            }
            segment => segments.push(segment),
        }
    }
    let mut path = segments.join("/");
    if is_folder && !path.is_empty() {
        path.push('/');
    }
    path
}

/// Percent-decoded; what is no UTF-8 then is left as it stands, and is found nowhere.
fn decode(text: &str) -> String {
    let bytes = text.as_bytes();
    let mut decoded = Vec::with_capacity(bytes.len());
    let mut at = 0;
    while let Some(&byte) = bytes.get(at) {
        let value = (byte == b'%').then(|| bytes.get(at + 1..at + 3)).flatten().and_then(hex);
        decoded.push(value.unwrap_or(byte));
        at += if value.is_some() { 3 } else { 1 };
    }
    String::from_utf8(decoded).unwrap_or_else(|_| text.to_owned())
}

fn hex(digits: &[u8]) -> Option<u8> {
    u8::from_str_radix(std::str::from_utf8(digits).ok().filter(|text| !text.starts_with('+'))?, 16).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn resolved(base: &Base, file: &str, address: &str) -> Option<String> {
        match base.resolve(&file.parse().unwrap(), address) {
            Target::Here(path) => Some(path),
            Target::Elsewhere => None,
        }
    }

    #[test]
    fn addresses_lead_where_a_browser_would_go() {
        for (file, address, path) in [
            ("index.html", "a.js", "a.js"),
            ("index.html", " ./a.js?x#y ", "a.js"),
            ("a/b/index.html", "../c.js", "a/c.js"),
            ("a/index.html", "../../../c.js", "c.js"),
            ("a/index.html", "/c%20d.js", "c d.js"),
            ("a/index.html", "b/", "a/b/"),
            ("a/index.html", "..", ""),
            ("a/index.html", "?q", "a/"),
            ("index.html", "a:b/c.js".trim_start_matches("a:"), "b/c.js"),
            ("index.html", "%zz%4", "%zz%4"),
        ] {
            assert_eq!(resolved(&Base::Page, file, address).as_deref(), Some(path), "{file} {address}");
        }
        for address in [
            "https://x/y",
            "//x/y",
            "data:,x",
            "blob:x",
            "#a",
            "",
            "mailto:a",
            "/api/x.js",
            "/.vitrine/runtime-config",
        ] {
            assert_eq!(resolved(&Base::Page, "index.html", address), None, "{address}");
        }
    }

    #[test]
    fn a_base_element_moves_relative_addresses() {
        let base = Base::given("/app/");
        assert_eq!(resolved(&base, "a/index.html", "x.js").as_deref(), Some("app/x.js"));
        assert_eq!(resolved(&base, "a/index.html", "/x.js").as_deref(), Some("x.js"));
        assert_eq!(resolved(&Base::given("./"), "a/index.html", "x.js").as_deref(), Some("a/x.js"));
        assert_eq!(resolved(&Base::given("https://x/"), "a/index.html", "x.js"), None);
    }

    proptest! {
        #[test]
        fn any_address_is_resolved_without_a_panic_and_stays_here(address in "\\PC{0,30}|[./%2e\\\\:?#]{0,20}") {
            if let Some(path) = resolved(&Base::Page, "a/b/index.html", &address) {
                prop_assert!(!path.starts_with('/') && path.split('/').all(|segment| segment != ".."));
            }
        }
    }
}
