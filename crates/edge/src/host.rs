//! What a `Host` header names: the builder, one session's preview, a published app, or nothing of ours.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::request::Parts;
use vitrine_model::{ArtifactId, SessionId};

/// Octets in a host name, without the trailing dot (RFC 1035, 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// Octets in one label of a host name (RFC 1035, 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// Octets a session's label takes in front of the preview suffix: `ses-` and 26 more, and the dot.
const SESSION_LABEL_BYTES: usize = 31;

/// Octets an app's label takes in front of its suffix at most, and the dot.
const APP_LABEL_BYTES: usize = MAX_LABEL_BYTES + 1;

/// What stands between artifact and slug in a permalink. No slug has it.
const PERMALINK_MARK: &str = "--";

/// Octets of a slug in a permalink: what a label has left beside an artifact's 26 and the mark.
const PERMALINK_SLUG_BYTES: usize = 35;

/// The table of hosts this server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMap {
    builder_hosts: BTreeSet<String>,
    preview_suffix: String,
    apps_suffix: String,
    cdn_suffix: String,
}

/// What a host is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HostKind {
    /// The builder UI and the API.
    Builder,
    /// One session's preview. The session need not exist.
    Preview(SessionId),
    /// The preview suffix itself, or something beneath it that is no session's label.
    UnknownPreview,
    /// A published app, or what might be one.
    Site(SiteHost),
    /// None of ours, or not a host at all.
    Unknown,
}

/// A host for published apps. Whether there is such an app is another question.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum SiteHost {
    /// `{slug}` beneath the apps suffix: the app's current release.
    App {
        /// The app's slug.
        slug: String,
    },
    /// `{artifact}--{slug}` beneath the apps suffix: one artifact, for good.
    Artifact {
        /// The artifact.
        artifact: ArtifactId,
        /// What [`permalink_slug`] makes of the app's slug.
        slug: String,
    },
    /// `{slug}` beneath the CDN suffix: the artifact is in the path.
    Cdn {
        /// The app's slug.
        slug: String,
    },
    /// One of the two suffixes itself, or something beneath that no app can have as its name.
    Unknown,
}

/// The part of a slug that stands in a permalink's host: a label has 63 octets, so long slugs are cut.
pub fn permalink_slug(slug: &str) -> &str {
    let cut = slug.char_indices().map(|(at, _)| at).find(|at| *at >= PERMALINK_SLUG_BYTES);
    slug[..cut.unwrap_or(slug.len())].trim_end_matches('-')
}

/// Whether the slug in a permalink's host may be a part of a longer one: only hyphens at its end can make it shorter than
/// what fits, and slugs have no two of them in a row.
pub(crate) fn is_maybe_cut(slug: &str) -> bool {
    slug.len() + 1 >= PERMALINK_SLUG_BYTES
}

/// Where an artifact begins under the CDN host of its app: `/apps/{slug}/{artifact}/`.
pub fn cdn_path(slug: &str, artifact: &ArtifactId) -> String {
    format!("/apps/{slug}/{artifact}/")
}

/// Why the host settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidHosts {
    /// Without a host nobody reaches the builder.
    #[error("no host is given for the builder")]
    NoBuilderHost,
    /// Not a host name or an IP address; a port, a scheme or a wildcard does not belong here.
    #[error("`{0}` is not a host name")]
    NotAHost(String),
    /// The suffix is an address, or too long to carry a label.
    #[error("`{0}` cannot carry names in front of it")]
    NotASuffix(String),
    /// One host would have to be two things at once.
    #[error("`{0}` lies under a suffix that is for something else")]
    Overlap(String),
}

impl HostMap {
    /// Checks the settings: at least one builder host (a name, or an IP address with or without brackets) and the
    /// suffixes that follow a session's label, an app's name and an app's name on the CDN, for example
    /// `preview.localhost`. Case and one trailing dot do not matter. No suffix may lie under another.
    pub fn new<H: AsRef<str>>(
        builder_hosts: impl IntoIterator<Item = H>,
        preview_suffix: &str,
        apps_suffix: &str,
        cdn_suffix: &str,
    ) -> Result<Self, InvalidHosts> {
        let preview = parse_suffix(preview_suffix, SESSION_LABEL_BYTES)?;
        let apps = parse_suffix(apps_suffix, APP_LABEL_BYTES)?;
        let cdn = parse_suffix(cdn_suffix, APP_LABEL_BYTES)?;
        let suffixes = [&preview, &apps, &cdn];
        for (at, suffix) in suffixes.iter().enumerate() {
            let mut others = suffixes.iter().enumerate().filter(|(other, _)| *other != at);
            if others.any(|(_, other)| is_within(suffix, other)) {
                return Err(InvalidHosts::Overlap((*suffix).clone()));
            }
        }
        let mut hosts = BTreeSet::new();
        for host in builder_hosts {
            let host = host.as_ref();
            let normal = parse_host(host).ok_or_else(|| InvalidHosts::NotAHost(host.to_owned()))?;
            if suffixes.iter().any(|suffix| is_within(&normal, suffix)) {
                return Err(InvalidHosts::Overlap(host.to_owned()));
            }
            hosts.insert(normal);
        }
        if hosts.is_empty() {
            return Err(InvalidHosts::NoBuilderHost);
        }
        Ok(Self { builder_hosts: hosts, preview_suffix: preview, apps_suffix: apps, cdn_suffix: cdn })
    }

    /// The suffix of published apps' hosts, in lower case.
    pub fn apps_suffix(&self) -> &str {
        &self.apps_suffix
    }

    /// The suffix of the CDN hosts, in lower case.
    pub fn cdn_suffix(&self) -> &str {
        &self.cdn_suffix
    }

    /// The host of an app's current release, without a port.
    pub fn app_host(&self, slug: &str) -> String {
        format!("{slug}.{}", self.apps_suffix)
    }

    /// The host of one artifact of an app, without a port.
    pub fn artifact_host(&self, artifact: &ArtifactId, slug: &str) -> String {
        format!("{}{PERMALINK_MARK}{}.{}", artifact.host_part(), permalink_slug(slug), self.apps_suffix)
    }

    /// The host under which an app's artifacts are by path, without a port; the path is [`cdn_path`].
    pub fn cdn_host(&self, slug: &str) -> String {
        format!("{slug}.{}", self.cdn_suffix)
    }

    /// The suffix of preview hosts, in lower case.
    pub fn preview_suffix(&self) -> &str {
        &self.preview_suffix
    }

    /// The host of a session's preview, without a port.
    pub fn preview_host(&self, session: &SessionId) -> String {
        format!("{}.{}", session.dns_label(), self.preview_suffix)
    }

    /// What the value of a `Host` header names. The port may be any: a tunnel or a proxy in front may have changed it.
    pub fn classify(&self, authority: &str) -> HostKind {
        let Some(host) = parse_authority(authority) else {
            return HostKind::Unknown;
        };
        if self.builder_hosts.contains(&host) {
            return HostKind::Builder;
        }
        if host == self.preview_suffix {
            return HostKind::UnknownPreview;
        }
        if is_within(&host, &self.apps_suffix) {
            return HostKind::Site(below(&host, &self.apps_suffix).map_or(SiteHost::Unknown, app_label));
        }
        if is_within(&host, &self.cdn_suffix) {
            let slug = below(&host, &self.cdn_suffix).filter(|label| is_app_name(label));
            return HostKind::Site(
                slug.map_or(SiteHost::Unknown, |slug| SiteHost::Cdn { slug: slug.to_owned() }),
            );
        }
        match below(&host, &self.preview_suffix).map(SessionId::from_dns_label) {
            Some(Ok(session)) => HostKind::Preview(session),
            Some(Err(_)) => HostKind::UnknownPreview,
            None => HostKind::Unknown,
        }
    }

    /// [`Self::classify`] for a whole request; see [`request_authority`].
    pub fn classify_request(&self, head: &Parts) -> HostKind {
        request_authority(head).map_or(HostKind::Unknown, |authority| self.classify(authority))
    }
}

/// The one host a request is for: of its absolute-form target (which wins, RFC 9112, 3.2.2) or of its `Host` header.
/// None when there is none, or when there are several `Host` headers.
pub fn request_authority(head: &Parts) -> Option<&str> {
    let mut hosts = head.headers.get_all(HOST).iter();
    let first = hosts.next();
    if hosts.next().is_some() {
        return None;
    }
    match head.uri.authority() {
        Some(authority) => Some(authority.as_str()),
        None => first.and_then(|value| value.to_str().ok()),
    }
}

/// A suffix in its normal form that leaves room for a label of `label_bytes`, dot included.
fn parse_suffix(text: &str, label_bytes: usize) -> Result<String, InvalidHosts> {
    let suffix = parse_name(text).ok_or_else(|| InvalidHosts::NotAHost(text.to_owned()))?;
    if is_numeric(&suffix) || suffix.len() + label_bytes > MAX_HOST_BYTES {
        return Err(InvalidHosts::NotASuffix(text.to_owned()));
    }
    Ok(suffix)
}

/// What a label beneath the apps suffix names.
fn app_label(label: &str) -> SiteHost {
    let Some((artifact, slug)) = label.split_once(PERMALINK_MARK) else {
        let is_name = is_app_name(label);
        return if is_name { SiteHost::App { slug: label.to_owned() } } else { SiteHost::Unknown };
    };
    match ArtifactId::from_host_part(artifact) {
        Ok(artifact) if is_app_name(slug) => SiteHost::Artifact { artifact, slug: slug.to_owned() },
        _ => SiteHost::Unknown,
    }
}

fn is_app_name(label: &str) -> bool {
    is_label(label) && !label.contains(PERMALINK_MARK)
}

/// True for `suffix` itself and everything beneath it.
fn is_within(host: &str, suffix: &str) -> bool {
    host == suffix || below(host, suffix).is_some()
}

/// The part of `host` before `.suffix`.
fn below<'a>(host: &'a str, suffix: &str) -> Option<&'a str> {
    host.strip_suffix(suffix)?.strip_suffix('.')
}

/// `host[:port]`, normalised, without the port.
fn parse_authority(authority: &str) -> Option<String> {
    let host = match authority.rsplit_once(':') {
        Some((host, port)) if is_port(port) => host,
        Some(_) if !authority.ends_with(']') => return None,
        _ => authority,
    };
    // A bare IPv6 address is no valid authority: its last group would read as a port.
    if host.contains(':') && !host.starts_with('[') {
        return None;
    }
    parse_host(host)
}

fn is_port(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|b| b.is_ascii_digit()) && text.parse::<u16>().is_ok()
}

/// A name or an address, in its one normal form; IPv6 without brackets.
fn parse_host(text: &str) -> Option<String> {
    let inner = text.strip_prefix('[').and_then(|rest| rest.strip_suffix(']'));
    match inner.unwrap_or(text).parse::<Ipv6Addr>() {
        Ok(address) => Some(address.to_string()),
        Err(_) if inner.is_some() => None,
        Err(_) => parse_name(text),
    }
}

/// A host name in lower case without its trailing dot, or an IPv4 address.
fn parse_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text);
    let is_valid = !name.is_empty() && name.len() <= MAX_HOST_BYTES && name.split('.').all(is_label);
    // What ends in a number is an address (WHATWG URL, host parser), and then only the usual form is one.
    (is_valid && (!is_numeric(name) || name.parse::<Ipv4Addr>().is_ok())).then(|| name.to_ascii_lowercase())
}

fn is_numeric(name: &str) -> bool {
    name.rsplit('.').next().is_some_and(|last| last.bytes().all(|b| b.is_ascii_digit()))
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= MAX_LABEL_BYTES
        && label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-')
        && !label.starts_with('-')
        && !label.ends_with('-')
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    const LABEL: &str = "ses-01hf7yat000000000000000000";

    fn map() -> HostMap {
        HostMap::new(
            ["localhost", "127.0.0.1", "::1"],
            "preview.localhost",
            "apps.localhost",
            "cdn.localhost",
        )
        .unwrap()
    }

    fn session(label: &str) -> HostKind {
        HostKind::Preview(SessionId::from_dns_label(label).unwrap())
    }

    #[test]
    fn a_host_is_known_whatever_its_case_port_and_trailing_dot() {
        for host in [
            "localhost",
            "LOCALHOST:4400",
            "localhost.",
            "localhost.:80",
            "127.0.0.1:1",
            "[::1]:4400",
            "[0:0::1]",
        ] {
            assert_eq!(map().classify(host), HostKind::Builder, "{host}");
        }
        let label = LABEL;
        for host in [
            format!("{label}.preview.localhost"),
            format!("{}.Preview.LocalHost.:65535", label.to_uppercase()),
        ] {
            assert_eq!(map().classify(&host), session(label), "{host}");
        }
    }

    #[test]
    fn what_is_no_host_or_not_ours_is_unknown() {
        for host in [
            "",
            ".",
            ":80",
            "localhost:",
            "localhost:65536",
            "localhost:4400:1",
            "localhost..",
            "::1",
            "[::1",
            "[::1]x",
            "example.com",
            "localhost/x",
            "localhost@evil",
            "local host",
            "10.0.0.1",
            "xpreview.localhost",
            "a_b.example",
            "-a.example",
            "localhost#",
            "127.1",
            "2130706433",
        ] {
            assert_eq!(map().classify(host), HostKind::Unknown, "{host}");
        }
    }

    #[test]
    fn beneath_the_suffix_only_a_sessions_label_is_a_preview() {
        for host in [
            "preview.localhost",
            "x.preview.localhost",
            "a.ses-01hf7yat000000000000000000.preview.localhost",
            "app-01hf7yat000000000000000000.preview.localhost",
            &format!("{LABEL}x.preview.localhost"),
        ] {
            assert_eq!(map().classify(host), HostKind::UnknownPreview, "{host}");
        }
    }

    #[test]
    fn settings_that_overlap_or_are_incomplete_are_refused() {
        let refused =
            |hosts: &[&str], suffix| HostMap::new(hosts, suffix, "apps.example", "cdn.example").unwrap_err();
        assert_eq!(refused(&[], "p.example"), InvalidHosts::NoBuilderHost);
        assert!(matches!(refused(&["a.p.example"], "P.example."), InvalidHosts::Overlap(_)));
        assert!(matches!(refused(&["p.example"], "p.example"), InvalidHosts::Overlap(_)));
        assert!(matches!(refused(&["a.example:80"], "p.example"), InvalidHosts::NotAHost(_)));
        assert!(matches!(refused(&["a.example"], "*.p.example"), InvalidHosts::NotAHost(_)));
        assert!(matches!(refused(&["a.example"], "127.0.0.1"), InvalidHosts::NotASuffix(_)));
        let suffixes = |preview, apps, cdn| HostMap::new(["vitrine.example"], preview, apps, cdn);
        assert!(suffixes("preview.vitrine.example", "apps.vitrine.example", "cdn.example").is_ok());
        for (preview, apps, cdn) in [
            ("p.example", "p.example", "c.example"),
            ("p.example", "a.p.example", "c.example"),
            ("p.example", "example", "c.other"),
            ("p.example", "a.example", "A.example."),
            ("p.example", "a.example", "c.a.example"),
        ] {
            assert!(matches!(suffixes(preview, apps, cdn), Err(InvalidHosts::Overlap(_))), "{apps} {cdn}");
        }
        let long = format!("{}.example", ["a"; 100].join("."));
        assert_eq!(suffixes("p.example", &long, "c.example"), Err(InvalidHosts::NotASuffix(long.clone())));
    }

    /// A label that ends in a hyphen makes the whole text no host at all.
    fn expected_unknown(host: &str) -> HostKind {
        if host.contains("-.") { HostKind::Unknown } else { HostKind::Site(SiteHost::Unknown) }
    }

    #[test]
    fn beneath_the_apps_and_cdn_suffixes_stand_slugs_and_permalinks() {
        let artifact = ArtifactId::from_host_part("01hf7yat000000000000000000").unwrap();
        let site = |host: &str| match map().classify(host) {
            HostKind::Site(site) => site,
            other => panic!("{host} is {other:?}"),
        };
        let slug = |text: &str| text.to_owned();
        assert_eq!(site("My-App.apps.localhost:4400"), SiteHost::App { slug: slug("my-app") });
        assert_eq!(site("my-app.cdn.localhost."), SiteHost::Cdn { slug: slug("my-app") });
        let permalink = map().artifact_host(&artifact, "my-app");
        assert_eq!(site(&permalink), SiteHost::Artifact { artifact, slug: slug("my-app") });
        for host in [
            "apps.localhost",
            "cdn.localhost",
            "a.b.apps.localhost",
            "a.b.cdn.localhost",
            "xn--e1afmkfd.apps.localhost",
            "01hf7yat000000000000000000--.apps.localhost",
            "01hf7yat00000000000000000--app.apps.localhost",
            "a--b.cdn.localhost",
            "01hf7yat000000000000000000--a--b.apps.localhost",
        ] {
            assert_eq!(map().classify(host), expected_unknown(host), "{host}");
        }
    }

    #[test]
    fn several_host_headers_name_no_host() {
        let request = http::Request::get("/").header(HOST, "localhost").header(HOST, "localhost");
        let (head, ()) = request.body(()).unwrap().into_parts();
        assert_eq!(map().classify_request(&head), HostKind::Unknown);
    }

    proptest! {
        #[test]
        fn any_text_is_classified_without_panic(text in "\\PC{0,80}") {
            map().classify(&text);
        }

        #[test]
        fn every_session_is_found_again_by_its_host(body in "[0-9a-hjkmnp-tv-z]{26}", port in any::<u16>()) {
            let label = format!("ses-{body}");
            let id = SessionId::from_dns_label(&label).unwrap();
            let host = format!("{}:{port}", map().preview_host(&id));
            prop_assert_eq!(map().classify(&host), HostKind::Preview(id));
        }

        #[test]
        fn every_permalink_fits_a_label_and_is_found_again(
            body in "[0-9a-hjkmnp-tv-z]{26}",
            slug in "[a-z0-9](-?[a-z0-9]){2,31}",
        ) {
            let artifact = ArtifactId::from_host_part(&body).unwrap();
            let host = map().artifact_host(&artifact, &slug);
            prop_assert!(host.split('.').next().unwrap().len() <= MAX_LABEL_BYTES);
            let cut = permalink_slug(&slug).to_owned();
            prop_assert!(slug.starts_with(&cut) && cut.len() + 1 >= slug.len().min(PERMALINK_SLUG_BYTES));
            prop_assert_eq!(map().classify(&host), HostKind::Site(SiteHost::Artifact { artifact, slug: cut }));
        }

        #[test]
        fn only_a_known_host_or_one_beneath_the_suffix_is_ours(host in "[a-z0-9.:-]{1,60}") {
            let kind = map().classify(&host);
            let bare = host.split(':').next().unwrap_or_default().trim_end_matches('.');
            let is_ours = ["localhost", "127.0.0.1"].contains(&bare) || bare.ends_with("preview.localhost");
            prop_assert!(is_ours || kind == HostKind::Unknown, "{} {:?}", host, kind);
        }
    }
}
