//! What a request asks for, read once from its head.

use http::header::{ACCEPT, CONNECTION, HeaderMap, ORIGIN, SEC_WEBSOCKET_PROTOCOL, UPGRADE};
use http::request::Parts;
use http::{HeaderName, Method};
use vitrine_model::RequestId;

use crate::config::Scheme;
use crate::headers::TOKEN_PARAM;
use crate::host::request_authority;

const SEC_FETCH_DEST: HeaderName = HeaderName::from_static("sec-fetch-dest");
pub(crate) const SEC_FETCH_MODE: HeaderName = HeaderName::from_static("sec-fetch-mode");
pub(crate) const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// The subprotocol with which Vite's client looks for a dev server it has lost, every second.
const VITE_PING: &str = "vite-ping";

/// The subprotocol of Vite's HMR channel.
const VITE_HMR: &str = "vite-hmr";

/// Subprotocols and paths of sockets that dev servers and their clients keep busy by themselves.
const HMR_PROTOCOLS: [&str; 2] = [VITE_HMR, VITE_PING];
const HMR_PATHS: [&str; 3] = ["/_next/webpack-hmr", "/hot", "/message"];

/// What a request asks for.
#[derive(Debug, Clone)]
pub(crate) struct Ask {
    /// The method.
    pub(crate) method: Method,
    /// Host and port as the browser wrote them, in lower case, without a trailing dot.
    pub(crate) authority: String,
    /// The path, without the query.
    pub(crate) path: String,
    /// The query without our token; none when nothing is left.
    pub(crate) query: Option<String>,
    /// The token in the query.
    pub(crate) token: Option<String>,
    /// True when a person waits for a page.
    pub(crate) is_navigation: bool,
    /// What the browser will do with the answer (`Sec-Fetch-Dest`); none from other clients.
    pub(crate) dest: Option<String>,
    /// True for a WebSocket handshake.
    pub(crate) is_websocket: bool,
    /// True for the probes of an HMR client: not use, and no reason to wake anything.
    pub(crate) is_probe: bool,
    /// True for Vite's HMR channel.
    pub(crate) is_vite_hmr: bool,
    /// True for a socket whose messages are not a person's.
    pub(crate) is_hmr: bool,
    /// True when a page of another origin sent it without showing the answer to a person.
    pub(crate) is_foreign: bool,
    /// For finding it in the log.
    pub(crate) request_id: Option<RequestId>,
}

impl Ask {
    /// None when the request names no host.
    pub(crate) fn read(head: &Parts, scheme: Scheme) -> Option<Self> {
        let authority = normal_authority(request_authority(head)?);
        let headers = &head.headers;
        let (query, token) = split_token(head.uri.query().unwrap_or_default());
        let path = head.uri.path().to_owned();
        let is_websocket = is_websocket(head);
        let protocol = text(headers, &SEC_WEBSOCKET_PROTOCOL).unwrap_or_default();
        let is_navigation = is_navigation(head);
        Some(Self {
            method: head.method.clone(),
            is_probe: protocol == VITE_PING || path.ends_with("/__vite_ping"),
            is_vite_hmr: protocol == VITE_HMR,
            is_hmr: HMR_PROTOCOLS.contains(&protocol) || HMR_PATHS.contains(&path.as_str()),
            is_foreign: is_foreign(headers, &own_origin(scheme, &authority), is_navigation, is_websocket),
            authority,
            path,
            query,
            token,
            is_navigation,
            dest: text(headers, &SEC_FETCH_DEST).map(str::to_owned),
            is_websocket,
            request_id: head.extensions.get::<RequestId>().cloned(),
        })
    }

    /// Path and query for the guest or for a redirect: verbatim, but without our token.
    pub(crate) fn target(&self) -> String {
        match &self.query {
            Some(query) => format!("{}?{query}", self.path),
            None => self.path.clone(),
        }
    }
}

/// A page for a person: the browser says so, or a client that sends no fetch metadata prefers HTML.
pub(crate) fn is_navigation(head: &Parts) -> bool {
    if !matches!(head.method, Method::GET | Method::HEAD) {
        return false;
    }
    match text(&head.headers, &SEC_FETCH_MODE) {
        Some(mode) => mode == "navigate",
        None => text(&head.headers, &ACCEPT).is_some_and(|accept| accept.contains("text/html")),
    }
}

/// A WebSocket handshake (RFC 6455, 4.2.1), as far as its head tells.
pub(crate) fn is_websocket(head: &Parts) -> bool {
    let names = |name, token: &str| {
        head.headers
            .get_all(name)
            .iter()
            .filter_map(|line| line.to_str().ok())
            .flat_map(|line| line.split(','))
            .any(|item| item.trim().eq_ignore_ascii_case(token))
    };
    head.method == Method::GET && names(CONNECTION, "upgrade") && names(UPGRADE, "websocket")
}

/// Whether another origin's page uses the visitor's cookie here. Previews are same-site with each other, so the cookie
/// comes along; only navigations are theirs to make, and of those the frame policy decides.
pub(crate) fn is_foreign(headers: &HeaderMap, own: &str, is_navigation: bool, is_websocket: bool) -> bool {
    let is_own_origin = headers.get(ORIGIN).is_none_or(|origin| origin.as_bytes() == own.as_bytes());
    match text(headers, &SEC_FETCH_SITE) {
        _ if is_websocket => !is_own_origin,
        Some("same-origin" | "none") => false,
        Some(_) => !is_navigation,
        // Browsers say nothing of the kind to hosts they do not trust, and other programs never do.
        None => !is_navigation && !is_own_origin,
    }
}

/// The origin of our own at `authority`, as browsers write it.
pub(crate) fn own_origin(scheme: Scheme, authority: &str) -> String {
    let default = match scheme {
        Scheme::Http => ":80",
        Scheme::Https => ":443",
    };
    let host = authority.strip_suffix(default).unwrap_or(authority);
    format!("{}://{host}", scheme.as_str())
}

/// In lower case, without the dot that may end a host name.
pub(crate) fn normal_authority(authority: &str) -> String {
    let lower = authority.to_ascii_lowercase();
    match lower.split_once(':') {
        Some((host, port)) => format!("{}:{port}", host.trim_end_matches('.')),
        None => lower.trim_end_matches('.').to_owned(),
    }
}

/// The query without any token, and the first token.
fn split_token(query: &str) -> (Option<String>, Option<String>) {
    let token_of = |pair: &str| pair.strip_prefix(TOKEN_PARAM)?.strip_prefix('=').map(str::to_owned);
    let token = query.split('&').find_map(token_of);
    if token.is_none() {
        return ((!query.is_empty()).then(|| query.to_owned()), None);
    }
    let rest: Vec<&str> = query.split('&').filter(|pair| token_of(pair).is_none()).collect();
    let rest = rest.join("&");
    ((!rest.is_empty()).then_some(rest), token)
}

/// The value of a header, when it is text.
pub(crate) fn text<'a>(headers: &'a HeaderMap, name: &HeaderName) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

#[cfg(test)]
mod tests {
    use http::Request;

    use super::*;

    fn ask(method: &str, uri: &str, headers: &[(&str, &str)]) -> Ask {
        let mut request =
            Request::builder().method(method).uri(uri).header("host", "S.preview.localhost.:4400");
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let (head, ()) = request.body(()).unwrap().into_parts();
        Ask::read(&head, Scheme::Http).unwrap()
    }

    #[test]
    fn the_token_leaves_the_query_and_the_rest_stays_verbatim() {
        for (query, rest, token) in [
            ("?vitrine_token=1.a", None, Some("1.a")),
            ("?a=%20&vitrine_token=1.a&&b", Some("a=%20&&b"), Some("1.a")),
            ("?vitrine_token=1&vitrine_token=2&x", Some("x"), Some("1")),
            ("?a=1&b", Some("a=1&b"), None),
            ("", None, None),
            ("?xvitrine_token=1", Some("xvitrine_token=1"), None),
        ] {
            let ask = ask("GET", &format!("/p{query}"), &[]);
            assert_eq!((ask.query.as_deref(), ask.token.as_deref()), (rest, token), "{query}");
        }
    }

    #[test]
    fn a_navigation_is_what_a_person_waits_for() {
        let html = ("accept", "text/html,*/*;q=0.8");
        assert!(ask("GET", "/", &[html]).is_navigation);
        assert!(ask("HEAD", "/", &[("sec-fetch-mode", "navigate")]).is_navigation);
        assert!(!ask("POST", "/", &[html]).is_navigation);
        assert!(!ask("GET", "/", &[html, ("sec-fetch-mode", "cors")]).is_navigation);
        assert!(!ask("GET", "/", &[("accept", "*/*")]).is_navigation);
    }

    #[test]
    fn another_origins_request_is_foreign_unless_it_navigates() {
        let foreign = |headers: &[(&str, &str)]| ask("GET", "/", headers).is_foreign;
        assert!(!foreign(&[]));
        assert!(!foreign(&[("sec-fetch-site", "same-origin")]));
        assert!(foreign(&[("sec-fetch-site", "same-site"), ("sec-fetch-mode", "cors")]));
        assert!(foreign(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")]));
        assert!(!foreign(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(foreign(&[("origin", "http://t.preview.localhost:4400")]));
        assert!(foreign(&[("origin", "null")]));
        assert!(!foreign(&[("origin", "http://s.preview.localhost:4400")]));
    }

    #[test]
    fn a_socket_is_foreign_by_its_origin_alone() {
        let upgrade = [("connection", "keep-alive, Upgrade"), ("upgrade", "WebSocket")];
        let with = |more: (&'static str, &'static str)| ask("GET", "/", &[upgrade[0], upgrade[1], more]);
        assert!(with(("origin", "http://s.preview.localhost:4400")).is_websocket);
        assert!(!with(("origin", "http://s.preview.localhost:4400")).is_foreign);
        for origin in
            ["https://s.preview.localhost:4400", "http://s.preview.localhost", "null", "http://evil"]
        {
            assert!(with(("origin", origin)).is_foreign, "{origin}");
        }
    }
}
