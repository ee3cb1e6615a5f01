//! The security headers of a site.

use vitrine_model::hosting::HostingSettings;

use crate::config::Scheme;

/// The policy of pages without one of their own, but for scripts and frames.
const STRICT: &str = "style-src 'self' 'unsafe-inline'; img-src 'self' data: blob: https:; font-src 'self' data:; \
    media-src 'self' blob: https:; connect-src 'self'; worker-src 'self' blob:; object-src 'none'; base-uri 'self'; \
    form-action 'self'";

/// What an app may still ask its visitor for, though frames in it may not.
const PERMISSIONS: &str = "camera=(self), microphone=(self), geolocation=(self), payment=(self), usb=(), serial=(), \
    bluetooth=(), browsing-topics=()";

/// A year, for this host alone: what is above it is not the app's to decide.
const TRANSPORT_SECURITY: &str = "max-age=31536000";

/// The headers that follow from a site's settings.
#[derive(Debug, Clone)]
pub(crate) struct Policy {
    frames: String,
    own: Option<String>,
    scheme: Scheme,
    is_indexed: bool,
}

impl Policy {
    /// `is_indexed` is false for permalinks: search engines should find the app itself.
    pub(crate) fn new(settings: &HostingSettings, scheme: Scheme, is_indexed: bool) -> Self {
        let own = settings.content_security_policy.clone().filter(|policy| is_printable(policy));
        Self { frames: frame_ancestors(&settings.frame_ancestors), own, scheme, is_indexed }
    }

    /// The `Content-Security-Policy` of a document with these inline scripts. The frame rules come first: of two directives
    /// of one name, browsers take the first.
    pub(crate) fn content_security(&self, script_hashes: &[String]) -> String {
        if let Some(own) = &self.own {
            return format!("{}; {own}", self.frames);
        }
        let mut scripts = String::new();
        for hash in script_hashes.iter().map(|hash| hash.trim_matches('\'')).filter(|hash| is_source(hash)) {
            scripts.push_str(" '");
            scripts.push_str(hash);
            scripts.push('\'');
        }
        format!("default-src 'self'; script-src 'self'{scripts}; {STRICT}; {}", self.frames)
    }

    /// The headers of every answer.
    pub(crate) fn of_all(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let secure = match self.scheme {
            Scheme::Https => Some(("Strict-Transport-Security", TRANSPORT_SECURITY)),
            Scheme::Http => None,
        };
        [("X-Content-Type-Options", "nosniff"), ("Referrer-Policy", "strict-origin-when-cross-origin")]
            .into_iter()
            .chain(secure)
    }

    /// The headers of documents besides those and their policy.
    pub(crate) fn of_documents(&self) -> impl Iterator<Item = (&'static str, &'static str)> {
        let hidden = (!self.is_indexed).then_some(("X-Robots-Tag", "noindex"));
        [("Cross-Origin-Opener-Policy", "same-origin"), ("Permissions-Policy", PERMISSIONS)]
            .into_iter()
            .chain(hidden)
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
        Policy::new(&settings, Scheme::Http, true)
    }

    #[test]
    fn the_default_lets_run_what_the_page_brought_and_nobody_frame_it() {
        let value = policy(HostingSettings::default())
            .content_security(&["sha256-abc=".to_owned(), "x; y".to_owned()]);
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
        let value = policy(settings).content_security(&["sha256-abc=".to_owned()]);
        assert_eq!(value, "frame-ancestors https://a.example; default-src *; frame-ancestors *");
        let broken = HostingSettings {
            content_security_policy: Some("default-src *\r\nSet-Cookie: a".to_owned()),
            ..HostingSettings::default()
        };
        assert!(policy(broken).content_security(&[]).starts_with("default-src 'self'"));
    }

    #[test]
    fn transport_security_is_for_https_alone() {
        let has = |scheme| {
            let policy = Policy::new(&HostingSettings::default(), scheme, true);
            policy.of_all().any(|(name, _)| name == "Strict-Transport-Security")
        };
        assert!(has(Scheme::Https) && !has(Scheme::Http));
    }
}
