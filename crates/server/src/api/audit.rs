//! The audit log as a resource: read by pages, written out whole, checked.

use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::State;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures::stream;
use serde::Deserialize;
use utoipa::IntoParams;
use vitrine_model::app::Page;
use vitrine_model::audit::{AuditEntry, AuditVerdict};
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, KeyId, Timestamp, UserId};
use vitrine_store::{AuditFilter, Scope, Store, StoreError};

use super::extract::Query;
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::services::Services;

/// Items of a page when the caller does not say.
const DEFAULT_LIMIT: u32 = 50;

/// Most items of a page.
const MOST_ITEMS: u32 = 200;

/// Entries that are read at a time when the whole log is written out.
const EXPORTED_AT_ONCE: u32 = 500;

/// Which entries, and which page of them.
#[derive(Default, Deserialize, IntoParams)]
#[into_params(parameter_in = Query)]
#[serde(deny_unknown_fields, default)]
pub(crate) struct AuditQuery {
    /// How many items, at most 200.
    limit: Option<u32>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
    /// Of this person, `usr_…`, or made with this key, `key_…`.
    actor: Option<String>,
    /// This operation, as the API's description names it.
    operation: Option<String>,
    /// About this app.
    app: Option<AppId>,
    /// At this time or later.
    since: Option<Timestamp>,
    /// Before this time.
    until: Option<Timestamp>,
}

impl AuditQuery {
    fn filter(&self) -> ApiResult<AuditFilter> {
        let (user, key) = match &self.actor {
            None => (None, None),
            Some(actor) => match (actor.parse::<UserId>(), actor.parse::<KeyId>()) {
                (Ok(user), _) => (Some(user), None),
                (_, Ok(key)) => (None, Some(key)),
                _ => return Err(ApiError::new(Code::InvalidRequest, "`actor` is `usr_…` or `key_…`.")),
            },
        };
        let (operation, app) = (self.operation.clone(), self.app.clone());
        Ok(AuditFilter { user, key, operation, app, since: self.since, until: self.until })
    }
}

/// What was done in the tenant, the newest first.
#[utoipa::path(get, path = "/v1/audit", tag = "audit", params(AuditQuery),
    responses((status = 200, body = Page<AuditEntry>), (status = 400, body = Problem), (status = 403, body = Problem)))]
pub(crate) async fn list_audit(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AuditQuery>,
) -> ApiResult<axum::Json<Page<AuditEntry>>> {
    let limit = match query.limit.unwrap_or(DEFAULT_LIMIT) {
        limit @ 1..=MOST_ITEMS => limit,
        _ => return Err(ApiError::new(Code::InvalidRequest, format!("`limit` is 1 to {MOST_ITEMS}."))),
    };
    let page = services.store.audit(&caller.scope, &query.filter()?, limit, query.cursor.as_deref()).await?;
    Ok(axum::Json(page))
}

/// The log as one JSON object per line, the oldest first: to keep it somewhere else, or to search it with other tools.
#[utoipa::path(get, path = "/v1/audit/export", tag = "audit", params(AuditQuery),
    responses((status = 200, body = AuditEntry, content_type = "application/x-ndjson"), (status = 400, body = Problem),
        (status = 403, body = Problem)))]
pub(crate) async fn export_audit(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Query(query): Query<AuditQuery>,
) -> ApiResult<Response> {
    let export =
        Export { store: services.store.clone(), scope: caller.scope, filter: query.filter()?, after: 0 };
    let lines = stream::try_unfold(Some(export), |export| async move {
        match export {
            Some(export) => export.piece().await,
            None => Ok::<_, StoreError>(None),
        }
    });
    Ok(([(header::CONTENT_TYPE, "application/x-ndjson")], Body::from_stream(lines)).into_response())
}

/// Whether every entry is as it was written, none is missing, and the last one is the last that was written. One log is
/// checked at a time.
#[utoipa::path(get, path = "/v1/audit/verify", tag = "audit",
    responses((status = 200, body = AuditVerdict), (status = 403, body = Problem), (status = 429, body = Problem)))]
pub(crate) async fn verify_audit(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
) -> ApiResult<axum::Json<AuditVerdict>> {
    let _turn = services.limits.at_once().verifying_turn().await?;
    Ok(axum::Json(services.store.verify_audit(&caller.scope).await?))
}

/// A log on its way out, and how far it is.
struct Export {
    store: Store,
    scope: Scope,
    filter: AuditFilter,
    after: u64,
}

impl Export {
    /// The next lines, and what comes after them.
    async fn piece(mut self) -> Result<Option<(Bytes, Option<Self>)>, StoreError> {
        let entries = self.store.audit_after(&self.scope, &self.filter, self.after, EXPORTED_AT_ONCE).await?;
        let Some(last) = entries.last() else { return Ok(None) };
        self.after = last.seq;
        let is_end = entries.len() < EXPORTED_AT_ONCE as usize;
        let mut lines = Vec::new();
        for entry in &entries {
            serde_json::to_writer(&mut lines, entry)
                .map_err(|error| StoreError::Corrupt(error.to_string()))?;
            lines.push(b'\n');
        }
        Ok(Some((lines.into(), (!is_end).then_some(self))))
    }
}
