//! Our cookie among the app's: read it, keep it from the guest, and keep the guest from setting it.

use std::time::Duration;

use http::header::{COOKIE, HeaderMap, HeaderValue, SET_COOKIE};

/// Our cookie where browsers keep `Secure` ones: the prefix makes them refuse it with a `Domain` or without `Secure`.
pub(crate) const HOST_COOKIE: &str = "__Host-vitrine_preview";

/// Our cookie where they do not: plain HTTP, and clients that do not trust `*.localhost`.
pub(crate) const PLAIN_COOKIE: &str = "vitrine_preview";

/// Candidates looked at per request: more than fit into the largest head that is taken. A sibling preview can toss cookies at
/// us under [`PLAIN_COOKIE`], and with a smaller bound could toss so many that ours is never looked at.
const MAX_CANDIDATES: usize = 1_024;

/// Where browsers will keep our cookie.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum CookieKind {
    /// Under HTTPS: partitioned, so that it works inside the builder's frame whatever the browser blocks.
    Secure,
    /// On plain HTTP under `*.localhost`: both, as Chromium keeps the first, and Safari and HTTP libraries the second.
    Both,
    /// On plain HTTP elsewhere: `SameSite=Lax`; a frame on another site does not get it.
    Plain,
}

impl CookieKind {
    /// The `Set-Cookie` values that carry `credential`.
    pub(crate) fn set(self, credential: &str, ttl: Duration) -> Vec<HeaderValue> {
        let max_age = ttl.as_secs();
        let host = format!(
            "{HOST_COOKIE}={credential}; Max-Age={max_age}; Path=/; HttpOnly; Secure; SameSite=None; Partitioned"
        );
        let plain = format!("{PLAIN_COOKIE}={credential}; Max-Age={max_age}; Path=/; HttpOnly; SameSite=Lax");
        let lines = match self {
            Self::Secure => vec![host],
            Self::Both => vec![host, plain],
            Self::Plain => vec![plain],
        };
        lines.into_iter().filter_map(|line| HeaderValue::try_from(line).ok()).collect()
    }
}

impl CookieKind {
    /// The names under which our cookie may come, the best first: nobody but us can set the one with the prefix.
    const fn names(self) -> &'static [&'static str] {
        match self {
            Self::Secure => &[HOST_COOKIE],
            Self::Both => &[HOST_COOKIE, PLAIN_COOKIE],
            Self::Plain => &[PLAIN_COOKIE],
        }
    }
}

/// The values of every cookie that may be ours. Browsers know of the prefix in any case of letters, so a name must be the very
/// one that we set.
pub(crate) fn candidates(headers: &HeaderMap, kind: CookieKind) -> impl Iterator<Item = &str> {
    let values = |name: &'static str| {
        headers
            .get_all(COOKIE)
            .iter()
            .flat_map(|line| line.as_bytes().split(|b| *b == b';'))
            .filter(move |pair| name_of(pair) == name.as_bytes())
            .filter_map(|pair| std::str::from_utf8(pair).ok()?.split_once('='))
            .map(|(_, value)| value.trim())
    };
    kind.names().iter().flat_map(move |name| values(name)).take(MAX_CANDIDATES)
}

/// Takes our cookies out of a request and leaves the app's as they were.
pub(crate) fn strip_ours(headers: &mut HeaderMap) {
    let has_ours = |line: &HeaderValue| line.as_bytes().split(|b| *b == b';').any(|p| is_ours(name_of(p)));
    if !headers.get_all(COOKIE).iter().any(has_ours) {
        return;
    }
    let theirs: Vec<HeaderValue> =
        headers.get_all(COOKIE).iter().filter_map(|line| without(line.as_bytes(), is_ours)).collect();
    headers.remove(COOKIE);
    for line in theirs {
        headers.append(COOKIE, line);
    }
}

/// What the guest may set: nothing under our names, and nothing beyond its own host, as a `Domain` would reach the
/// previews beside it.
pub(crate) fn tame_guest_cookies(headers: &mut HeaderMap) {
    let is_tame = |line: &HeaderValue| {
        let mut parts = line.as_bytes().split(|b| *b == b';');
        !parts.next().is_some_and(|pair| is_ours(name_of(pair))) && !parts.any(|p| is_domain(name_of(p)))
    };
    if headers.get_all(SET_COOKIE).iter().all(is_tame) {
        return;
    }
    let kept: Vec<HeaderValue> = headers
        .get_all(SET_COOKIE)
        .iter()
        .filter(|line| !is_ours(name_of(line.as_bytes())))
        .filter_map(|line| without(line.as_bytes(), is_domain))
        .collect();
    headers.remove(SET_COOKIE);
    for line in kept {
        headers.append(SET_COOKIE, line);
    }
}

/// The `;`-separated parts whose names are not `dropped`; none when nothing is left.
fn without(line: &[u8], dropped: fn(&[u8]) -> bool) -> Option<HeaderValue> {
    let kept: Vec<&[u8]> = line
        .split(|b| *b == b';')
        .filter(|part| !part.trim_ascii().is_empty() && !dropped(name_of(part)))
        .collect();
    let joined = kept.join(&b';');
    HeaderValue::from_bytes(joined.trim_ascii()).ok().filter(|value| !value.is_empty())
}

fn name_of(pair: &[u8]) -> &[u8] {
    let end = pair.iter().position(|b| matches!(b, b'=' | b';')).unwrap_or(pair.len());
    pair[..end].trim_ascii()
}

fn is_ours(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(HOST_COOKIE.as_bytes()) || name.eq_ignore_ascii_case(PLAIN_COOKIE.as_bytes())
}

fn is_domain(name: &[u8]) -> bool {
    name.eq_ignore_ascii_case(b"domain")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(name: http::HeaderName, lines: &[&str]) -> HeaderMap {
        lines.iter().map(|line| (name.clone(), HeaderValue::from_str(line).unwrap())).collect()
    }

    fn lines(headers: &HeaderMap, name: http::HeaderName) -> Vec<&str> {
        headers.get_all(name).iter().map(|line| line.to_str().unwrap()).collect()
    }

    #[test]
    fn our_cookies_are_taken_out_and_the_others_stay() {
        let mut map = headers(
            COOKIE,
            &["a=1; __Host-vitrine_preview=x.y; b=2", "VITRINE_preview=z", "c=vitrine_preview"],
        );
        assert_eq!(candidates(&map, CookieKind::Both).collect::<Vec<_>>(), ["x.y"]);
        strip_ours(&mut map);
        assert_eq!(lines(&map, COOKIE), ["a=1; b=2", "c=vitrine_preview"]);
    }

    #[test]
    fn a_cookie_that_others_can_set_never_hides_ours() {
        let tossed = vec!["vitrine_preview=tossed"; 300].join("; ");
        let map = headers(COOKIE, &[&tossed, "__HOST-vitrine_preview=a; __Host-vitrine_preview=ours"]);
        let seen = |kind| candidates(&map, kind).collect::<Vec<_>>();
        assert_eq!(seen(CookieKind::Secure), ["ours"]);
        assert_eq!((seen(CookieKind::Both)[0], seen(CookieKind::Both).len()), ("ours", 301));
        assert_eq!(seen(CookieKind::Plain).len(), 300);
    }

    #[test]
    fn a_request_with_our_cookie_alone_is_left_without_a_cookie_header() {
        let mut map = headers(COOKIE, &["vitrine_preview=z"]);
        strip_ours(&mut map);
        assert!(!map.contains_key(COOKIE));
    }

    #[test]
    fn the_guest_sets_no_cookie_of_ours_and_none_beyond_its_host() {
        let mut map = headers(
            SET_COOKIE,
            &[
                "sid=1; Path=/; DOMAIN=.preview.localhost; HttpOnly",
                "vitrine_preview=; Max-Age=0",
                " __host-Vitrine_Preview =x; Secure",
                "theme=dark",
                "domain=x; Path=/",
            ],
        );
        tame_guest_cookies(&mut map);
        assert_eq!(lines(&map, SET_COOKIE), ["sid=1; Path=/; HttpOnly", "theme=dark", "Path=/"]);
    }
}
