//! Holds back who sends too much: 429 with `Retry-After`, before anything is done.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vitrine_model::problem::Code;

use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::limits::{Class, TooMany};
use crate::services::Services;

/// The limits on addresses, for every request to the builder's host. Requests that came over no socket have no address.
pub(crate) async fn by_address(
    State(services): State<Arc<Services>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(peer) = request.extensions().get::<SocketAddr>() {
        let client = services.auth.client_address(Some(peer.ip()), request.headers());
        let class = Class::of(request.method(), request.uri().path());
        if let Some(Err(refused)) = client.map(|client| services.limits.check_address(client, class)) {
            return too_many(refused).into_response();
        }
    }
    next.run(request).await
}

/// The limits on a user whose call this is. Asked before the call is recorded or refused for another reason: whoever sends
/// too much costs no transaction.
pub(super) fn check_caller(services: &Services, caller: &Caller, request: &Request) -> ApiResult<()> {
    let class = Class::of(request.method(), request.uri().path());
    services.limits.check_caller(&caller.scope, class).map_err(too_many)
}

/// What somebody is told who sends too much.
pub(super) fn too_many(refused: TooMany) -> ApiError {
    let secs = refused.retry_after_secs;
    let detail = format!("These are {refused}. Try again in {secs} s, and send requests more evenly.");
    ApiError::new(Code::RateLimited, detail).with_retry_after(secs)
}
