//! Why the back end was not asked, or brought nothing back, and what a visitor is told of it. The upstream's name and the
//! reason stay in the log.

use std::time::Duration;

use http::Response;
use vitrine_model::problem::{Code, Problem};

use super::Visitor;
use super::watched::{Waiting, is_stalled};
use crate::answer::problem_document;
use crate::body::Body;
use crate::forward::ForwardError;
use crate::target::DialError;

/// Why a request has no answer of the back end.
#[derive(Debug, thiserror::Error)]
pub(super) enum Failure {
    /// There is no back end.
    #[error("no back end is configured")]
    NotConfigured,
    /// The path is not the back end's.
    #[error("the path is not the back end's")]
    NotHere,
    /// The path could lead out of what the back end shows.
    #[error("the path leads out of the back end's")]
    UnsafePath,
    /// The head is not one that can be passed on.
    #[error("{0}")]
    Invalid(&'static str),
    /// A method that is about the connection.
    #[error("the method is not passed on")]
    Method,
    /// Sent by a page of another origin.
    #[error("a page of another origin sent it")]
    Foreign,
    /// The app has as many requests and sockets open as it may.
    #[error("too much is open for this app")]
    Busy,
    /// More body than there may be.
    #[error("the body is over the limit")]
    TooLarge,
    /// The visitor began a body and stopped.
    #[error("the visitor stopped sending")]
    UploadStalled,
    /// No connection.
    #[error("the back end cannot be reached: {0}")]
    Unreachable(#[from] DialError),
    /// No head of an answer in time.
    #[error("the back end did not answer within {0:?}")]
    TooSlow(Duration),
    /// The back end hung up, or what it sent is not HTTP.
    #[error("the back end's answer is not complete: {0}")]
    Cut(#[source] hyper::Error),
    /// It switched protocols without being asked.
    #[error("the back end switched protocols unasked")]
    Switched,
}

impl Failure {
    /// What became of an exchange; `waiting` tells whether the visitor's body was awaited.
    pub(super) fn of(error: ForwardError, waiting: Option<&Waiting>, limit: Duration) -> Self {
        let is_visitor_late = waiting.is_some_and(Waiting::is_for_sender);
        match error {
            ForwardError::Dial(error) => Self::Unreachable(error),
            ForwardError::TooLarge => Self::TooLarge,
            ForwardError::TimedOut(_) if is_visitor_late => Self::UploadStalled,
            ForwardError::TimedOut(limit) => Self::TooSlow(limit),
            ForwardError::Cut(error) if is_stalled(&error) && is_visitor_late => Self::UploadStalled,
            ForwardError::Cut(error) if is_stalled(&error) => Self::TooSlow(limit),
            ForwardError::Cut(error) => Self::Cut(error),
        }
    }

    /// The problem document, and a line in the log.
    pub(super) fn answer(self, visitor: &Visitor<'_>, path: &str, max_body_bytes: u64) -> Response<Body> {
        let (code, detail) = self.told(path, max_body_bytes);
        let (app, request_id) = (visitor.app, visitor.request_id);
        if code.status() >= 500 {
            tracing::warn!(%app, %request_id, reason = %self, "the back end did not answer a request");
        } else {
            tracing::debug!(%app, %request_id, reason = %self, "a request to the back end was refused");
        }
        let mut problem = Problem::new(code, detail);
        problem.request_id = Some(request_id.to_string());
        problem_document(&problem)
    }

    fn told(&self, path: &str, max_body_bytes: u64) -> (Code, String) {
        let (code, detail) = match self {
            Self::NotConfigured => {
                let detail = format!(
                    "The app asks for `{path}`, and this server has no back end. Its operator names one in the \
                     setting `backend.upstream`."
                );
                return (Code::BackendNotConfigured, detail);
            }
            Self::TooLarge => {
                return (Code::BodyTooLarge, format!("The back end is sent at most {max_body_bytes} bytes."));
            }
            Self::NotHere => (Code::NotFound, "There is nothing at this address."),
            Self::UnsafePath => (
                Code::InvalidRequest,
                "The path has dot segments, control characters or an empty first segment.",
            ),
            Self::Invalid(detail) => (Code::InvalidRequest, *detail),
            Self::Method => (Code::MethodNotAllowed, "The back end is not sent this method."),
            Self::Foreign => (Code::Forbidden, "Pages of another origin may not use this app's back end."),
            Self::Busy => (
                Code::TooManyRequests,
                "Too many requests and sockets are open for this app. Try again later.",
            ),
            Self::UploadStalled => (Code::InvalidRequest, "The request's body stopped arriving."),
            Self::Unreachable(_) => (Code::BackendUnavailable, "It cannot be reached now. Try again later."),
            Self::TooSlow(_) => (Code::GatewayTimeout, "The back end did not answer in time."),
            Self::Cut(_) | Self::Switched => {
                (Code::BackendUnavailable, "Its answer broke off, or was not one. Try again later.")
            }
        };
        (code, detail.to_owned())
    }
}
