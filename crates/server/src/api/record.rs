//! The audit log's entries: written after an operation and before its answer leaves.

use std::sync::Arc;

use axum::extract::{FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use vitrine_model::audit::AuditFacts;
use vitrine_model::identity::Actor;
use vitrine_model::problem::Code;
use vitrine_model::{AppId, RequestId, TenantId};

use super::access::Rule;
use super::problem::{ApiError, ApiResult};
use super::{gate, idempotency};
use crate::auth::Caller;
use crate::services::Services;

/// Bytes of a target: ids are short, and a log is no place for what somebody else makes up.
const MOST_TARGET_BYTES: usize = 512;

/// Something worth knowing that the path does not say, which a handler adds to its response.
#[derive(Clone)]
pub(super) struct AuditNote(pub(super) String);

/// Runs an operation, or refuses it, and writes down that it did. Whoever hangs up does not stop it: see
/// [`super::run_to_end`].
pub(super) async fn run(
    services: Arc<Services>,
    caller: Caller,
    rule: &'static Rule,
    admitted: ApiResult<()>,
    (request, next): (Request, Next),
) -> Response {
    let visit = Visit::of(&services, &request);
    let target = cut(request.uri().path());
    let app = gate::app_of(&request).and_then(|app| app.parse().ok());
    let response = match admitted {
        Ok(()) => next.run(request).await,
        Err(error) => error.into_response(),
    };
    // What a repeated request is answered with was written down when it was done.
    if response.headers().contains_key(idempotency::REPLAYED) {
        return response;
    }
    let made = response.headers().get(header::LOCATION).and_then(|value| value.to_str().ok());
    let app = app.or_else(|| made.and_then(made_app));
    let deed = Deed {
        operation: rule.operation,
        target: made.map_or(target, cut),
        app,
        status: response.status().as_u16(),
        note: response.extensions().get::<AuditNote>().map(|note| note.0.clone()),
    };
    match append(&services, &caller.scope.tenant, caller.actor, &visit, deed).await {
        Ok(()) => response,
        Err(error) => error.into_response(),
    }
}

/// What somebody did.
pub(super) struct Deed {
    pub(super) operation: &'static str,
    pub(super) target: String,
    pub(super) app: Option<AppId>,
    pub(super) status: u16,
    pub(super) note: Option<String>,
}

/// Appends to a tenant's log.
pub(super) async fn append(
    services: &Services,
    tenant: &TenantId,
    actor: Actor,
    visit: &Visit,
    deed: Deed,
) -> ApiResult<()> {
    let facts = AuditFacts {
        at: services.clock.now(),
        actor,
        operation: deed.operation.to_owned(),
        target: deed.target,
        app: deed.app,
        status: deed.status,
        from: visit.from.clone(),
        request_id: visit.request_id.clone(),
        note: deed.note,
    };
    services.store.append_audit(tenant, &facts).await.map(drop).map_err(|error| {
        tracing::error!(%error, operation = deed.operation, "an operation was not written into the audit log");
        let detail = "The operation was answered, but could not be written into the audit log: look before you try again.";
        ApiError::new(Code::Internal, detail)
    })
}

/// Where a request comes from and what it is called.
pub(super) struct Visit {
    /// The client's address.
    pub(super) from: Option<String>,
    /// The client's address, to count by.
    pub(super) address: Option<std::net::IpAddr>,
    request_id: String,
}

impl Visit {
    fn of(services: &Services, request: &Request) -> Self {
        let id = request.extensions().get::<RequestId>();
        Self::new(services, gate::peer_of(request), request.headers(), id)
    }

    fn new(
        services: &Services,
        peer: Option<std::net::IpAddr>,
        headers: &HeaderMap,
        id: Option<&RequestId>,
    ) -> Self {
        let address = services.auth.client_address(peer, headers);
        let request_id = id.map(ToString::to_string).unwrap_or_default();
        Self { from: address.map(|address| address.to_string()), address, request_id }
    }
}

/// For the operations that find out themselves who calls.
impl FromRequestParts<Arc<Services>> for Visit {
    type Rejection = std::convert::Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        services: &Arc<Services>,
    ) -> Result<Self, Self::Rejection> {
        let peer = parts.extensions.get::<std::net::SocketAddr>().map(std::net::SocketAddr::ip);
        Ok(Self::new(services, peer, &parts.headers, parts.extensions.get()))
    }
}

/// The app in the address of what was made.
fn made_app(location: &str) -> Option<AppId> {
    location.strip_prefix("/v1/apps/")?.split('/').next()?.parse().ok()
}

fn cut(text: &str) -> String {
    let mut end = text.len().min(MOST_TARGET_BYTES);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or_default().to_owned()
}
