//! Which headers pass between browser and guest: nothing of ours reaches the guest, and nothing of the guest's reaches
//! beyond its own origin.

use http::header::{
    self, CACHE_CONTROL, CONNECTION, CONTENT_SECURITY_POLICY, HeaderMap, HeaderName, HeaderValue, REFERER,
    REFERRER_POLICY,
};

use crate::cookie;

/// The query parameter that carries a token.
pub(crate) const TOKEN_PARAM: &str = "vitrine_token";

/// Meant for one connection (RFC 9110, 7.6.1), and those that servers still send besides.
const HOP_BY_HOP: [HeaderName; 6] = [
    CONNECTION,
    header::TE,
    header::TRANSFER_ENCODING,
    header::UPGRADE,
    HeaderName::from_static("keep-alive"),
    HeaderName::from_static("proxy-connection"),
];

/// How the request came here, as whoever sent it may have made up. `Expect` is answered by us.
const PROVENANCE: [HeaderName; 7] = [
    header::EXPECT,
    header::FORWARDED,
    header::VIA,
    HeaderName::from_static("x-real-ip"),
    HeaderName::from_static("x-client-ip"),
    HeaderName::from_static("true-client-ip"),
    HeaderName::from_static("cf-connecting-ip"),
];

/// Whole families of such headers.
const PROVENANCE_PREFIXES: [&str; 3] = ["x-forwarded-", "x-vitrine-", "proxy-"];

/// What a guest could use against its neighbours or against the frame it is shown in. `Clear-Site-Data: "cookies"`
/// clears the whole registrable domain: other previews and perhaps the builder (W3C Clear Site Data, 3.2).
const NOT_FROM_THE_GUEST: [HeaderName; 5] = [
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("alt-svc"),
    header::STRICT_TRANSPORT_SECURITY,
    header::X_FRAME_OPTIONS,
    header::PROXY_AUTHENTICATE,
];

/// Prepares the browser's headers for the guest. The caller sets `Host` afterwards.
pub(crate) fn to_guest(headers: &mut HeaderMap) {
    next_hop(headers);
    strip_provenance(headers);
    // Who the visitor is to us is no business of the guest's.
    headers.remove(header::AUTHORIZATION);
    cookie::strip_ours(headers);
    if headers.get(REFERER).is_some_and(|referer| contains(referer.as_bytes(), TOKEN_PARAM.as_bytes())) {
        headers.remove(REFERER);
    }
}

/// Prepares the guest's headers for the browser. `frame_ancestors` is a whole policy.
pub(crate) fn from_guest(headers: &mut HeaderMap, frame_ancestors: &HeaderValue) {
    strip_hop_by_hop(headers);
    for name in &NOT_FROM_THE_GUEST {
        headers.remove(name);
    }
    cookie::tame_guest_cookies(headers);
    set_frame_ancestors(headers, frame_ancestors);
    headers.insert("x-robots-tag", HeaderValue::from_static("noindex, nofollow"));
    // The host names the session: no other origin is told. Not `no-referrer`, which would turn the `Origin` of the
    // app's own form posts into `null`.
    headers.entry(REFERRER_POLICY).or_insert(HeaderValue::from_static("same-origin"));
    // A process of its own beside the other previews of the same site.
    headers.entry("origin-agent-cluster").or_insert(HeaderValue::from_static("?1"));
    keep_out_of_shared_caches(headers);
}

/// A request's headers without what is meant for the connection it came by; only the wish for trailers is passed on.
pub(crate) fn next_hop(headers: &mut HeaderMap) {
    let takes_trailers = headers.get(header::TE).is_some_and(|te| contains(te.as_bytes(), b"trailers"));
    strip_hop_by_hop(headers);
    if takes_trailers {
        // Said anew for the next hop, as we pass trailers on (RFC 9110, 10.1.4).
        headers.insert(header::TE, HeaderValue::from_static("trailers"));
        headers.insert(CONNECTION, HeaderValue::from_static("te"));
    }
}

/// Removes what says how a request came here: anybody can write it.
pub(crate) fn strip_provenance(headers: &mut HeaderMap) {
    for name in &PROVENANCE {
        headers.remove(name);
    }
    remove_where(headers, |name| PROVENANCE_PREFIXES.iter().any(|prefix| name.starts_with(prefix)));
}

/// Removes the headers whose names are `unwanted`.
pub(crate) fn remove_where(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    let names: Vec<HeaderName> = headers.keys().filter(|name| unwanted(name.as_str())).cloned().collect();
    for name in names {
        headers.remove(name);
    }
}

/// Removes what is meant for this connection alone, also what `Connection` names.
pub(crate) fn strip_hop_by_hop(headers: &mut HeaderMap) {
    if headers.contains_key(CONNECTION) {
        let named: Vec<HeaderName> = headers
            .get_all(CONNECTION)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b','))
            .filter_map(|token| HeaderName::from_bytes(token.trim_ascii()).ok())
            .collect();
        for name in named {
            headers.remove(name);
        }
    }
    for name in &HOP_BY_HOP {
        headers.remove(name);
    }
}

/// Lets those frame an answer whom `frame_ancestors`, a whole policy, names, and nobody else.
pub(crate) fn set_frame_ancestors(headers: &mut HeaderMap, frame_ancestors: &HeaderValue) {
    drop_frame_ancestors(headers);
    headers.append(CONTENT_SECURITY_POLICY, frame_ancestors.clone());
}

/// The app's own policy stays, except where it would keep the preview out of the builder.
fn drop_frame_ancestors(headers: &mut HeaderMap) {
    let has_any = |line: &HeaderValue| contains(&line.as_bytes().to_ascii_lowercase(), b"frame-ancestors");
    if !headers.get_all(CONTENT_SECURITY_POLICY).iter().any(has_any) {
        return;
    }
    let is_kept = |directive: &&[u8]| {
        let name = directive.trim_ascii().split(u8::is_ascii_whitespace).next().unwrap_or_default();
        !name.eq_ignore_ascii_case(b"frame-ancestors") && !name.is_empty()
    };
    let policies: Vec<Vec<u8>> = headers
        .get_all(CONTENT_SECURITY_POLICY)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .map(|policy| policy.split(|b| *b == b';').filter(is_kept).collect::<Vec<_>>().join(&b';'))
        .filter(|policy| !policy.is_empty())
        .collect();
    headers.remove(CONTENT_SECURITY_POLICY);
    for policy in policies {
        if let Ok(value) = HeaderValue::from_bytes(policy.trim_ascii()) {
            headers.append(CONTENT_SECURITY_POLICY, value);
        }
    }
}

/// What needs a cookie must not be kept by a cache that others share.
fn keep_out_of_shared_caches(headers: &mut HeaderMap) {
    let directives: Vec<&[u8]> = headers
        .get_all(CACHE_CONTROL)
        .iter()
        .flat_map(|line| line.as_bytes().split(|b| *b == b','))
        .map(<[u8]>::trim_ascii)
        .collect();
    let is_set = |name: &[u8]| directives.iter().any(|directive| directive.eq_ignore_ascii_case(name));
    let is_for_shared = |directive: &[u8]| {
        directive.eq_ignore_ascii_case(b"public") || directive.to_ascii_lowercase().starts_with(b"s-maxage")
    };
    // One that says both leaves it to the cache which of them it believes.
    let is_contradictory = directives.iter().any(|directive| is_for_shared(directive));
    if (is_set(b"private") || is_set(b"no-store")) && !is_contradictory {
        return;
    }
    let mut value = b"private".to_vec();
    for directive in directives {
        let is_said = directive.eq_ignore_ascii_case(b"private");
        if !directive.is_empty() && !is_said && !is_for_shared(directive) {
            value.extend_from_slice(b", ");
            value.extend_from_slice(directive);
        }
    }
    let value = HeaderValue::from_bytes(&value).unwrap_or(HeaderValue::from_static("private"));
    headers.insert(CACHE_CONTROL, value);
}

fn contains(haystack: &[u8], needle: &[u8]) -> bool {
    haystack.windows(needle.len()).any(|window| window == needle)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&str, &str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in pairs {
            map.append(
                HeaderName::from_bytes(name.as_bytes()).unwrap(),
                HeaderValue::from_str(value).unwrap(),
            );
        }
        map
    }

    fn names(map: &HeaderMap) -> Vec<&str> {
        let mut names: Vec<&str> = map.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn the_guest_learns_nothing_about_the_visitor_or_the_way() {
        let mut map = headers(&[
            ("connection", "keep-alive, X-Secret-Hop"),
            ("x-secret-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("te", "gzip"),
            ("upgrade", "h2c"),
            ("authorization", "Bearer vt_x"),
            ("x-forwarded-for", "10.0.0.1"),
            ("x-forwarded-user", "ada"),
            ("forwarded", "for=10.0.0.1"),
            ("x-real-ip", "10.0.0.1"),
            ("via", "1.1 x"),
            ("proxy-authorization", "Basic x"),
            ("x-vitrine-tenant", "ten_x"),
            ("expect", "100-continue"),
            ("referer", "http://x.preview.localhost/?vitrine_token=1.a"),
            ("cookie", "vitrine_preview=1.a; theme=dark"),
            ("accept", "*/*"),
            ("x-app", "mine"),
        ]);
        to_guest(&mut map);
        assert_eq!(names(&map), ["accept", "cookie", "x-app"]);
        assert_eq!(map["cookie"], "theme=dark");
    }

    #[test]
    fn a_preview_may_be_framed_by_the_builder_alone_and_keeps_its_own_policy() {
        let mut map = headers(&[
            ("x-frame-options", "DENY"),
            ("content-security-policy", "default-src 'self'; frame-ancestors 'none'; img-src *"),
            ("content-security-policy", "Frame-Ancestors 'none'"),
        ]);
        from_guest(&mut map, &HeaderValue::from_static("frame-ancestors http://localhost:4400"));
        let policies: Vec<_> = map.get_all(CONTENT_SECURITY_POLICY).iter().collect();
        assert_eq!(policies, ["default-src 'self'; img-src *", "frame-ancestors http://localhost:4400"]);
        assert!(!map.contains_key("x-frame-options"));
    }

    #[test]
    fn what_would_reach_beyond_the_origin_is_dropped() {
        let mut map = headers(&[
            ("strict-transport-security", "max-age=1; includeSubDomains"),
            ("clear-site-data", "\"cookies\""),
            ("alt-svc", "h3=\":443\""),
            ("service-worker-allowed", "/"),
            ("x-robots-tag", "all"),
            ("referrer-policy", "origin"),
        ]);
        from_guest(&mut map, &HeaderValue::from_static("frame-ancestors 'none'"));
        for gone in ["strict-transport-security", "clear-site-data", "alt-svc"] {
            assert!(!map.contains_key(gone), "{gone}");
        }
        assert_eq!(map["service-worker-allowed"], "/");
        assert_eq!(map["x-robots-tag"], "noindex, nofollow");
        assert_eq!(map["referrer-policy"], "origin");
    }

    #[test]
    fn shared_caches_keep_nothing() {
        for (theirs, ours) in [
            ("public, max-age=31536000, immutable", "private, max-age=31536000, immutable"),
            ("s-maxage=60, no-cache", "private, no-cache"),
            ("no-store", "no-store"),
            ("Private, max-age=1", "Private, max-age=1"),
            ("public, private, max-age=1", "private, max-age=1"),
            ("", "private"),
        ] {
            let mut map = headers(&[("cache-control", theirs)]);
            keep_out_of_shared_caches(&mut map);
            assert_eq!(map["cache-control"], ours);
        }
    }
}
