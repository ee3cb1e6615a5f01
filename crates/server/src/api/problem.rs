//! Errors of the API: from typed errors to problem documents.
//!
//! What an outsider sees is a [`Problem`]; what the log records is the error itself, under the same request id.

use axum::extract::Request;
use axum::http::{HeaderValue, StatusCode, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use vitrine_build::archive::ArchiveError;
use vitrine_model::app::InvalidSlug;
use vitrine_model::change::ChangeError;
use vitrine_model::id::InvalidId;
use vitrine_model::path::InvalidPath;
use vitrine_model::problem::{Code, Problem, ProblemItem};
use vitrine_model::tree::TreeError;
use vitrine_model::{RequestId, Sha256};
use vitrine_store::{MOST_LINKS, StoreError};

/// An error on its way out.
#[derive(Debug)]
pub(crate) struct ApiError {
    problem: Box<Problem>,
    retry_after_secs: Option<u64>,
}

/// What handlers return.
pub(crate) type ApiResult<T> = Result<T, ApiError>;

impl ApiError {
    pub(crate) fn new(code: Code, detail: impl Into<String>) -> Self {
        Problem::new(code, detail).into()
    }

    /// Says in a header, too, when trying again may help.
    pub(crate) fn with_retry_after(mut self, secs: u64) -> Self {
        self.retry_after_secs = Some(secs);
        self
    }

    pub(crate) fn with_errors(mut self, errors: Vec<ProblemItem>) -> Self {
        self.problem.errors = errors;
        self
    }

    pub(crate) fn with_latest_version(mut self, version: u64) -> Self {
        self.problem.latest_version = Some(version);
        self
    }

    /// The document, for where no answer carries it.
    pub(crate) fn into_problem(self) -> Problem {
        *self.problem
    }

    /// Our own fault: logged in full, shown as nothing but a request id.
    pub(crate) fn internal(error: &dyn std::fmt::Display) -> Self {
        tracing::error!(%error, "request failed");
        Self::new(Code::Internal, "The log of the server has the reason under this request id.")
    }

    pub(crate) fn not_found(what: &str) -> Self {
        Self::new(Code::NotFound, format!("There is no such {what}, or it is not yours."))
    }
}

impl From<Problem> for ApiError {
    fn from(problem: Problem) -> Self {
        Self { problem: Box::new(problem), retry_after_secs: None }
    }
}

/// The document rides along as an extension; [`finish`] writes it once the request id is known.
impl IntoResponse for ApiError {
    fn into_response(self) -> Response {
        let status = StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        if let Some(secs) = self.retry_after_secs {
            response.headers_mut().insert(header::RETRY_AFTER, HeaderValue::from(secs));
        }
        response.extensions_mut().insert(*self.problem);
        response
    }
}

/// Gives every request an id, and every error its document.
pub(crate) async fn finish(id: RequestId, mut request: Request, next: Next) -> Response {
    request.extensions_mut().insert(id.clone());
    let mut response = next.run(request).await;
    if let Some(mut problem) =
        response.extensions_mut().remove::<Problem>().or_else(|| bare_status(&response))
    {
        problem.request_id = Some(id.to_string());
        let body = serde_json::to_vec(&problem).unwrap_or_default();
        let (mut parts, _) = response.into_parts();
        parts.headers.insert(header::CONTENT_TYPE, HeaderValue::from_static("application/problem+json"));
        parts.headers.remove(header::CONTENT_LENGTH);
        response = Response::from_parts(parts, axum::body::Body::from(body));
    }
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        response.headers_mut().insert("x-request-id", value);
    }
    response
}

/// What the router itself refuses has a status and no document yet.
fn bare_status(response: &Response) -> Option<Problem> {
    match response.status() {
        StatusCode::NOT_FOUND if !has_type(response) => {
            Some(Problem::new(Code::NotFound, "There is nothing here."))
        }
        StatusCode::METHOD_NOT_ALLOWED => {
            Some(Problem::new(Code::MethodNotAllowed, "See /openapi.json for what this path takes."))
        }
        StatusCode::PAYLOAD_TOO_LARGE if !is_problem(response) => {
            Some(Problem::new(Code::BodyTooLarge, "Send less, or upload large files as blobs."))
        }
        StatusCode::INTERNAL_SERVER_ERROR if !is_problem(response) => {
            Some(Problem::new(Code::Internal, "The log of the server has the reason under this request id."))
        }
        _ => None,
    }
}

fn has_type(response: &Response) -> bool {
    response.headers().contains_key(header::CONTENT_TYPE)
}

fn is_problem(response: &Response) -> bool {
    response
        .headers()
        .get(header::CONTENT_TYPE)
        .is_some_and(|v| v.as_bytes().starts_with(b"application/problem"))
}

impl From<StoreError> for ApiError {
    fn from(error: StoreError) -> Self {
        match error {
            StoreError::NotFound => Self::not_found("resource"),
            StoreError::VersionConflict { latest } => {
                Self::new(Code::DraftConflict, format!("The draft is at version {latest} now."))
                    .with_latest_version(latest)
            }
            StoreError::SlugTaken => {
                Self::new(Code::SlugTaken, "Another app has this slug; choose another one.")
            }
            StoreError::EmailTaken => Self::new(
                Code::EmailTaken,
                "Another account has this email; sign in with it, or use another one.",
            ),
            StoreError::TenantExists => {
                Self::new(Code::TenantExists, "There is a tenant with this `host_id` already.")
            }
            StoreError::Forbidden => {
                Self::new(Code::Forbidden, "What you may do here does not go that far, or not any more.")
            }
            StoreError::LastOwner => {
                Self::new(Code::LastOwner, "Make somebody else an owner first: a tenant keeps at least one.")
            }
            StoreError::TenantSuspended => {
                Self::new(Code::TenantSuspended, "The tenant is suspended; ask whoever runs the server.")
            }
            StoreError::MissingBlobs(hashes) => missing_blobs(&hashes),
            StoreError::HashMismatch => {
                Self::new(Code::HashMismatch, "The bytes do not have the hash they came with.")
            }
            StoreError::PublishOver => {
                Self::new(Code::PublishOver, "This publish has ended; ask for a new one.")
            }
            StoreError::Objects(_) => {
                tracing::error!(%error, "the object store did not answer");
                Self::new(Code::StorageUnavailable, "The storage does not answer; try again later.")
            }
            StoreError::ObjectLeaving => {
                let detail = "Some of the content is being removed at this moment; bring it again.";
                Self::new(Code::StorageUnavailable, detail).with_retry_after(1)
            }
            StoreError::QuotaExceeded { quota, limit, used } => {
                let detail = format!(
                    "{used} of {limit} {} are used. {}, or ask the operator for more.",
                    quota.noun(),
                    quota.remedy()
                );
                Self::new(Code::QuotaExceeded, detail)
            }
            StoreError::TooManyLinks => {
                let detail = format!("An app has at most {MOST_LINKS} preview links. Delete one.");
                Self::new(Code::QuotaExceeded, detail)
            }
            StoreError::InvalidCursor => {
                Self::new(Code::InvalidRequest, "The cursor is none that this list gave out.")
            }
            error @ (StoreError::InvalidTransition(_) | StoreError::NewerSession) => {
                Self::new(Code::SessionNotRunning, format!("Ensure the session again: {error}."))
            }
            other => Self::internal(&other),
        }
    }
}

fn missing_blobs(hashes: &[Sha256]) -> ApiError {
    let listed: Vec<_> = hashes.iter().take(10).map(Sha256::to_hex).collect();
    let detail = format!("Upload this content first (PUT /blobs/{{sha256}}): {}.", listed.join(", "));
    ApiError::new(Code::InvalidChange, detail)
}

impl From<InvalidId> for ApiError {
    fn from(error: InvalidId) -> Self {
        Self::not_found(error.kind)
    }
}

impl From<InvalidPath> for ApiError {
    fn from(error: InvalidPath) -> Self {
        Self::new(Code::InvalidPath, format!("The path was refused: {error}."))
    }
}

impl From<InvalidSlug> for ApiError {
    fn from(error: InvalidSlug) -> Self {
        Self::new(Code::InvalidSlug, format!("The slug was refused: {error}."))
    }
}

impl From<TreeError> for ApiError {
    fn from(error: TreeError) -> Self {
        let code = match error {
            TreeError::CaseCollision(..) | TreeError::FileAndFolder(_) => Code::PathCollision,
            _ => Code::LimitExceeded,
        };
        Self::new(code, format!("Nothing was changed: {error}."))
    }
}

impl From<ChangeError> for ApiError {
    fn from(error: ChangeError) -> Self {
        let (code, item) = match &error {
            ChangeError::Tree(tree) => return tree.clone().into(),
            ChangeError::Empty | ChangeError::TooManyOps => (Code::InvalidChange, None),
            ChangeError::NotFound { path, .. } => (Code::FileNotFound, Some(path)),
            ChangeError::AlreadyExists { path, .. } => (Code::FileExists, Some(path)),
        };
        let items = item.map(|path| ProblemItem {
            path: Some(path.to_string()),
            line: None,
            code,
            message: format!("{error}."),
        });
        Self::new(code, format!("Nothing was changed: {error}.")).with_errors(items.into_iter().collect())
    }
}

impl From<ArchiveError> for ApiError {
    fn from(error: ArchiveError) -> Self {
        use ArchiveError as E;
        let code = match &error {
            E::Path { .. } => Code::InvalidPath,
            E::Collision(_) | E::Duplicate { .. } => Code::PathCollision,
            E::ArchiveTooLarge { .. } => Code::BodyTooLarge,
            E::TooManyFiles { .. } | E::FileTooLarge { .. } | E::TotalTooLarge { .. } => Code::LimitExceeded,
            E::Bomb { .. } => Code::ArchiveTooLarge,
            E::NotAnArchive(_)
            | E::Unreadable { .. }
            | E::NotAFile { .. }
            | E::Encrypted { .. }
            | E::Empty => Code::InvalidArchive,
        };
        Self::new(code, format!("Nothing was imported: {error}."))
    }
}
