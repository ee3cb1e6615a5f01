//! One request to a server behind us (a dev server, the back end) and the head of its answer, over a kept connection or a
//! fresh one.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{Method, Request, Response};
use hyper::body::Incoming;
use hyper::client::conn::http1::SendRequest;
use vitrine_model::problem::Code;

use crate::answer::Refusal;
use crate::body::{self, Body, is_over_limit};
use crate::pool::{self, Connection};
use crate::target::{DialError, Upstream};

/// A request ready to go.
pub(crate) struct Outgoing {
    /// With headers for that server.
    pub(crate) request: Request<Body>,
    /// How far its body has come; none without a body.
    pub(crate) progress: Option<Arc<AtomicU64>>,
}

/// The head of an answer, and the connection its body comes over.
pub(crate) struct Answered {
    pub(crate) response: Response<Incoming>,
    pub(crate) connection: Connection,
}

/// Why no answer came.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ForwardError {
    /// The dev server could not be dialled again.
    #[error(transparent)]
    Dial(#[from] DialError),
    /// No head within the time for it.
    #[error("the dev server did not answer within {0:?}")]
    TimedOut(Duration),
    /// The browser sent more than it may.
    #[error("the request's body is over the limit")]
    TooLarge,
    /// The dev server hung up, or what it sent is not HTTP.
    #[error("the dev server's answer is not complete: {0}")]
    Cut(#[source] hyper::Error),
}

impl From<ForwardError> for Refusal {
    fn from(error: ForwardError) -> Self {
        let detail = error.to_string();
        match error {
            ForwardError::Dial(DialError::Refused | DialError::Gone) => Self::Starting(Default::default()),
            ForwardError::Dial(DialError::Failed(_)) => Self::new(Code::Internal, detail),
            ForwardError::TimedOut(_) => Self::new(Code::GatewayTimeout, detail),
            ForwardError::TooLarge => Self::new(Code::BodyTooLarge, detail),
            ForwardError::Cut(_) => Self::new(Code::BadGateway, detail),
        }
    }
}

/// Dials within the time for it.
pub(crate) async fn dial(upstream: &dyn Upstream, limit: Duration) -> Result<Connection, DialError> {
    let generation = upstream.generation();
    let stream = tokio::time::timeout(limit, upstream.dial())
        .await
        .map_err(|_| DialError::Failed(format!("no connection within {limit:?}")))??;
    pool::open(stream, generation).await.map_err(|error| DialError::Failed(error.to_string()))
}

/// Limits of [`exchange`].
#[derive(Clone, Copy)]
pub(crate) struct Times {
    pub(crate) connect: Duration,
    pub(crate) response: Duration,
}

/// Sends the request and waits for the head of the answer. A kept connection that turns out to be dead is replaced once,
/// when nothing of the request was sent or when sending it twice does no harm.
pub(crate) async fn exchange(
    upstream: &dyn Upstream,
    mut connection: Connection,
    outgoing: Outgoing,
    times: Times,
) -> Result<Answered, ForwardError> {
    let Outgoing { request, progress } = outgoing;
    let copy = (connection.is_reused && progress.is_none() && is_repeatable(request.method()))
        .then(|| repeat(&request));
    match send(&mut connection.sender, request, progress.as_deref(), times.response).await {
        Ok(response) => Ok(Answered { response, connection }),
        Err(failure) => {
            let Some(again) = failure.unsent.or(copy).filter(|_| connection.is_reused) else {
                return Err(failure.error);
            };
            if matches!(failure.error, ForwardError::TimedOut(_)) {
                return Err(failure.error);
            }
            let mut connection = dial(upstream, times.connect).await?;
            let sent = send(&mut connection.sender, again, progress.as_deref(), times.response).await;
            let response = sent.map_err(|failure| failure.error)?;
            Ok(Answered { response, connection })
        }
    }
}

struct SendFailure {
    error: ForwardError,
    unsent: Option<Request<Body>>,
}

async fn send(
    sender: &mut SendRequest<Body>,
    request: Request<Body>,
    progress: Option<&AtomicU64>,
    limit: Duration,
) -> Result<Response<Incoming>, SendFailure> {
    let mut answer = std::pin::pin!(sender.try_send_request(request));
    let mut seen = 0;
    loop {
        match tokio::time::timeout(limit, &mut answer).await {
            Ok(Ok(response)) => return Ok(response),
            Ok(Err(mut failure)) => {
                let unsent = failure.take_message();
                return Err(SendFailure { error: cut(failure.into_error()), unsent });
            }
            Err(_) => {
                // A slow upload is not a slow dev server.
                let now = progress.map_or(0, |progress| progress.load(Ordering::Relaxed));
                if now == seen {
                    return Err(SendFailure { error: ForwardError::TimedOut(limit), unsent: None });
                }
                seen = now;
            }
        }
    }
}

fn cut(error: hyper::Error) -> ForwardError {
    if is_over_limit(&error) { ForwardError::TooLarge } else { ForwardError::Cut(error) }
}

/// Methods that do no harm when they arrive twice and carry no body (RFC 9110, 9.2.2).
fn is_repeatable(method: &Method) -> bool {
    matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS)
}

fn repeat(request: &Request<Body>) -> Request<Body> {
    let mut copy = Request::new(body::empty());
    *copy.method_mut() = request.method().clone();
    *copy.uri_mut() = request.uri().clone();
    *copy.headers_mut() = request.headers().clone();
    copy
}
