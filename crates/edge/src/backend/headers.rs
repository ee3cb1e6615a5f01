//! Which headers pass between a visitor and the back end. The app's own cookies and `Authorization` do: they are its
//! sign-in there. What Vitrine says about a request cannot be said by anybody else.

use http::header::{
    self, CACHE_CONTROL, CONTENT_LOCATION, HOST, HeaderMap, HeaderName, HeaderValue, InvalidHeaderValue,
    LOCATION, X_CONTENT_TYPE_OPTIONS,
};

use super::Visitor;
use super::config::BackendConfig;
use super::target::Mapping;
use crate::cookie;
use crate::headers::{next_hop, remove_where, strip_hop_by_hop, strip_provenance};

/// Names under which frameworks take another path, or environment variable, than the request's (`Proxy` becomes
/// `HTTP_PROXY` under CGI).
const MISLEADING: [HeaderName; 3] = [
    HeaderName::from_static("x-original-url"),
    HeaderName::from_static("x-rewrite-url"),
    HeaderName::from_static("proxy"),
];

/// More names for who a visitor is said to be.
const CLAIMED_ADDRESSES: [HeaderName; 3] = [
    HeaderName::from_static("x-cluster-client-ip"),
    HeaderName::from_static("x-original-forwarded-for"),
    HeaderName::from_static("fastly-client-ip"),
];

/// What would reach beyond the path of the back end: other apps of the same site (`Clear-Site-Data: "cookies"` clears
/// the whole registrable domain), the whole origin, or a proxy in front of Vitrine that takes orders in headers.
const NOT_FROM_THE_BACKEND: [HeaderName; 6] = [
    header::ALT_SVC,
    HeaderName::from_static("clear-site-data"),
    HeaderName::from_static("service-worker-allowed"),
    header::STRICT_TRANSPORT_SECURITY,
    HeaderName::from_static("x-accel-redirect"),
    HeaderName::from_static("x-sendfile"),
];

/// Whole families: only Vitrine speaks for itself, and no other origin is let in.
const PREFIXES_NOT_FROM_THE_BACKEND: [&str; 3] = ["x-vitrine-", "access-control-", "proxy-"];

/// Prepares a visitor's headers for the back end. Fails when what is known of the visitor is no header value.
pub(super) fn to_backend(
    headers: &mut HeaderMap,
    visitor: &Visitor<'_>,
    config: &BackendConfig,
    authority: &str,
) -> Result<(), InvalidHeaderValue> {
    next_hop(headers);
    strip_provenance(headers);
    for name in MISLEADING.iter().chain(&CLAIMED_ADDRESSES) {
        headers.remove(name);
    }
    // Without being announced, fields behind a body are not passed on: a back end that takes them for headers would let a
    // visitor say there what is taken out here.
    headers.remove(header::TRAILER);
    // WSGI and CGI read `X_Vitrine_App` and `X-Vitrine-App` as one name.
    remove_where(headers, |name| name.contains('_'));
    cookie::strip_ours(headers);
    headers.insert(HOST, HeaderValue::try_from(authority)?);
    headers.insert("x-forwarded-for", HeaderValue::try_from(visitor.peer.to_canonical().to_string())?);
    headers.insert("x-forwarded-proto", HeaderValue::from_static(visitor.scheme.as_str()));
    headers.insert("x-forwarded-host", HeaderValue::try_from(visitor.host)?);
    if config.strip_path {
        headers.insert("x-forwarded-prefix", HeaderValue::try_from(&config.path)?);
    }
    headers.insert("x-vitrine-app", HeaderValue::try_from(visitor.app.as_str())?);
    headers.insert("x-vitrine-app-slug", HeaderValue::try_from(visitor.slug)?);
    headers.insert("x-request-id", HeaderValue::try_from(visitor.request_id.as_str())?);
    for (name, _) in &config.add_headers {
        headers.remove(name);
    }
    for (name, value) in &config.add_headers {
        headers.append(name, value.clone());
    }
    Ok(())
}

/// Prepares the back end's headers for the visitor.
pub(super) fn from_backend(headers: &mut HeaderMap, mapping: &Mapping<'_>) {
    strip_hop_by_hop(headers);
    for name in &NOT_FROM_THE_BACKEND {
        headers.remove(name);
    }
    remove_where(headers, |name| PREFIXES_NOT_FROM_THE_BACKEND.iter().any(|prefix| name.starts_with(prefix)));
    cookie::tame_guest_cookies(headers);
    for name in [LOCATION, CONTENT_LOCATION] {
        rewrite(headers, name, mapping);
    }
    headers.insert(X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    // What says nothing about caching is somebody's data: no cache may guess how long it keeps.
    headers.entry(CACHE_CONTROL).or_insert(HeaderValue::from_static("no-store"));
}

/// An address that names the upstream becomes the one that the browser knows it by, or goes.
fn rewrite(headers: &mut HeaderMap, name: HeaderName, mapping: &Mapping<'_>) {
    let Some(address) = headers.get(&name).and_then(|value| value.to_str().ok()) else {
        return;
    };
    let Some(rest) = mapping.beyond_authority(address) else {
        return;
    };
    match mapping.public(rest).and_then(|public| HeaderValue::try_from(public).ok()) {
        Some(value) => _ = headers.insert(name, value),
        None => _ = headers.remove(name),
    }
}
