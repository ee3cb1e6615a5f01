//! The one public listener: every connection, every host.
//!
//! hyper directly, because previews are dispatched by host before any router sees a request, and stream both ways. Before
//! hyper, hosting's own front answers the usual requests to published apps.

use std::convert::Infallible;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use axum::Router;
use http::header::{CONTENT_SECURITY_POLICY, SET_COOKIE};
use http::{Request, Response};
use http_body_util::BodyExt as _;
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::OwnedSemaphorePermit;
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use tower::ServiceExt as _;
use vitrine_edge::{
    Backend, Body, Entry, Gateway, HostKind, HostMap, Hosting, Routed, Scheme, SiteHost, Visitor,
    request_authority,
};
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{RequestId, SessionId};

use crate::door::{Door, Placed};
use crate::patience::patient;

/// A client that has not sent its request's head after this long is cut off.
const HEAD_TIMEOUT: Duration = Duration::from_secs(15);

/// Bytes of a request's head; hyper answers 431 beyond.
const MOST_HEAD_BYTES: usize = 64 * 1024;

/// What answers: the builder and API for one host, the gateway for previews, hosting for published apps.
pub(crate) struct Dispatch {
    pub(crate) hosts: HostMap,
    pub(crate) builder: Router,
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) hosting: Arc<Hosting>,
    pub(crate) backend: Arc<Backend>,
    /// How browsers reach us.
    pub(crate) scheme: Scheme,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) entropy: Arc<dyn Entropy>,
}

/// Accepts whom the door lets in until `stopping`, then lets running requests finish for at most `drain`.
pub(crate) async fn accept(
    listener: TcpListener,
    mut door: Door,
    dispatch: Arc<Dispatch>,
    stopping: CancellationToken,
    drain: Duration,
) {
    let connections = TaskTracker::new();
    loop {
        let accepted = tokio::select! {
            accepted = async { (door.place().await, listener.accept().await) } => accepted,
            () = stopping.cancelled() => break,
        };
        match accepted {
            (place, Ok((stream, peer))) => {
                let connection = (stream, peer, place);
                connections.spawn(serve_connection(connection, dispatch.clone(), stopping.clone()));
            }
            (_, Err(error)) => {
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

async fn serve_connection(
    (stream, peer, place): (TcpStream, SocketAddr, OwnedSemaphorePermit),
    dispatch: Arc<Dispatch>,
    stopping: CancellationToken,
) {
    let _ = stream.set_nodelay(true);
    let Some(stream) = dispatch.hosting.serve(stream, &stopping).await else { return };
    let service = service_fn(move |request| {
        let dispatch = dispatch.clone();
        async move { Ok::<_, Infallible>(dispatch.answer(peer, request).await) }
    });
    let mut builder = hyper::server::conn::http1::Builder::new();
    builder.timer(TokioTimer::new()).header_read_timeout(HEAD_TIMEOUT).max_buf_size(MOST_HEAD_BYTES);
    let stream = TokioIo::new(Placed::new(patient(stream), place));
    let connection = builder.serve_connection(stream, service).with_upgrades();
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
    async fn answer(&self, peer: SocketAddr, request: Request<Incoming>) -> Response<Body> {
        let (head, body) = request.into_parts();
        match self.hosts.classify_request(&head) {
            HostKind::Builder => self.build(peer, Request::from_parts(head, body)).await,
            HostKind::Preview(session) => {
                let mut request = Request::from_parts(head, body);
                request.extensions_mut().insert(peer);
                self.preview(session, request).await
            }
            HostKind::Site(host) => self.site(&host, peer.ip(), Request::from_parts(head, body)).await,
            HostKind::UnknownPreview | HostKind::Unknown => vitrine_edge::misdirected(&head),
        }
    }

    async fn preview(&self, session: SessionId, mut request: Request<Incoming>) -> Response<Body> {
        let id = RequestId::mint(self.clock.as_ref(), self.entropy.as_ref());
        request.extensions_mut().insert(id);
        self.gateway.handle(session, request).await
    }

    async fn site(&self, host: &SiteHost, peer: IpAddr, request: Request<Incoming>) -> Response<Body> {
        if self.hosting.route(request.uri().path()) == Routed::Gateway {
            return self.call_backend(host, peer, request).await;
        }
        let (head, _) = request.into_parts();
        // What was never released is for those with a key.
        let Some((app, artifact)) = self.hosting.private(host).await else {
            return self.hosting.handle(host, &head).await;
        };
        let cookies = match self.gateway.enter_artifact(&app, &artifact, &head).await {
            Entry::Open(renewed) => renewed,
            Entry::Answered(response) => return *response,
        };
        let mut response = self.hosting.handle_private(host, &head).await;
        self.gateway.let_builder_frame(response.headers_mut());
        for cookie in cookies {
            response.headers_mut().append(SET_COOKIE, cookie);
        }
        response
    }

    /// The back end that apps share, on the app's own origin.
    async fn call_backend(
        &self,
        host: &SiteHost,
        peer: IpAddr,
        request: Request<Incoming>,
    ) -> Response<Body> {
        let (head, body) = request.into_parts();
        let authority = request_authority(&head).map(str::to_owned);
        let app = self.hosting.public_app(host).await;
        let (Some(authority), Some(app)) = (authority, app) else {
            return self.hosting.handle(host, &head).await;
        };
        let request_id = RequestId::mint(self.clock.as_ref(), self.entropy.as_ref());
        let visitor = Visitor {
            app: &app.app,
            slug: &app.slug,
            scheme: self.scheme,
            host: &authority,
            peer,
            request_id: &request_id,
        };
        let mut response = self.backend.handle(&visitor, Request::from_parts(head, body)).await;
        response.headers_mut().append(CONTENT_SECURITY_POLICY, app.frames);
        response
    }

    async fn build(&self, peer: SocketAddr, mut request: Request<Incoming>) -> Response<Body> {
        request.extensions_mut().insert(peer);
        let response = self.builder.clone().oneshot(request.map(axum::body::Body::new)).await;
        let response = response.unwrap_or_else(|never| match never {});
        response.map(|body| body.map_err(Into::into).boxed_unsync())
    }
}
