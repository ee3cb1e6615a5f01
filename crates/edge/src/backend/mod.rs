//! The way from an app to the back end it shares with other apps: `/api/py/…` on the app's own origin, so that browsers
//! need no CORS and never learn where the back end is. The rules are in `docs/backend-gateway.md`.

mod config;
mod failure;
#[cfg(any(test, fuzzing))]
pub(crate) mod fuzz;
mod headers;
mod path;
mod socket;
mod target;
mod upstream;
mod watched;

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::header::{CONNECTION, CONTENT_LENGTH, HeaderValue, TRANSFER_ENCODING, UPGRADE};
use http::request::Parts;
use http::{Method, Request, Response, StatusCode, Version};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::upgrade::OnUpgrade;
use vitrine_model::{AppId, RequestId};

pub use self::config::{BackendConfig, BackendUpstream, InvalidBackend};
use self::failure::Failure;
use self::headers::{from_backend, to_backend};
use self::target::Mapping;
use self::watched::{Waiting, watch};
use crate::admission::is_head_too_large;
use crate::ask::{
    SEC_FETCH_MODE, SEC_FETCH_SITE, is_foreign, is_navigation, is_websocket, normal_authority, own_origin,
    text,
};
use crate::body::{self, Body, BoxError, Upload};
use crate::config::Scheme;
use crate::forward::{Answered, Outgoing, Times, dial, exchange};
use crate::pool::{Connection, Pool};
use crate::sockets::{Seat, Sockets};
use crate::target::Upstream;

/// An unused connection is closed after this. Gunicorn hangs up after 2 s and is the most impatient among the usual
/// servers; a request with effects that meets a connection just closed cannot be repeated.
const POOL_IDLE: Duration = Duration::from_millis(1_500);

/// Unused connections kept; more arrive at once only when many visitors do.
const POOL_SIZE: usize = 64;

/// The way to the back end, for all apps.
pub struct Backend {
    config: BackendConfig,
    pool: Arc<Pool<()>>,
    open: Arc<Sockets<AppId>>,
}

/// Whose request it is, as whoever serves the app knows it.
#[derive(Debug, Clone, Copy)]
pub struct Visitor<'a> {
    /// The app.
    pub app: &'a AppId,
    /// Its slug.
    pub slug: &'a str,
    /// How browsers reach the app, also when something in front of us ends TLS.
    pub scheme: Scheme,
    /// Host and port as the browser wrote them, after they were found to be the app's.
    pub host: &'a str,
    /// The address the request came from; not what a header says, unless a trusted proxy wrote it.
    pub peer: IpAddr,
    /// For finding it in the logs of both sides.
    pub request_id: &'a RequestId,
}

impl Backend {
    /// Checks the settings. Nothing is dialled: a back end may come later and go in between.
    pub fn new(config: BackendConfig) -> Result<Self, InvalidBackend> {
        Ok(Self { config: config.checked()?, pool: Pool::new(POOL_IDLE, POOL_SIZE), open: Arc::default() })
    }

    /// Where apps find it on their own origin.
    pub fn path(&self) -> &str {
        &self.config.path
    }

    /// True when a request for this path, raw as it came, is for [`Self::handle`]: the configured path or one beneath
    /// it, segment by segment. No other spelling reaches the back end, and what tries to climb out is refused there.
    pub fn matches(&self, path: &str) -> bool {
        path::below(path, &self.config.path).is_some()
    }

    /// Requests and sockets of an app that are open now.
    pub fn open_count(&self, app: &AppId) -> usize {
        self.open.count(app)
    }

    /// Cuts off every socket and every answer on its way to an app's visitors, for example when it is paused.
    pub fn disconnect(&self, app: &AppId) {
        self.open.close(app);
    }

    /// Answers one request for which [`Self::matches`] is true. Never fails and never waits without a limit: what goes
    /// wrong is a problem document. The connection must allow upgrades. Whoever serves the app adds to the answer what
    /// it adds to every page of the app, above all who may frame it.
    pub async fn handle<B>(&self, visitor: &Visitor<'_>, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let upload = Upload::new(body, self.config.max_request_body_bytes);
        match self.serve(visitor, head, upload).await {
            Ok(response) => response,
            Err(failure) => failure.answer(visitor, &self.config.path, self.config.max_request_body_bytes),
        }
    }

    async fn serve(
        &self,
        visitor: &Visitor<'_>,
        head: Parts,
        upload: Upload,
    ) -> Result<Response<Body>, Failure> {
        self.check(visitor, &head, &upload)?;
        let upstream = self.config.upstream.as_ref().ok_or(Failure::NotConfigured)?;
        let mapping = Mapping { config: &self.config, upstream };
        let is_socket = is_websocket(&head);
        let seat = self.open.enter(visitor.app, upstream.generation(), self.config.max_open_per_app);
        let seat = seat.ok_or(Failure::Busy)?;
        let (head, browser) = outgoing_head(visitor, &mapping, head)?;
        if is_socket {
            self.tunnel(&mapping, head, browser, seat).await
        } else {
            self.forward(&mapping, head, upload, seat).await
        }
    }

    /// What is refused whether there is a back end or not.
    fn check(&self, visitor: &Visitor<'_>, head: &Parts, upload: &Upload) -> Result<(), Failure> {
        if !self.matches(head.uri.path()) {
            return Err(Failure::NotHere);
        }
        if matches!(head.method, Method::CONNECT | Method::TRACE) {
            return Err(Failure::Method);
        }
        if is_head_too_large(&head.headers, head.uri.path()) {
            return Err(Failure::Invalid(
                "The request's headers are too large. Clearing this site's cookies may help.",
            ));
        }
        if comes_from_elsewhere(visitor, head) {
            return Err(Failure::Foreign);
        }
        if upload.declared_bytes().is_some_and(|bytes| bytes > self.config.max_request_body_bytes) {
            return Err(Failure::TooLarge);
        }
        Ok(())
    }

    async fn forward(
        &self,
        mapping: &Mapping<'_>,
        mut head: Request<()>,
        upload: Upload,
        seat: Seat<AppId>,
    ) -> Result<Response<Body>, Failure> {
        let Upload { mut body, progress } = upload;
        let mut waiting = None;
        if progress.is_some() {
            let (watched, its_waiting) = watch(body, self.config.idle_timeout, std::future::pending());
            (body, waiting) = (watched, Some(its_waiting));
            // Said outright, or the client would drop a GET's body.
            if !head.headers().contains_key(CONTENT_LENGTH) {
                head.headers_mut().insert(TRANSFER_ENCODING, HeaderValue::from_static("chunked"));
            }
        }
        let connection = match self.pool.take(&(), mapping.upstream.generation()) {
            Some(connection) => connection,
            None => self.dial(mapping.upstream).await?,
        };
        let outgoing = Outgoing { request: head.map(|()| body), progress };
        let answered = self.exchange(mapping, connection, outgoing, waiting.as_ref()).await?;
        if answered.response.status().is_informational() {
            return Err(Failure::Switched);
        }
        Ok(self.pass_back(mapping, answered, seat))
    }

    async fn tunnel(
        &self,
        mapping: &Mapping<'_>,
        mut head: Request<()>,
        browser: Option<OnUpgrade>,
        seat: Seat<AppId>,
    ) -> Result<Response<Body>, Failure> {
        let browser = browser.ok_or(Failure::Invalid("This connection cannot be upgraded."))?;
        // A handshake has no body; were one announced, the back end would take the first frames for it.
        head.headers_mut().remove(CONTENT_LENGTH);
        head.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        // A socket takes its connection for good, so it gets one of its own.
        let connection = self.dial(mapping.upstream).await?;
        let outgoing = Outgoing { request: head.map(|()| body::empty()), progress: None };
        let mut answered = self.exchange(mapping, connection, outgoing, None).await?;
        if answered.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.pass_back(mapping, answered, seat));
        }
        let backend = hyper::upgrade::on(&mut answered.response);
        let (mut head, _) = answered.response.into_parts();
        from_backend(&mut head.headers, mapping);
        head.headers.insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        head.headers.insert(UPGRADE, HeaderValue::from_static("websocket"));
        head.version = Version::HTTP_11;
        tokio::spawn(socket::carry((browser, backend), seat, self.config.idle_timeout));
        Ok(Response::from_parts(head, body::empty()))
    }

    /// An ordinary answer on its way back.
    fn pass_back(&self, mapping: &Mapping<'_>, answered: Answered, seat: Seat<AppId>) -> Response<Body> {
        self.pool.keep(&(), answered.connection);
        let (mut head, body) = answered.response.into_parts();
        from_backend(&mut head.headers, mapping);
        head.version = Version::HTTP_11;
        Response::from_parts(head, self.watched(body, seat))
    }

    fn watched(&self, body: Incoming, seat: Seat<AppId>) -> Body {
        if body.is_end_stream() {
            return body::boxed(body);
        }
        let is_closing = async move { seat.closing().await };
        watch(body::boxed(body), self.config.idle_timeout, is_closing).0
    }

    async fn dial(&self, upstream: &BackendUpstream) -> Result<Connection, Failure> {
        Ok(dial(upstream, self.config.connect_timeout).await?)
    }

    async fn exchange(
        &self,
        mapping: &Mapping<'_>,
        connection: Connection,
        outgoing: Outgoing,
        waiting: Option<&Waiting>,
    ) -> Result<Answered, Failure> {
        let times = Times { connect: self.config.connect_timeout, response: self.config.response_timeout };
        let answered = exchange(mapping.upstream, connection, outgoing, times).await;
        answered.map_err(|error| Failure::of(error, waiting, self.config.idle_timeout))
    }
}

/// The head as the back end gets it, and the browser's end of a socket.
fn outgoing_head(
    visitor: &Visitor<'_>,
    mapping: &Mapping<'_>,
    mut head: Parts,
) -> Result<(Request<()>, Option<OnUpgrade>), Failure> {
    let mut request = Request::new(());
    *request.uri_mut() = mapping.target(&head.uri).ok_or(Failure::UnsafePath)?;
    *request.method_mut() = head.method;
    to_backend(&mut head.headers, visitor, mapping.config, &mapping.upstream.authority)
        .map_err(|_| Failure::Invalid("The address is not valid."))?;
    *request.headers_mut() = head.headers;
    Ok((request, head.extensions.remove::<OnUpgrade>()))
}

/// Whether another origin's page uses the visitor's cookies here. Apps are same-site with each other, so they come along.
/// From another *site* a form may be posted as a navigation: identity providers end a sign-in like that, and browsers
/// leave out cookies that are not meant for it.
fn comes_from_elsewhere(visitor: &Visitor<'_>, head: &Parts) -> bool {
    let own = own_origin(visitor.scheme, &normal_authority(visitor.host));
    let is_posted_from_another_site = text(&head.headers, &SEC_FETCH_MODE) == Some("navigate")
        && text(&head.headers, &SEC_FETCH_SITE) == Some("cross-site");
    let is_navigation = is_navigation(head) || is_posted_from_another_site;
    is_foreign(&head.headers, &own, is_navigation, is_websocket(head))
}
