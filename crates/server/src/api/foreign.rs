//! Keeps pages of other origins from using a signed-in person's browser against the API.
//!
//! A cookie alone opens nothing that changes (the CSRF token is needed), and no answer can be read across origins. This
//! refuses the attempt itself, also where previews and published apps are on the builder's site, so that its cookie comes
//! along with what their pages send.

use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderMap, HeaderName};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vitrine_model::problem::Code;

use super::problem::ApiError;
use crate::auth::bearer_protocol;
use crate::services::Services;

const SEC_FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");

/// Answers 403 to whatever a browser says comes from a page of another origin, navigations included.
pub(crate) async fn refuse(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let headers = request.headers();
    // A page of a product that embeds this one shows a key of its own; nothing that a browser sends unasked counts then.
    let shows_key = bearer_protocol(headers).is_some();
    if !shows_key && is_foreign(headers, || services.auth.check_origin(headers).is_ok()) {
        let detail = "Pages of another origin cannot use the API. Call it from a server, with a key.";
        return ApiError::new(Code::Forbidden, detail).into_response();
    }
    next.run(request).await
}

fn is_foreign(headers: &HeaderMap, has_own_origin: impl FnOnce() -> bool) -> bool {
    match headers.get(SEC_FETCH_SITE).map(|site| site.as_bytes()) {
        Some(b"same-origin" | b"none") => false,
        Some(_) => true,
        // Browsers say nothing of the kind to hosts they do not trust, and other programs never do.
        None => !has_own_origin(),
    }
}

#[cfg(test)]
mod tests {
    use axum::http::HeaderValue;

    use super::*;

    #[test]
    fn what_another_origins_page_sends_is_foreign() {
        let foreign = |site: Option<&'static str>, is_own: bool| {
            let site = site.map(|site| (SEC_FETCH_SITE, HeaderValue::from_static(site)));
            is_foreign(&site.into_iter().collect(), || is_own)
        };
        assert!(!foreign(None, true), "a program");
        assert!(!foreign(Some("same-origin"), true));
        assert!(!foreign(Some("none"), true), "typed by a person");
        assert!(foreign(Some("same-site"), true), "a preview beside the builder");
        assert!(foreign(Some("cross-site"), true), "a link, a form, a picture");
        assert!(foreign(None, false), "an old browser that says which page it was");
    }
}
