//! The bridge: a script in the pages of previews that tells what happens in them. Here is how it gets into a page, and how
//! what it tells gets out; what it does is in `bridge/` of the repository, and the whole in `docs/preview-bridge.md`.

mod events;
mod inject;
mod place;
mod validators;

use std::io::Write as _;

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use http::header::{
    self, ACCEPT_ENCODING, ACCEPT_RANGES, CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_ENCODING,
    CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue,
    IF_MODIFIED_SINCE, IF_RANGE, LAST_MODIFIED, RANGE,
};
use http::{Method, Response, StatusCode};
use serde::Serialize;
use sha2::{Digest, Sha256};
use vitrine_model::SessionId;
use vitrine_sandbox::driver::PROJECT_DIR;

use crate::ask::Ask;
use crate::body::{self, Body};

pub(crate) use events::EVENTS_PATH;

/// Where a page loads the script from.
pub(crate) const SCRIPT_PATH: &str = "/.vitrine/bridge.js";

/// Characters of the hash that tells versions of the script apart, in its address and in validators.
const VERSION_CHARS: usize = 12;

/// What pages show to a person (Fetch, request destination); an `object` or `embed` is part of another page.
const PAGE_DESTINATIONS: [&str; 3] = ["document", "iframe", "frame"];

/// Say what a body is in bytes that are not these any more.
const OF_OTHER_BYTES: [HeaderName; 7] = [
    CONTENT_LENGTH,
    ACCEPT_RANGES,
    LAST_MODIFIED,
    HeaderName::from_static("content-md5"),
    HeaderName::from_static("digest"),
    HeaderName::from_static("content-digest"),
    HeaderName::from_static("repr-digest"),
];

/// What is put into the pages of previews.
#[derive(Debug, Clone)]
pub struct BridgeConfig {
    /// The script. It finds its settings under the name `__vitrine`, see `bridge/src/settings.ts`.
    pub script: String,
    /// Pages of these origins may show a preview in a frame and hear what happens in it, besides the builder's own.
    pub origins: Vec<String>,
}

/// The script, and who may hear it.
pub(crate) struct Bridge {
    script: String,
    origins: Vec<String>,
    version: String,
}

/// What the script is told.
#[derive(Serialize)]
struct Settings<'a> {
    preview: &'a str,
    origins: &'a [String],
    project: &'a str,
}

/// A page that gets the script, if the answer turns out to be one.
pub(crate) struct Injection {
    method: Method,
    /// True when the browser has a page with this very version of the script, and asks whether that is good still.
    has_ours: bool,
}

impl Bridge {
    pub(crate) fn new(config: BridgeConfig, builder_origins: &[String]) -> Self {
        let origins = [builder_origins, &config.origins].concat();
        let mut hash = Sha256::new();
        hash.update(&config.script);
        for origin in &origins {
            hash.update([0]);
            hash.update(origin);
        }
        let mut version = hex(&hash.finalize());
        version.truncate(VERSION_CHARS);
        Self { script: config.script, origins, version }
    }

    /// The script for a session's pages. `query` is that of its address.
    pub(crate) fn script(
        &self,
        session: &SessionId,
        query: Option<&str>,
        asked: &HeaderMap,
    ) -> Response<Body> {
        let settings = Settings { preview: session.as_str(), origins: &self.origins, project: PROJECT_DIR };
        // Strings only, which is all that could fail.
        let settings = serde_json::to_string(&settings).unwrap_or_default();
        let script = format!("(function(__vitrine){{{}\n}})({settings});\n", self.script);
        let whole = script.clone() + &ignored_by_debuggers(&script);
        let zipped = takes_gzip(asked).then(|| gzip(whole.as_bytes())).flatten();
        let is_zipped = zipped.is_some();
        let mut response = Response::new(body::full(zipped.unwrap_or(whole.into_bytes())));
        let headers = response.headers_mut();
        headers.insert(header::VARY, HeaderValue::from_static("accept-encoding"));
        if is_zipped {
            headers.insert(CONTENT_ENCODING, HeaderValue::from_static("gzip"));
        }
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("text/javascript; charset=utf-8"));
        // A page of another version is about to be replaced itself.
        let is_this = query.and_then(|query| query.strip_prefix("v=")) == Some(self.version.as_str());
        let caching = if is_this { "private, max-age=31536000, immutable" } else { "no-store" };
        headers.insert(CACHE_CONTROL, HeaderValue::from_static(caching));
        headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
        headers.insert("cross-origin-resource-policy", HeaderValue::from_static("same-origin"));
        response
    }

    /// Prepares a request for a page so that its answer can be given the script; `None` for a request for anything else, which
    /// is not touched.
    pub(crate) fn prepare(&self, ask: &Ask, headers: &mut HeaderMap) -> Option<Injection> {
        let shows_page = |dest: &str| PAGE_DESTINATIONS.contains(&dest);
        if !ask.is_navigation || ask.is_websocket || !ask.dest.as_deref().is_none_or(shows_page) {
            return None;
        }
        // What is compressed cannot be written into, and a part of a page does not say which.
        headers.insert(ACCEPT_ENCODING, HeaderValue::from_static("identity"));
        headers.remove(RANGE);
        headers.remove(IF_RANGE);
        // A date would say that the page is the same when only the script is another.
        headers.remove(IF_MODIFIED_SINCE);
        let has_ours = validators::keep_ours(headers, &self.version);
        Some(Injection { method: ask.method.clone(), has_ours })
    }

    /// The answer with the script in it, if it is a page.
    pub(crate) fn inject(&self, injection: &Injection, response: Response<Body>) -> Response<Body> {
        let (mut head, mut body) = response.into_parts();
        if head.status == StatusCode::NOT_MODIFIED {
            if injection.has_ours {
                validators::mark(&mut head.headers, &self.version);
            }
            return Response::from_parts(head, body);
        }
        if !is_page(head.status, &head.headers) {
            return Response::from_parts(head, body);
        }
        for name in &OF_OTHER_BYTES {
            head.headers.remove(name);
        }
        validators::mark(&mut head.headers, &self.version);
        if injection.method != Method::HEAD {
            body = inject::injected(body, self.tag(&head.headers));
        }
        Response::from_parts(head, body)
    }

    fn tag(&self, headers: &HeaderMap) -> Bytes {
        // Short, and before `<meta charset>`: that has to be within the first 1,024 bytes (HTML, 4.2.5.4).
        let version = &self.version;
        let nonce = nonce_of(headers).map(|nonce| format!(" nonce=\"{nonce}\"")).unwrap_or_default();
        Bytes::from(format!("<script src=\"{SCRIPT_PATH}?v={version}\"{nonce}></script>"))
    }
}

/// True for whole HTML that a browser shows, in bytes that can be read as ASCII.
fn is_page(status: StatusCode, headers: &HeaderMap) -> bool {
    let is = |name: HeaderName, test: fn(&str) -> bool| {
        headers
            .get(name)
            .is_some_and(|value| value.to_str().is_ok_and(|text| test(&text.to_ascii_lowercase())))
    };
    let has_body = status != StatusCode::PARTIAL_CONTENT && status != StatusCode::NO_CONTENT;
    has_body
        && is(CONTENT_TYPE, |kind| {
            let essence = kind.split(';').next().unwrap_or_default().trim();
            essence == "text/html" && !kind.contains("utf-16") && !kind.contains("utf-32")
        })
        && (!headers.contains_key(CONTENT_ENCODING)
            || is(CONTENT_ENCODING, |coding| coding.trim() == "identity"))
        && !is(CONTENT_DISPOSITION, |disposition| disposition.trim_start().starts_with("attachment"))
}

/// The nonce by which the app's own policy lets scripts run, so that ours may run too.
fn nonce_of(headers: &HeaderMap) -> Option<&str> {
    let policies = headers.get_all(CONTENT_SECURITY_POLICY).iter().filter_map(|line| line.to_str().ok());
    policies.flat_map(|line| line.split(',')).find_map(|policy| {
        let directive = |wanted: &str| {
            policy.split(';').map(str::trim).find(|directive| {
                directive
                    .split_ascii_whitespace()
                    .next()
                    .is_some_and(|name| name.eq_ignore_ascii_case(wanted))
            })
        };
        let of_scripts = ["script-src-elem", "script-src", "default-src"].into_iter().find_map(directive)?;
        of_scripts.split_ascii_whitespace().find_map(|source| {
            let nonce = source.strip_prefix("'nonce-")?.strip_suffix('\'')?;
            // It goes into an attribute (CSP 3, `base64-value`).
            let is_plain = |b: u8| b.is_ascii_alphanumeric() || b"+/-_=".contains(&b);
            (!nonce.is_empty() && nonce.bytes().all(is_plain)).then_some(nonce)
        })
    })
}

/// Every browser does; who refuses it with a weight of 0 is none.
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers.get(ACCEPT_ENCODING).and_then(|codings| codings.to_str().ok()).unwrap_or_default();
    codings.split(',').any(|coding| coding.trim() == "gzip")
}

/// Once for each browser and version, in less than a millisecond.
fn gzip(bytes: &[u8]) -> Option<Vec<u8>> {
    let mut encoder = GzEncoder::new(Vec::with_capacity(bytes.len() / 2), Compression::default());
    encoder.write_all(bytes).ok()?;
    encoder.finish().ok()
}

/// A source map that says of every line that it is nobody's to look at (ECMA-426, `ignoreList`): a browser's console then
/// shows a call where the app made it, and not where it passed through here.
fn ignored_by_debuggers(script: &str) -> String {
    let mappings = vec!["AAAA"; script.lines().count()].join(";");
    let map = serde_json::json!({
        "version": 3,
        "sources": ["bridge.js"],
        "sourcesContent": ["// The bridge of Vitrine's previews"],
        "names": [],
        "mappings": mappings,
        "ignoreList": [0],
        "x_google_ignoreList": [0],
    });
    format!("//# sourceMappingURL=data:application/json;base64,{}\n", STANDARD.encode(map.to_string()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &'static str)]) -> HeaderMap {
        let pair = |(name, value): &(&'static str, &'static str)| {
            (HeaderName::from_static(name), HeaderValue::from_static(value))
        };
        pairs.iter().map(pair).collect()
    }

    #[test]
    fn whole_uncompressed_html_is_a_page_and_nothing_else_is() {
        let kind = |value| [("content-type", value)];
        for page in ["text/html", "Text/HTML; charset=utf-8", "text/html;charset=iso-8859-1"] {
            assert!(is_page(StatusCode::OK, &headers(&kind(page))), "{page}");
        }
        assert!(is_page(StatusCode::INTERNAL_SERVER_ERROR, &headers(&kind("text/html"))));
        for other in ["text/plain", "application/xhtml+xml", "text/html; charset=UTF-16LE", "text/htmlx", ""]
        {
            assert!(!is_page(StatusCode::OK, &headers(&kind(other))), "{other}");
        }
        assert!(!is_page(StatusCode::PARTIAL_CONTENT, &headers(&kind("text/html"))));
        let html = ("content-type", "text/html");
        assert!(!is_page(StatusCode::OK, &headers(&[html, ("content-encoding", "br")])));
        assert!(!is_page(
            StatusCode::OK,
            &headers(&[html, ("content-disposition", "Attachment; filename=a.html")])
        ));
        assert!(!is_page(StatusCode::OK, &HeaderMap::new()));
    }

    #[test]
    fn the_nonce_of_the_apps_own_policy_is_found_and_nothing_that_would_leave_the_attribute() {
        let found = |policy: &'static str| {
            nonce_of(&headers(&[("content-security-policy", policy)])).map(str::to_owned)
        };
        assert_eq!(
            found("default-src 'self'; Script-Src 'strict-dynamic' 'nonce-aB+/9_-='").as_deref(),
            Some("aB+/9_-=")
        );
        assert_eq!(found("frame-ancestors 'self', default-src 'nonce-x'").as_deref(), Some("x"));
        assert_eq!(found("script-src 'self'; default-src 'nonce-x'"), None);
        assert_eq!(found("script-src 'nonce-\"onload=alert(1)'"), None);
        assert_eq!(found("style-src 'nonce-x'"), None);
    }

    #[test]
    fn another_script_or_another_origin_is_another_version() {
        let version = |script: &str, origins: &[&str]| {
            let origins = origins.iter().map(|origin| (*origin).to_owned()).collect();
            Bridge::new(BridgeConfig { script: script.to_owned(), origins }, &["http://a".to_owned()]).version
        };
        assert_eq!(version("1", &[]), version("1", &[]));
        assert_ne!(version("1", &[]), version("2", &[]));
        assert_ne!(version("1", &[]), version("1", &["http://b"]));
        assert_ne!(version("1", &["http://b", "http://c"]), version("1", &["http://bhttp://c"]));
    }
}
