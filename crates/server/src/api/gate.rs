//! The gate in front of everything that belongs to a tenant: who calls, whether they may, and a note that they did.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use axum::extract::{MatchedPath, Request, State};
use axum::http::HeaderMap;
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use vitrine_model::Role;
use vitrine_model::problem::Code;

use super::access::{AccessTable, Found, Rule, Who};
use super::problem::{ApiError, ApiResult};
use super::vouch::Vouch;
use super::{record, throttle};
use crate::auth::{AuthError, Caller};
use crate::services::Services;

/// What the gate knows.
pub(super) struct Gate {
    services: Arc<Services>,
    table: AccessTable,
}

impl Gate {
    pub(super) fn new(services: Arc<Services>) -> Arc<Self> {
        Arc::new(Self { services, table: AccessTable::of(&super::document()) })
    }
}

/// Lets a request in with its [`Caller`], its row and its [`Vouch`], or answers it.
pub(super) async fn enter(State(gate): State<Arc<Gate>>, mut request: Request, next: Next) -> Response {
    let peer = peer_of(&request);
    let caller = gate.services.auth.authenticate(request.method(), request.headers(), peer).await;
    let known = caller.map_err(ApiError::from).and_then(|caller| {
        throttle::check_caller(&gate.services, &caller, &request)?;
        Ok((caller, gate.rule(&request)?))
    });
    let (caller, rule) = match known {
        Ok(known) => known,
        Err(error) => return error.into_response(),
    };
    let admitted = admit(&caller, rule, app_of(&request));
    let vouch = Vouch::new(gate.services.clone(), &request, rule, caller.clone());
    let extensions = request.extensions_mut();
    extensions.insert(caller.clone());
    extensions.insert(rule);
    extensions.insert(vouch);
    match rule.is_recorded {
        true => record::run(gate.services.clone(), caller, rule, admitted, (request, next)).await,
        false => match admitted {
            Ok(()) => next.run(request).await,
            Err(error) => error.into_response(),
        },
    }
}

impl Gate {
    fn rule(&self, request: &Request) -> ApiResult<&'static Rule> {
        let path = request.extensions().get::<MatchedPath>().map(MatchedPath::as_str).unwrap_or_default();
        match self.table.find(request.method(), path) {
            Found::Rule(rule) => Ok(rule),
            Found::WrongMethod => {
                Err(ApiError::new(Code::MethodNotAllowed, "See /openapi.json for what this path takes."))
            }
            Found::Nothing => {
                tracing::error!(path, "an operation without a row in the access table was refused");
                Err(ApiError::new(Code::Forbidden, "Nobody may call this."))
            }
        }
    }
}

/// Whether the caller may call what the row is about, and name the app that the path names.
pub(super) fn admit(caller: &Caller, rule: &Rule, app: Option<&str>) -> ApiResult<()> {
    let needed = match rule.who {
        Who::Open => Role::Viewer,
        Who::Member(role) => role,
        Who::Operator if caller.is_operator() => Role::Owner,
        Who::OperatorsBrowser if caller.runs_server => Role::Owner,
        Who::Operator => {
            let detail = "This is for whoever runs the server: call it with the server's admin key.";
            return Err(ApiError::new(Code::Forbidden, detail));
        }
        Who::OperatorsBrowser => {
            let detail = "This is for whoever runs the server: call it with the server's admin key, or sign in with that.";
            return Err(ApiError::new(Code::Forbidden, detail));
        }
    };
    match app {
        Some(app) if !caller.may_name(app) => return Err(ApiError::not_found("app")),
        None if caller.apps.is_some() && !rule.is_for_limited_keys => {
            let detail = "This key is for some apps alone, and this is about the whole tenant.";
            return Err(ApiError::new(Code::Forbidden, detail));
        }
        _ => {}
    }
    match caller.role >= needed {
        true => Ok(()),
        false => {
            let detail = format!("This needs the role `{needed}`; you are `{}` here.", caller.role);
            Err(ApiError::new(Code::Forbidden, detail))
        }
    }
}

/// What stands in the place of `{app}`, as it was sent.
pub(super) fn app_of(request: &Request) -> Option<&str> {
    let matched = request.extensions().get::<MatchedPath>()?.as_str();
    let mut segments = matched.split('/').zip(request.uri().path().split('/'));
    segments.find(|(name, _)| *name == "{app}").map(|(_, value)| value)
}

/// The address at the other end of the connection.
pub(super) fn peer_of(request: &Request) -> Option<IpAddr> {
    request.extensions().get::<SocketAddr>().map(SocketAddr::ip)
}

/// Refuses a browser's request that another site's page made, for calls that need no caller.
pub(super) fn check_origin(services: &Services, headers: &HeaderMap) -> ApiResult<()> {
    Ok(services.auth.check_origin(headers)?)
}

impl From<AuthError> for ApiError {
    fn from(error: AuthError) -> Self {
        let code = match &error {
            AuthError::Unauthenticated => Code::Unauthenticated,
            AuthError::CsrfMissing | AuthError::ForeignOrigin | AuthError::NoTenant => Code::Forbidden,
            AuthError::Suspended => Code::TenantSuspended,
            AuthError::NoSuchTenant => Code::NotFound,
            AuthError::HostKeysUnavailable => Code::HostKeysUnavailable,
            AuthError::Store(error) => return Self::internal(error),
        };
        Self::new(code, format!("Refused: {error}."))
    }
}
