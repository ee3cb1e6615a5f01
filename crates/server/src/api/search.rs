//! Search in a draft.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use serde::Deserialize;
use utoipa::IntoParams;
use vitrine_model::AppId;
use vitrine_model::problem::{Code, Problem};

use super::extract::{Path, Query};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::search::{InvalidPattern, Pattern, SearchResult, search};
use crate::services::Services;

/// Matches of one answer when the caller does not say.
const DEFAULT_MATCHES: usize = 200;

/// Matches of one answer at most: a megabyte when all of their lines are long.
const MOST_MATCHES: usize = 2_000;

/// What to search for, and how.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchQuery {
    /// What to search for, in at most 1,000 characters; within one line.
    query: String,
    /// Whether `query` is a regular expression: one without look-around and back references.
    #[serde(default)]
    regex: bool,
    /// Whether capitals matter.
    #[serde(default)]
    case_sensitive: bool,
    /// How many matches, at most 2,000; 200 when absent.
    limit: Option<usize>,
}

/// Finds a text or a regular expression in the draft's files, line by line. Files that are no text, or larger than 1 MiB, are
/// skipped; a search ends after two seconds or 64 MiB with what it has found.
#[utoipa::path(get, path = "/v1/apps/{app}/search", tag = "files", params(("app" = String, Path), SearchQuery),
    responses((status = 200, body = SearchResult), (status = 404, body = Problem), (status = 422, body = Problem),
        (status = 429, body = Problem)))]
pub(crate) async fn search_files(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<SearchQuery>,
) -> ApiResult<axum::Json<SearchResult>> {
    let draft = services.store.draft(&caller.scope, &app).await?;
    let limit = query.limit.unwrap_or(DEFAULT_MATCHES);
    if !(1..=MOST_MATCHES).contains(&limit) {
        return Err(ApiError::new(Code::InvalidRequest, format!("`limit` is 1 to {MOST_MATCHES}.")));
    }
    let pattern = Pattern::parse(&query.query, query.regex, query.case_sensitive)?;
    let _place = services.limits.at_once().search(&caller.scope)?;
    Ok(axum::Json(search(&services.store, &caller.scope, &draft, pattern, limit).await?))
}

impl From<InvalidPattern> for ApiError {
    fn from(error: InvalidPattern) -> Self {
        Self::new(Code::SearchInvalid, format!("Nothing was searched: {error}."))
    }
}
