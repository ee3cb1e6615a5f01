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
use vitrine_model::problem::Code;
use vitrine_store::Idempotency;

use super::access::Rule;
use super::extract::read_body;
use super::problem::{ApiError, ApiResult};
use super::{incoming, throttle};
use crate::auth::Caller;
use crate::services::Services;

const HEADER: &str = "idempotency-key";

/// Tells that an answer was given before.
pub(super) const REPLAYED: &str = "idempotent-replayed";

/// Bytes in a key.
const MOST_KEY_BYTES: usize = 255;

/// A first answer larger than this is not kept, and a repeat is refused instead of replayed. Answers to what changes
/// something name what was changed; this is some hundred times as long.
const MOST_KEPT_BYTES: usize = 64 * 1024;

/// Rides along with an answer that holds a secret nobody stores: it is not kept, and a repeat is refused.
#[derive(Debug, Clone, Copy)]
pub(crate) struct ShownOnce;

/// Runs a mutation once per key. Only finished answers are kept: after a fault of ours the caller may try again.
pub(crate) async fn replay(State(services): State<Arc<Services>>, request: Request, next: Next) -> Response {
    let extensions = request.extensions();
    let rule = extensions.get::<&Rule>().copied().filter(|rule| is_kept(rule.operation));
    let key = request.headers().get(HEADER).cloned();
    let (false, Some(rule), Some(key), Some(caller)) =
        (request.method().is_safe(), rule, key, extensions.get::<Caller>().cloned())
    else {
        return next.run(request).await;
    };
    run_once(&services, &caller, (rule, key), request, next).await.unwrap_or_else(IntoResponse::into_response)
}

/// Whether a repeat is answered like the first call. Not where nothing is changed, and not where the body must leave no
/// trace, not even a hash that could be guessed at: such calls are idempotent by themselves. Nor where the answer goes on.
fn is_kept(operation: &str) -> bool {
    let reads = matches!(operation, "diff_files" | "validate_app");
    let leaves_no_trace = matches!(operation, "put_secret" | "delete_secret" | "set_password");
    // A stream is no answer that could be kept: whoever watches a command ends it by hanging up.
    let is_stream = operation == "exec_in_session";
    !(reads || leaves_no_trace || is_stream)
}

/// Whether the body is part of what a repeat is known by. A link's has its password in it; as its answer is never kept, a
/// repeat is refused whatever is in its body.
fn knows_body(operation: &str) -> bool {
    operation != "create_preview_link"
}

async fn run_once(
    services: &Services,
    caller: &Caller,
    (rule, key): (&Rule, HeaderValue),
    request: Request,
    next: Next,
) -> ApiResult<Response> {
    let key = key.to_str().ok().filter(|key| (1..=MOST_KEY_BYTES).contains(&key.len()));
    let detail = "An idempotency key has 1 to 255 visible ASCII characters.";
    let key = key.ok_or_else(|| ApiError::new(Code::InvalidRequest, detail))?.to_owned();
    services.limits.check_idempotency_key(&caller.scope).map_err(throttle::too_many)?;
    let (parts, body) = request.into_parts();
    let mut whole = Request::new(body);
    *whole.extensions_mut() = parts.extensions.clone();
    let body = read_body(whole, incoming::most_bytes(rule)).await?;
    let known = if knows_body(rule.operation) { &body[..] } else { &[] };
    let fingerprint = fingerprint(parts.method.as_str(), &parts.uri.to_string(), known);
    match services.store.begin_idempotent(&caller.scope, &key, fingerprint).await? {
        Idempotency::Fresh => {}
        Idempotency::Replay { status, body, content_type } => return Ok(kept(status, body, &content_type)),
        Idempotency::InFlight => {
            return Err(refused("The first request with this key still runs, or its answer was not kept."));
        }
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
    let is_short = body.len() <= MOST_KEPT_BYTES;
    if is_short && !is_shown_once && services.limits.may_keep(&caller.scope, body.len()) {
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
