//! `Idempotency-Key`: a repeated mutation answers what the first one did.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use vitrine_model::Sha256;
use vitrine_model::hash::Sha256Hasher;
use vitrine_model::limits::MAX_ARCHIVE_BYTES;
use vitrine_model::problem::Code;
use vitrine_store::Idempotency;

use super::extract::read_body;
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

const HEADER: &str = "idempotency-key";

/// Tells that an answer was given before.
pub(super) const REPLAYED: &str = "idempotent-replayed";

/// Bytes in a key.
const MOST_KEY_BYTES: usize = 255;

/// A first answer larger than this is not kept, and a repeat is refused instead of replayed.
const MOST_KEPT_BYTES: usize = 1024 * 1024;

/// Rides along with an answer that holds a secret nobody stores: it is not kept, and a repeat is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownOnce;

/// Runs a mutation once per key. Only finished answers are kept: after a fault of ours the caller may try again.
pub(crate) async fn replay(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    if request.method().is_safe() || is_confidential(request.uri().path()) {
        return next.run(request).await;
    }
    let (Some(key), Some(caller)) =
        (request.headers().get(HEADER).cloned(), request.extensions().get().cloned())
    else {
        return next.run(request).await;
    };
    run_once(&services, &caller, key, request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Calls whose body must leave no trace, not even a hash that could be guessed at. They are idempotent by themselves.
fn is_confidential(path: &str) -> bool {
    path.split('/').any(|segment| segment == "secrets")
}

async fn run_once(
    services: &Services,
    caller: &Caller,
    key: HeaderValue,
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    let key = key.to_str().ok().filter(|key| (1..=MOST_KEY_BYTES).contains(&key.len()));
    let detail = "An idempotency key has 1 to 255 visible ASCII characters.";
    let key = key.ok_or_else(|| ApiError::new(Code::InvalidRequest, detail))?.to_owned();
    let (parts, body) = request.into_parts();
    let body = read_body(Request::new(body), MAX_ARCHIVE_BYTES as usize).await?;
    let fingerprint = fingerprint(parts.method.as_str(), &parts.uri.to_string(), &body);
    match services.store.begin_idempotent(&caller.scope, &key, fingerprint).await? {
        Idempotency::Fresh => {}
        Idempotency::Replay { status, body, content_type } => return Ok(kept(status, body, &content_type)),
        Idempotency::InFlight => return Err(refused("The first request with this key is still running.")),
        Idempotency::Mismatch => {
            return Err(refused("This key came with another request before; use a new one."));
        }
    }
    let response = next.run(Request::from_parts(parts, Body::from(body))).await;
    keep(services, caller, &key, response).await
}

/// Marks an answer that must not be kept.
pub(super) fn shown_once(mut response: Response) -> Response {
    response.extensions_mut().insert(ShownOnce);
    response
}

fn refused(detail: &str) -> ApiError {
    ApiError::new(Code::IdempotencyConflict, detail)
}

async fn keep(services: &Services, caller: &Caller, key: &str, response: Response) -> ApiResult<Response> {
    if !response.status().is_success() {
        services.store.abandon_idempotent(&caller.scope, key).await?;
        return Ok(response);
    }
    let is_shown_once = response.extensions().get::<ShownOnce>().is_some();
    let (parts, body) = response.into_parts();
    let body = axum::body::to_bytes(body, usize::MAX).await.map_err(|error| ApiError::internal(&error))?;
    if body.len() <= MOST_KEPT_BYTES && !is_shown_once {
        let kind =
            parts.headers.get(header::CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
        let status = parts.status.as_u16();
        services.store.finish_idempotent(&caller.scope, key, status, body.clone(), kind).await?;
    }
    Ok(Response::from_parts(parts, Body::from(body)))
}

fn kept(status: u16, body: Bytes, content_type: &str) -> Response {
    let status = StatusCode::from_u16(status).unwrap_or(StatusCode::OK);
    let mut response = (status, body).into_response();
    response.headers_mut().remove(header::CONTENT_TYPE);
    if let Ok(value) = HeaderValue::from_str(content_type)
        && !content_type.is_empty()
    {
        response.headers_mut().insert(header::CONTENT_TYPE, value);
    }
    response.headers_mut().insert(REPLAYED, HeaderValue::from_static("true"));
    response
}

fn fingerprint(method: &str, uri: &str, body: &[u8]) -> Sha256 {
    let mut hasher = Sha256Hasher::default();
    hasher.update(method.as_bytes());
    hasher.update(b" ");
    hasher.update(uri.as_bytes());
    hasher.update(b"\n");
    hasher.update(body);
    hasher.finish()
}
