//! The security headers of a site.

use bytes::Bytes;
use vitrine_model::hosting::HostingSettings;

use super::head::HeadRoom;
use crate::config::Scheme;

const POLICY_FIELD: &str = "Content-Security-Policy";

/// The policy of pages without one of their own, but for scripts and frames.
const STRICT: &str = "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; font-src 'self' data:; \
    media-src 'self' blob: https:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; \
    form-action 'self'";

/// The lines of documents besides those and their policy: what an app may still ask its visitor for, though frames in it may
/// not.
const OF_DOCUMENTS: &str = "Cross-Origin-Opener-Policy: same-origin\r\nPermissions-Policy: camera=(self), \
    microphone=(self), geolocation=(self), payment=(self), usb=(), serial=(), bluetooth=(), browsing-topics=()\r\n";

/// What search engines are told where they should find the app itself.
const HIDDEN: &str = "X-Robots-Tag: noindex\r\n";

/// The lines of every answer.
const OF_ALL: &str =
    "X-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin-when-cross-origin\r\n";

/// The same over TLS. A year, for this host alone: what is above it is not the app's to decide.
const OF_ALL_SECURE: &str = "X-Content-Type-Options: nosniff\r\nReferrer-Policy: strict-origin-when-cross-origin\r\n\
    Strict-Transport-Security: max-age=31536000\r\n";

/// The headers that follow from a site's settings, written once for all of its files.
#[derive(Debug)]
pub(crate) struct Policy {
    has_own: bool,
    /// The lines of every answer.
    of_all: Bytes,
    /// What follows [`Self::documents_begin`]: the rest of a document's policy, and the lines of every answer.
    of_documents: Bytes,
    /// What the heads of the site's files may take together.
    pub(crate) heads: HeadRoom,
}

impl Policy {
    /// `is_indexed` is false for permalinks: search engines should find the app itself.
    pub(crate) fn new(settings: &HostingSettings, scheme: Scheme, is_indexed: bool, heads: HeadRoom) -> Self {
        let own = settings.content_security_policy.as_deref().filter(|policy| is_printable(policy));
        let frames = frame_ancestors(&settings.frame_ancestors);
        // The frame rules come first: of two directives of one name, browsers take the first.
        let rest = match own {
            Some(own) => format!("{POLICY_FIELD}: {frames}; {own}\r\n"),
            None => format!("; {STRICT}; {frames}\r\n"),
        };
        let of_all = match scheme {
            Scheme::Https => OF_ALL_SECURE,
            Scheme::Http => OF_ALL,
        };
        let of_documents = rest + OF_DOCUMENTS + if is_indexed { "" } else { HIDDEN } + of_all;
        // A static text is counted by nobody: threads that send the same file do not wait for each other.
        let of_all = Bytes::from_static(of_all.as_bytes());
        Self { has_own: own.is_some(), of_all, of_documents: of_documents.into(), heads }
    }

    /// The lines of every answer.
    pub(crate) fn of_all(&self) -> &Bytes {
        &self.of_all
    }

    /// What a document with these inline scripts says of its policy before [`Self::of_documents`]: the part that no other
    /// document has. Without anything that ends a line.
    pub(crate) fn documents_begin(&self, script_hashes: &[String]) -> String {
        if self.has_own {
            return String::new();
        }
        let mut begin = format!("{POLICY_FIELD}: default-src 'self'; script-src 'self'");
        for hash in script_hashes.iter().map(|hash| hash.trim_matches('\'')).filter(|hash| is_source(hash)) {
            begin.push_str(" '");
            begin.push_str(hash);
            begin.push('\'');
        }
        begin
    }

    /// The rest of the head of a document that began as [`Self::documents_begin`] says.
    pub(crate) fn of_documents(&self) -> &Bytes {
        &self.of_documents
    }
}

pub(super) fn frame_ancestors(origins: &[String]) -> String {
    let origins: Vec<&str> = origins.iter().map(String::as_str).filter(|origin| is_source(origin)).collect();
    match origins.is_empty() {
        true => "frame-ancestors 'none'".to_owned(),
        false => format!("frame-ancestors {}", origins.join(" ")),
    }
}

/// One source of a policy: nothing that would end the directive or the policy.
fn is_source(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic() && byte != b';' && byte != b',')
}

fn is_printable(text: &str) -> bool {
    !text.trim().is_empty() && text.bytes().all(|byte| byte == b' ' || byte.is_ascii_graphic())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(settings: HostingSettings) -> Policy {
        Policy::new(&settings, Scheme::Http, true, HeadRoom::new(0))
    }

    /// The value of the policy's field, in whose lines there is nothing but fields.
    fn content_security(policy: &Policy, script_hashes: &[String]) -> String {
        let of_documents = String::from_utf8(policy.of_documents().to_vec()).unwrap();
        let lines = policy.documents_begin(script_hashes) + &of_documents;
        assert!(lines.ends_with("\r\n") && lines.split("\r\n").all(|line| !line.contains(['\r', '\n'])));
        let mut values = lines.lines().filter_map(|line| line.strip_prefix("Content-Security-Policy: "));
        let value = values.next().unwrap().to_owned();
        assert_eq!(values.next(), None);
        value
    }

    #[test]
    fn the_default_lets_run_what_the_page_brought_and_nobody_frame_it() {
        let hashes = ["sha256-abc=".to_owned(), "x; y".to_owned(), "a\r\nb: c".to_owned()];
        let value = content_security(&policy(HostingSettings::default()), &hashes);
        assert!(
            value.starts_with("default-src 'self'; script-src 'self' 'sha256-abc='; style-src"),
            "{value}"
        );
        assert!(value.ends_with("form-action 'self'; frame-ancestors 'none'"), "{value}");
    }

    #[test]
    fn an_own_policy_replaces_the_default_but_not_the_frame_rules() {
        let settings = HostingSettings {
            content_security_policy: Some("default-src *; frame-ancestors *".to_owned()),
            frame_ancestors: vec!["https://a.example".to_owned(), "https://b; script-src *".to_owned()],
            ..HostingSettings::default()
        };
        let value = content_security(&policy(settings), &["sha256-abc=".to_owned()]);
        assert_eq!(value, "frame-ancestors https://a.example; default-src *; frame-ancestors *");
        let broken = HostingSettings {
            content_security_policy: Some("default-src *\r\nSet-Cookie: a".to_owned()),
            ..HostingSettings::default()
        };
        assert!(content_security(&policy(broken), &[]).starts_with("default-src 'self'"));
    }

    #[test]
    fn transport_security_is_for_https_alone() {
        let has = |scheme| {
            let policy = Policy::new(&HostingSettings::default(), scheme, true, HeadRoom::new(0));
            String::from_utf8(policy.of_all().to_vec()).unwrap().contains("Strict-Transport-Security: ")
        };
        assert!(has(Scheme::Https) && !has(Scheme::Http));
    }
}
