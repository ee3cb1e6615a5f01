//! Extractors that answer bad input with a precise problem document.

use axum::extract::{FromRequest, FromRequestParts, Request};
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use bytes::Bytes;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vitrine_model::limits::MAX_JSON_BYTES;
use vitrine_model::path::ProjectPath;
use vitrine_model::problem::{Code, ProblemItem};

use super::problem::ApiError;
use super::vouch::Vouch;
use crate::limits::NoRoom;

/// When whoever found no room for their body may try again: uploads take seconds.
const RETRY_SECS: u64 = 5;

/// A JSON body of at most [`MAX_JSON_BYTES`].
pub(crate) struct Json<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequest<S> for Json<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, _: &S) -> Result<Self, ApiError> {
        check_is_json(request.headers())?;
        let body = read_body(request, MAX_JSON_BYTES).await?;
        serde_json::from_slice(&body).map(Self).map_err(|error| explain(&body, &error))
    }
}

/// Whether the head says that the body is JSON.
pub(crate) fn check_is_json(headers: &HeaderMap) -> Result<(), ApiError> {
    let is_json = headers.get(header::CONTENT_TYPE).is_some_and(|value| {
        let essence = value.to_str().unwrap_or_default().split(';').next().unwrap_or_default().trim();
        essence == "application/json" || (essence.starts_with("application/") && essence.ends_with("+json"))
    });
    match is_json {
        true => Ok(()),
        false => Err(ApiError::new(Code::UnsupportedMediaType, "Send `Content-Type: application/json`.")),
    }
}

/// A whole body of at most `limit` bytes, from somebody who may still send it when it is whole.
pub(crate) async fn read_body(request: Request, limit: usize) -> Result<Bytes, ApiError> {
    let vouch = request.extensions().get::<Vouch>().cloned();
    let body = axum::body::to_bytes(request.into_body(), limit).await.map_err(|error| unread(&error))?;
    if let Some(vouch) = vouch {
        vouch.check().await?;
    }
    Ok(body)
}

fn unread(error: &axum::Error) -> ApiError {
    let early = || ApiError::new(Code::InvalidRequest, "The body ended early, or came too slowly.");
    over_a_limit(error).unwrap_or_else(early)
}

/// What is told about a body that is more than is taken, by this call or at this moment; `None` when that is not what went
/// wrong.
pub(super) fn over_a_limit(error: &(dyn std::error::Error + 'static)) -> Option<ApiError> {
    // Ours, or the lower limit of the route, a layer further down.
    let mut sources = std::iter::successors(Some(error), |error| error.source());
    sources.find_map(|error| {
        if error.is::<NoRoom>() {
            let detail =
                "The server takes in as much as it can hold at this moment. Try again in a few seconds.";
            return Some(ApiError::new(Code::TooManyRequests, detail).with_retry_after(RETRY_SECS));
        }
        let detail = "The body is larger than this call takes.";
        error.is::<http_body_util::LengthLimitError>().then(|| ApiError::new(Code::BodyTooLarge, detail))
    })
}

/// Bad paths are the commonest fault inside well-formed JSON, and serde's error forgets which one it was: look again.
fn explain(body: &[u8], error: &serde_json::Error) -> ApiError {
    let mut items = Vec::new();
    if let Ok(value) = serde_json::from_slice::<Value>(body) {
        collect_bad_paths(&value, &mut items);
    }
    if items.is_empty() {
        return ApiError::new(Code::InvalidJson, format!("The body was refused: {error}."));
    }
    ApiError::new(Code::InvalidPath, "Nothing was changed: a path was refused.").with_errors(items)
}

fn collect_bad_paths(value: &Value, items: &mut Vec<ProblemItem>) {
    /// Enough to act on; a body can have thousands.
    const MOST: usize = 20;
    let mut check = |text: &str| {
        if let Err(error) = ProjectPath::parse(text) {
            let shown: String = text.chars().take(200).collect();
            items.push(ProblemItem {
                path: Some(shown),
                line: None,
                code: Code::InvalidPath,
                message: format!("{error}."),
            });
        }
    };
    let ops = value.get("ops").and_then(Value::as_array).into_iter().flatten();
    for op in ops.take(10_000) {
        for key in ["path", "from", "to"] {
            if let Some(text) = op.get(key).and_then(Value::as_str) {
                check(text);
            }
        }
    }
    value.get("files").and_then(Value::as_object).into_iter().flatten().for_each(|(path, _)| check(path));
    items.truncate(MOST);
}

/// A path parameter parsed by its type; a malformed id is as absent as a foreign one.
pub(crate) struct Path<T>(pub(crate) T);

impl<T, S> FromRequestParts<S> for Path<T>
where
    T: DeserializeOwned + Send,
    S: Send + Sync,
{
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        match axum::extract::Path::<T>::from_request_parts(parts, state).await {
            Ok(axum::extract::Path(value)) => Ok(Self(value)),
            Err(rejection) => {
                let text = rejection.to_string();
                let bad_path = parts.uri.path().contains("/files/");
                Err(match bad_path && !text.contains("not a valid") {
                    true => ApiError::new(Code::InvalidPath, format!("The path was refused: {text}.")),
                    false => ApiError::not_found("resource"),
                })
            }
        }
    }
}

/// A query string parsed by its type.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned, S: Send + Sync> FromRequestParts<S> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, ApiError> {
        axum::extract::Query::<T>::from_request_parts(parts, state)
            .await
            .map(|axum::extract::Query(value)| Self(value))
            .map_err(|rejection| {
                ApiError::new(Code::InvalidRequest, format!("The query was refused: {rejection}."))
            })
    }
}
