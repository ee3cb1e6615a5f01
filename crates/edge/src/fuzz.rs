//! What must hold for every host, path, field and credential that a visitor can send.

#![allow(clippy::expect_used, reason = "a property that does not hold is told by a panic")]

use std::sync::Arc;
use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderName, HeaderValue, SET_COOKIE};
use vitrine_model::Timestamp;
use vitrine_model::source::{Clock, Entropy};

use crate::ask::Ask;
use crate::config::Scheme;
use crate::cookie::{CookieKind, HOST_COOKIE, PLAIN_COOKIE, candidates, strip_ours, tame_guest_cookies};
use crate::credential::{Purpose, Signer};
use crate::headers::{TOKEN_PARAM, from_guest, to_guest};
use crate::host::{HostKind, HostMap, SiteHost};

/// A name, and what panics when a property does not hold for the bytes it is given.
pub type Target = (&'static str, fn(&[u8]));

/// The targets of this crate, by the names of their folders in the corpus.
pub const TARGETS: &[Target] = &[
    ("host", host),
    ("preview_request", preview_request),
    ("preview_credential", preview_credential),
    ("guest_answer", guest_answer),
    ("site_path", crate::hosting::fuzz::site_path),
    ("byte_ranges", crate::hosting::fuzz::byte_ranges),
    ("accept_encoding", crate::hosting::fuzz::accept_encoding),
    ("request_head", crate::hosting::fuzz::request_head),
    ("backend_path", crate::backend::fuzz::backend_path),
];

fn map() -> HostMap {
    HostMap::new(["localhost", "127.0.0.1", "::1"], "preview.localhost", "apps.localhost", "cdn.localhost")
        .expect("the settings are good")
}

/// A host is one thing, however it is spelt, and what is ours leads back to itself.
fn host(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    let map = map();
    let kind = map.classify(text);
    for spelling in [text.to_ascii_uppercase(), text.to_ascii_lowercase()] {
        assert_eq!(map.classify(&spelling), kind, "case does not matter");
    }
    match &kind {
        HostKind::Unknown => return,
        HostKind::Preview(session) => assert_eq!(map.classify(&map.preview_host(session)), kind),
        HostKind::Site(SiteHost::App { slug }) => assert_eq!(map.classify(&map.app_host(slug)), kind),
        HostKind::Site(SiteHost::Cdn { slug }) => assert_eq!(map.classify(&map.cdn_host(slug)), kind),
        HostKind::Site(SiteHost::Artifact { artifact, slug }) => {
            let back = map.classify(&map.artifact_host(artifact, slug));
            let is_same =
                |host: &SiteHost| matches!(host, SiteHost::Artifact { artifact: one, .. } if one == artifact);
            assert!(matches!(&back, HostKind::Site(host) if is_same(host)), "{back:?}");
        }
        HostKind::Builder | HostKind::UnknownPreview | HostKind::Site(SiteHost::Unknown) => {}
    }
    let allowed = |byte: u8| byte.is_ascii_alphanumeric() || b"-.:[]".contains(&byte);
    assert!(text.bytes().all(allowed), "a host of ours has no other characters: {text:?}");
}

/// The head of a request for a preview: one `name: value` in each line, the first line is the target.
fn preview_request(data: &[u8]) {
    let Some((target, headers)) = read_head(data) else { return };
    let Ok(uri) = http::Uri::try_from(target) else { return };
    let Ok(mut request) = http::Request::builder().uri(uri).body(()) else { return };
    *request.headers_mut() = headers;
    let (head, ()) = request.into_parts();
    if let Some(ask) = Ask::read(&head, Scheme::Http) {
        let target = ask.target();
        let has_token = |query: &str| query.split('&').any(|pair| pair.starts_with("vitrine_token="));
        assert!(!target.split_once('?').is_some_and(|(_, query)| has_token(query)), "the token is taken out");
        assert_eq!(ask.authority, ask.authority.to_ascii_lowercase());
    }
    let mut headers = head.headers;
    let _ = candidates(&headers, CookieKind::Both).count();
    to_guest(&mut headers);
    for name in ["authorization", "forwarded", "via", "x-forwarded-for", "transfer-encoding", "upgrade"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    assert!(headers.get("connection").is_none_or(|options| options == "te"));
    assert!(headers.keys().all(|name| !name.as_str().starts_with("x-vitrine-")));
    assert_eq!(candidates(&headers, CookieKind::Both).count(), 0, "no cookie of ours is left");
    let referer = headers.get("referer").map(HeaderValue::as_bytes).unwrap_or_default();
    assert!(!referer.windows(TOKEN_PARAM.len()).any(|window| window == TOKEN_PARAM.as_bytes()));
    let before = headers.clone();
    to_guest(&mut headers);
    assert_eq!(headers, before, "twice is as once");
    strip_ours(&mut headers);
    assert_eq!(headers.get_all(COOKIE).iter().count(), before.get_all(COOKIE).iter().count());
}

/// The headers of a guest's answer, one in each line.
fn guest_answer(data: &[u8]) {
    let Some((_, mut headers)) = read_head(data) else { return };
    let ours = HeaderValue::from_static("frame-ancestors http://localhost:4400");
    from_guest(&mut headers, &ours);
    let policies: Vec<_> = headers.get_all("content-security-policy").iter().collect();
    let framing = policies.iter().filter(|line| {
        line.as_bytes().to_ascii_lowercase().windows(15).any(|window| window == b"frame-ancestors")
    });
    assert!(policies.contains(&&ours) && framing.count() >= 1);
    for name in ["clear-site-data", "strict-transport-security", "alt-svc", "x-frame-options", "connection"] {
        assert!(!headers.contains_key(name), "{name}");
    }
    for line in headers.get_all(SET_COOKIE) {
        let text = String::from_utf8_lossy(line.as_bytes()).to_ascii_lowercase();
        let mut parts = text.split(';').map(|part| part.split('=').next().unwrap_or_default().trim());
        let name = parts.next().unwrap_or_default();
        assert!(name != PLAIN_COOKIE && name != HOST_COOKIE.to_ascii_lowercase(), "{text}");
        assert!(parts.all(|name| name != "domain"), "{text}");
    }
    let tamed: Vec<_> = headers.get_all(SET_COOKIE).iter().cloned().collect();
    tame_guest_cookies(&mut headers);
    assert_eq!(headers.get_all(SET_COOKIE).iter().cloned().collect::<Vec<_>>(), tamed, "twice is as once");
    let lines = headers.get_all("cache-control").iter().map(HeaderValue::as_bytes);
    let caching: Vec<_> = lines.map(String::from_utf8_lossy).collect();
    let caching = caching.join(",").to_ascii_lowercase();
    let has = |directive: &str| caching.split(',').any(|one| one.trim() == directive);
    assert!((has("private") || has("no-store")) && !has("public"), "{caching}");
}

/// The first line, and the headers in the others; what is no header is left out.
fn read_head(data: &[u8]) -> Option<(&[u8], HeaderMap)> {
    let mut lines = data.split(|byte| *byte == b'\n').take(64);
    let first = lines.next()?;
    let mut headers = HeaderMap::new();
    for line in lines {
        let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
        let name = HeaderName::from_bytes(&line[..colon]);
        let value = HeaderValue::from_bytes(line[colon + 1..].trim_ascii());
        if let (Ok(name), Ok(value)) = (name, value) {
            headers.append(name, value);
        }
    }
    Some((first, headers))
}

struct Noon;

impl Clock for Noon {
    fn now(&self) -> Timestamp {
        Timestamp::from_millis(1_700_000_000_000)
    }
}

struct Sevens;

impl Entropy for Sevens {
    fn fill(&self, bytes: &mut [u8]) {
        bytes.fill(7);
    }
}

/// Only what was issued opens anything, and only what it was issued for: the input is a credential, with the place in
/// it where a good one is damaged in its first byte.
fn preview_credential(data: &[u8]) {
    let signer = Signer::new(&[7; 32], Arc::new(Noon), Arc::new(Sevens));
    let subject = "ses_01hf7yat000000000000000000";
    let good = signer.token(Purpose::Token, subject, Duration::from_secs(120), None);
    let text = String::from_utf8_lossy(data);
    assert!(signer.check(Purpose::Token, subject, &text).is_none() || *text == good);
    assert!(signer.check(Purpose::Cookie, subject, &text).is_none());
    let Some((at, bytes)) = data.split_first() else { return };
    let mut damaged = good.clone().into_bytes();
    let at = usize::from(*at) % (damaged.len() + 1);
    let end = damaged.len().min(at + bytes.len().min(8));
    damaged.splice(at..end, bytes.iter().take(8).copied());
    let damaged = String::from_utf8_lossy(&damaged);
    assert!(*damaged == good || signer.check(Purpose::Token, subject, &damaged).is_none(), "{damaged}");
}

#[cfg(test)]
#[test]
fn nothing_in_the_corpus_or_near_it_breaks_a_property() {
    vitrine_fuzz::check(TARGETS);
}
