//! The one public listener: every connection, every host.
//!
//! hyper directly, because previews are dispatched by host before any router sees a request, and stream both ways.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use vitrine_edge::{Body, Gateway, HostKind, HostMap};
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{RequestId, SessionId};

/// A client that has not sent its request's head after this long is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a request's head; hyper answers 431 beyond.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// What answers: the builder and API for one host, the gateway for previews.
pub(crate) struct Dispatch {
    pub(crate) hosts: HostMap,
    pub(crate) builder: Router,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Accepts until `stopping`, then lets running requests finish for at most `drain`.
pub(crate) async fn accept(
    listener: TcpListener,
    dispatch: Arc<Dispatch>,
    stopping: CancellationToken,
    drain: Duration,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            Ok((stream, _)) => {
                connections.spawn(serve_connection(stream, dispatch.clone(), stopping.clone()));
            }
            Err(error) => {
                // Out of descriptors, most likely: wait for some connection to end instead of spinning.
                tracing::error!(%error, "a connection was not accepted");
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
        }
    }
    connections.close();
    if tokio::time::timeout(drain, connections.wait()).await.is_err() {
        tracing::info!(open = connections.len(), "connections were cut off after the drain time");
    }
}

async fn serve_connection(stream: TcpStream, dispatch: Arc<Dispatch>, stopping: CancellationToken) {
    let _ = stream.set_nodelay(true);
    let service = service_fn(move |request| {
        let dispatch = dispatch.clone();
        async move { Ok::<_, Infallible>(dispatch.answer(request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_HEAD_BYTES);
    let connection = builder.serve_connection(TokioIo::new(stream), service).with_upgrades();
    let mut connection = std::pin::pin!(connection);
    let result = tokio::select! {
        result = connection.as_mut() => result,
        () = stopping.cancelled() => {
            connection.as_mut().graceful_shutdown();
            connection.await
        }
    };
    if let Err(error) = result {
        tracing::debug!(%error, "a connection ended");
    }
}

impl Dispatch {
    async fn answer(&self, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match self.hosts.classify_request(&head) {
            HostKind::Builder => self.build(Request::from_parts(head, body)).await,
            HostKind::Preview(session) => self.preview(session, Request::from_parts(head, body)).await,
            HostKind::UnknownPreview | HostKind::Unknown => vitrine_edge::misdirected(&head),
        }
    }

    async fn preview(&self, session: SessionId, mut request: Request<Incoming>) -> Response<Body> {
        let id = RequestId::mint(self.clock.as_ref(), self.entropy.as_ref());
        request.extensions_mut().insert(id);
        self.gateway.handle(session, request).await
    }

    async fn build(&self, request: Request<Incoming>) -> Response<Body> {
        let response = self.builder.clone().oneshot(request.map(axum::body::Body::new)).await;
        let response = response.unwrap_or_else(|never| match never {});
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }
}
