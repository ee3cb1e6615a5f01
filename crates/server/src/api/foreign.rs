//! Keeps pages of other origins from using a signed-in person's browser against the API.
//!
//! A cookie alone opens nothing that changes (the CSRF token is needed), and no answer can be read across origins. This
//! refuses the attempt itself, also where previews and published apps are on the builder's site, so that its cookie comes
//! along with what their pages send.

use axum::extract::Request;
use axum::http::{HeaderMap, HeaderName, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vitrine_model::problem::Code;

use super::problem::ApiError;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Answers 403 to whatever a browser says comes from a page of another origin, navigations included.
pub(crate) async fn refuse(request: Request, next: Next) -> Response {
    if is_foreign(request.headers()) {
        let detail = "Pages of another origin cannot use the API. Call it from a server, with a key.";
        return ApiError::new(Code::Forbidden, detail).into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap) -> bool {
    match headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        Some(b"same-origin" | b"none") => false,
        Some(_) => true,
        // Browsers say nothing of the kind to hosts they do not trust, and other programs never do.
        None => headers.get(header::ORIGIN).is_some_and(|origin| !is_host(origin.as_bytes(), headers)),
    }
}

fn is_host(origin: &[u8], headers: &HeaderMap) -> bool {
    let authority = origin.strip_prefix(b"http://").or_else(|| origin.strip_prefix(b"https://"));
    let host = headers.get(header::HOST).map(|host| host.as_bytes());
    authority.is_some_and(|authority| host.is_some_and(|host| host.eq_ignore_ascii_case(authority)))
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_another_origins_page_sends_is_foreign() {
        let foreign = |pairs: &[(&'static str, &'static str)]| {
            let pairs = pairs
                .iter()
                .map(|(name, value)| (HeaderName::from_static(name), HeaderValue::from_static(value)));
            is_foreign(&pairs.chain([(header::HOST, HeaderValue::from_static("localhost:4400"))]).collect())
        };
        assert!(!foreign(&[]), "a program");
        assert!(!foreign(&[("sec-fetch-site", "same-origin"), ("origin", "http://localhost:4400")]));
        assert!(!foreign(&[("sec-fetch-site", "none")]), "typed by a person");
        assert!(foreign(&[("sec-fetch-site", "same-site")]), "a preview beside the builder");
        assert!(foreign(&[("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")]));
        assert!(!foreign(&[("origin", "http://localhost:4400")]));
        assert!(foreign(&[("origin", "http://ses.preview.localhost:4400")]));
        assert!(foreign(&[("origin", "null")]));
    }
}
