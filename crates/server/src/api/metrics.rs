//! The server's figures, for Prometheus.

use std::sync::Arc;

use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, header};
use axum::response::{IntoResponse as _, Response};
use vitrine_model::problem::{Code, Problem};

use super::problem::ApiError;
use crate::metrics;
use crate::services::Services;

/// How many sandboxes there are, how long starts took, what was refused: in the text format of Prometheus. Opened by
/// `server.metrics_key` or the admin key, as a bearer token; neither a cookie nor a tenant's key opens it.
#[utoipa::path(get, path = "/metrics", tag = "operation",
    responses((status = 200, body = String, content_type = "text/plain"), (status = 401, body = Problem)))]
pub(crate) async fn get_metrics(State(services): State<Arc<Services>>, headers: HeaderMap) -> Response {
    if !services.auth.may_read_metrics(&headers) {
        let detail = "Send `server.metrics_key`, or the admin key, as a bearer token.";
        let mut refused = ApiError::new(Code::Unauthenticated, detail).into_response();
        refused.headers_mut().insert(header::WWW_AUTHENTICATE, HeaderValue::from_static("Bearer"));
        return refused;
    }
    ([(header::CONTENT_TYPE, metrics::CONTENT_TYPE)], metrics::page(&services).await).into_response()
}
