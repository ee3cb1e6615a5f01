//! The builder page, embedded into the binary.

use axum::extract::Request;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse, Response};
use rust_embed::{EmbeddedFile, RustEmbed};
use vitrine_model::problem::Code;

use super::problem::ApiError;

#[derive(RustEmbed)]
#[folder = "$CARGO_MANIFEST_DIR/../../web/dist"]
struct Files;

/// Only what the page needs: its own scripts and styles, and frames of its own previews. Styles may be inline, as the
/// code editor writes its own.
fn policy(preview_origin: &str) -> String {
    format!(
        "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data: blob:; \
         font-src 'self' data:; connect-src 'self'; frame-src {preview_origin}; base-uri 'none'; form-action 'self'; \
         frame-ancestors 'none'"
    )
}

/// Where the page may frame previews from, for example `http://*.preview.localhost:4400`.
#[derive(Clone)]
pub(crate) struct PreviewOrigins(pub(crate) String);

/// Serves the page's files; every other path that a browser navigates to is the page itself.
pub(crate) async fn serve(request: Request) -> Response {
    let path = request.uri().path().trim_start_matches('/');
    if path.starts_with("v1/") {
        return ApiError::new(Code::NotFound, "The API has nothing here; see /openapi.json.").into_response();
    }
    if request.method() != Method::GET && request.method() != Method::HEAD {
        return ApiError::new(Code::MethodNotAllowed, "This path only answers GET and HEAD.").into_response();
    }
    match Files::get(path).filter(|_| !path.is_empty()) {
        Some(file) => asset(path, file),
        None if !is_navigation(&request) => {
            ApiError::new(Code::NotFound, "There is nothing here.").into_response()
        }
        None => page(&request),
    }
}

fn asset(path: &str, file: EmbeddedFile) -> Response {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let caching = match path.starts_with("assets/") {
        true => "public, max-age=31536000, immutable",
        false => "no-cache",
    };
    ([(header::CONTENT_TYPE, kind.to_string()), (header::CACHE_CONTROL, caching.to_owned())], file.data)
        .into_response()
}

fn page(request: &Request) -> Response {
    let Some(file) = Files::get("index.html") else {
        let detail = "This binary was built without its pages: run `make build`. The API works.";
        return ApiError::new(Code::NotFound, detail).into_response();
    };
    let origins = request.extensions().get::<PreviewOrigins>().map_or("'none'", |origins| origins.0.as_str());
    let mut response = asset("index.html", file);
    if let Ok(value) = HeaderValue::from_str(&policy(origins)) {
        response.headers_mut().insert(header::CONTENT_SECURITY_POLICY, value);
    }
    response
}

fn is_navigation(request: &Request) -> bool {
    let accepts_html = |value: &HeaderValue| value.to_str().is_ok_and(|value| value.contains("text/html"));
    let has_extension = request.uri().path().rsplit('/').next().is_some_and(|name| name.contains('.'));
    request.headers().get(header::ACCEPT).is_some_and(accepts_html) || !has_extension
}
