//! Holds back who sends too much: 429 with `Retry-After`, before anything is done.

use std::net::SocketAddr;
use std::sync::Arc;

use axum::extract::{Request, State};
use axum::http::{HeaderValue, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vitrine_model::problem::Code;

use super::problem::ApiError;
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
            return too_many(refused);
        }
    }
    next.run(request).await
}

/// The limits on users, for requests whose caller is known.
pub(crate) async fn by_caller(
    State(services): State<Arc<Services>>,
    request: Request,
    next: Next,
) -> Response {
    if let Some(caller) = request.extensions().get::<Caller>() {
        let class = Class::of(request.method(), request.uri().path());
        if let Err(refused) = services.limits.check_caller(&caller.scope, class) {
            return too_many(refused);
        }
    }
    next.run(request).await
}

fn too_many(refused: TooMany) -> Response {
    let secs = refused.retry_after_secs;
    let detail = format!("These are {refused}. Try again in {secs} s, and send requests more evenly.");
    let mut response = ApiError::new(Code::RateLimited, detail).into_response();
    response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
    response
}
