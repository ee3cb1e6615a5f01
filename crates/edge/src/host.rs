//! What a `Host` header names: the builder, one session's preview, or nothing of ours.

use std::collections::BTreeSet;
use std::net::{Ipv4Addr, Ipv6Addr};

use http::header::HOST;
use http::request::Parts;
use vitrine_model::SessionId;

/// Octets in a host name, without the trailing dot (RFC 1035, 2.3.4).
const MAX_HOST_BYTES: usize = 253;

/// Octets in one label of a host name (RFC 1035, 2.3.4).
const MAX_LABEL_BYTES: usize = 63;

/// Octets a session's label takes in front of the preview suffix: `ses-` and 26 more, and the dot.
const SESSION_LABEL_BYTES: usize = 31;

/// The table of hosts this server answers.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostMap {
    builder_hosts: BTreeSet<String>,
    preview_suffix: String,
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
    /// None of ours, or not a host at all.
    Unknown,
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
    /// The suffix is an address, or too long to carry a session's label.
    #[error("`{0}` cannot carry the names of previews")]
    NotASuffix(String),
    /// One host would have to be the builder and a preview.
    #[error("the builder's host `{0}` lies under the preview suffix")]
    Overlap(String),
}

impl HostMap {
    /// Checks the settings: at least one builder host (a name, or an IP address with or without brackets) and the
    /// suffix that follows a session's label, for example `preview.localhost`. Case and one trailing dot do not matter.
    pub fn new<H: AsRef<str>>(
        builder_hosts: impl IntoIterator<Item = H>,
        preview_suffix: &str,
    ) -> Result<Self, InvalidHosts> {
        let suffix =
            parse_name(preview_suffix).ok_or_else(|| InvalidHosts::NotAHost(preview_suffix.to_owned()))?;
        if is_numeric(&suffix) || suffix.len() + SESSION_LABEL_BYTES > MAX_HOST_BYTES {
            return Err(InvalidHosts::NotASuffix(preview_suffix.to_owned()));
        }
        let mut hosts = BTreeSet::new();
        for host in builder_hosts {
            let host = host.as_ref();
            let normal = parse_host(host).ok_or_else(|| InvalidHosts::NotAHost(host.to_owned()))?;
            if below(&normal, &suffix).is_some() || normal == suffix {
                return Err(InvalidHosts::Overlap(host.to_owned()));
            }
            hosts.insert(normal);
        }
        if hosts.is_empty() {
            return Err(InvalidHosts::NoBuilderHost);
        }
        Ok(Self { builder_hosts: hosts, preview_suffix: suffix })
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
        HostMap::new(["localhost", "127.0.0.1", "::1"], "preview.localhost").unwrap()
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
        let refused = |hosts: &[&str], suffix| HostMap::new(hosts, suffix).unwrap_err();
        assert_eq!(refused(&[], "p.example"), InvalidHosts::NoBuilderHost);
        assert!(matches!(refused(&["a.p.example"], "P.example."), InvalidHosts::Overlap(_)));
        assert!(matches!(refused(&["p.example"], "p.example"), InvalidHosts::Overlap(_)));
        assert!(matches!(refused(&["a.example:80"], "p.example"), InvalidHosts::NotAHost(_)));
        assert!(matches!(refused(&["a.example"], "*.p.example"), InvalidHosts::NotAHost(_)));
        assert!(matches!(refused(&["a.example"], "127.0.0.1"), InvalidHosts::NotASuffix(_)));
        assert!(HostMap::new(["vitrine.example"], "preview.vitrine.example").is_ok());
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
        fn only_a_known_host_or_one_beneath_the_suffix_is_ours(host in "[a-z0-9.:-]{1,60}") {
            let kind = map().classify(&host);
            let bare = host.split(':').next().unwrap_or_default().trim_end_matches('.');
            let is_ours = ["localhost", "127.0.0.1"].contains(&bare) || bare.ends_with("preview.localhost");
            prop_assert!(is_ours || kind == HostKind::Unknown, "{} {:?}", host, kind);
        }
    }
}
