//! The preview gateway: who may see a preview, and the way of a request to its dev server and back.

use std::net::SocketAddr;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{
    CACHE_CONTROL, CONNECTION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE, HOST, HeaderMap,
    HeaderValue, UPGRADE,
};
use http::request::Parts;
use http::{Request, Response, StatusCode, Uri, Version};
use hyper::body::{Body as HttpBody, Incoming};
use hyper::upgrade::OnUpgrade;
use vitrine_model::problem::Code;
use vitrine_model::source::{Clock, Entropy};
use vitrine_model::{LinkId, SessionId};

use crate::admission::{Admission, Door};
use crate::admitted::Admitted;
use crate::answer::{Refusal, append_cookies, misdirected, no_module, status_document};
use crate::ask::Ask;
use crate::backend::{Backend, Visitor};
use crate::body::{self, Body, BoxError, Upload};
use crate::bridge::{Bridge, EVENTS_PATH, SCRIPT_PATH};
use crate::config::{GatewayConfig, Scheme};
use crate::connect::Line;
use crate::cookie::CookieKind;
use crate::credential::Signer;
use crate::forward::{Answered, Outgoing, Times, exchange};
use crate::headers::{from_guest, to_guest};
use crate::missing::is_page_for_asset;
use crate::parking::Parking;
use crate::pool::Pool;
use crate::sockets::{Seat, Sockets};
use crate::target::{Activity, PreviewState, PreviewTargets};
use crate::tunnel::{self, Leash};

/// What never reaches the guest.
const RESERVED_PATH: &str = "/.vitrine";

/// Where a waiting page asks how it is going.
const STATUS_PATH: &str = "/.vitrine/preview-status";

/// Where a page asks what it should know about its app.
const RUNTIME_CONFIG_PATH: &str = "/.vitrine/runtime-config";

/// Sockets of pages that wait for their dev server, of all sessions. Pages beyond have to be reloaded by hand.
const MAX_PARKED: usize = 4_096;

/// Answers everything under the preview hosts.
pub struct Gateway {
    pub(crate) config: GatewayConfig,
    pub(crate) targets: Arc<dyn PreviewTargets>,
    pub(crate) pool: Arc<Pool<SessionId>>,
    pub(crate) sockets: Arc<Sockets<SessionId>>,
    /// Requests that are on their way.
    requests: Arc<Sockets<SessionId>>,
    /// What visitors by link have open.
    pub(crate) links: Arc<Sockets<LinkId>>,
    pub(crate) signer: Signer,
    pub(crate) cookies: CookieKind,
    pub(crate) frame_ancestors: HeaderValue,
    backend: Option<Arc<Backend>>,
    bridge: Option<Bridge>,
    pub(crate) parking: Arc<Parking>,
}

/// The gateway's settings cannot be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidGateway {
    /// It must be `scheme://host[:port]`: a page of any other form could never frame a preview.
    #[error("`{0}` is not an origin")]
    NotAnOrigin(String),
}

impl Gateway {
    /// Checks the settings. Whoever knows `key` can open every preview; all gateways of one installation share it.
    pub fn new(
        config: GatewayConfig,
        targets: Arc<dyn PreviewTargets>,
        key: &[u8; 32],
        (clock, entropy): (Arc<dyn Clock>, Arc<dyn Entropy>),
    ) -> Result<Self, InvalidGateway> {
        let hearers = config.bridge.iter().flat_map(|bridge| &bridge.origins);
        let frame_ancestors = frame_ancestors(config.builder_origins.iter().chain(hearers))?;
        let bridge = config.bridge.clone().map(|bridge| Bridge::new(bridge, &config.builder_origins));
        let cookies = match config.scheme {
            Scheme::Https => CookieKind::Secure,
            Scheme::Http if config.takes_secure_cookies() => CookieKind::Both,
            Scheme::Http => CookieKind::Plain,
        };
        Ok(Self {
            pool: Pool::new(config.limits.pool_idle, config.limits.pool_size),
            sockets: Arc::default(),
            requests: Arc::default(),
            links: Arc::default(),
            parking: Arc::new(Parking::new(MAX_PARKED)),
            signer: Signer::new(key, clock, entropy),
            cookies,
            frame_ancestors,
            backend: None,
            bridge,
            targets,
            config,
        })
    }

    /// The same with a back end for the apps in their previews.
    pub fn with_backend(mut self, backend: Arc<Backend>) -> Self {
        self.backend = Some(backend);
        self
    }

    /// The settings it runs with.
    pub fn config(&self) -> &GatewayConfig {
        &self.config
    }

    /// Closes every connection to a session's dev server, so that pages notice. Call it after the session's state has
    /// changed to stopped, expired, hibernated or another dev server; pages come back by themselves when there is one.
    pub fn disconnect(&self, session: &SessionId) {
        self.pool.forget(session);
        self.sockets.close(session);
    }

    /// Connections that are kept for a session's next requests.
    pub fn idle_connections(&self, session: &SessionId) -> usize {
        self.pool.count(session)
    }

    /// Requests to a session that are on their way now, until the end of their answers.
    pub fn open_requests(&self, session: &SessionId) -> usize {
        self.requests.count(session)
    }

    /// WebSockets that are open to a session now.
    pub fn open_sockets(&self, session: &SessionId) -> usize {
        self.sockets.count(session)
    }

    /// Answers one request to a session's host (see [`crate::HostMap::classify`]). Never fails: what goes wrong is an
    /// answer. The connection must allow upgrades, and a [`vitrine_model::RequestId`] among the request's extensions
    /// is shown in error pages.
    pub async fn handle<B>(&self, session: SessionId, request: Request<B>) -> Response<Body>
    where
        B: HttpBody<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let (head, body) = request.into_parts();
        let Some(ask) = Ask::read(&head, self.config.scheme) else {
            return misdirected(&head);
        };
        let upload = Upload::new(body, self.config.limits.max_request_body_bytes);
        match self.serve(&session, &ask, head, upload).await {
            Ok(response) => response,
            Err(refusal) => {
                tracing::debug!(%session, path = ask.path, ?refusal, "a preview request was refused");
                ask.refuse(refusal, &self.frame_ancestors)
            }
        }
    }

    async fn serve(
        &self,
        session: &SessionId,
        ask: &Ask,
        head: Parts,
        upload: Upload,
    ) -> Result<Response<Body>, Refusal> {
        self.check_request(session, ask, &head.headers, &upload)?;
        let state = self.targets.resolve(session).await;
        match state {
            PreviewState::NotFound => return Err(Refusal::UnknownSession),
            PreviewState::Over => return Err(Refusal::Over),
            _ if ask.is_foreign => return Err(Refusal::Foreign),
            _ => {}
        }
        let (visitor, renewed) = match self.admit(&Door::of_session(session), ask, &head.headers).await? {
            Admission::Elsewhere(response) => return Ok(response),
            Admission::Here { visitor, renewed } => (visitor, renewed),
        };
        if ask.path == STATUS_PATH {
            return Ok(status_document(&state));
        }
        if ask.path == RUNTIME_CONFIG_PATH {
            return self.runtime_config(session, renewed).await;
        }
        if let Some(bridge) = &self.bridge
            && ask.path == SCRIPT_PATH
        {
            let mut response = bridge.script(session, ask.query.as_deref(), &head.headers);
            append_cookies(response.headers_mut(), renewed);
            return Ok(response);
        }
        if self.bridge.is_some() && ask.path == EVENTS_PATH {
            let mut response = self.take_events((session, &visitor), ask, &head.headers, upload).await?;
            append_cookies(response.headers_mut(), renewed);
            return Ok(response);
        }
        if is_reserved(&ask.path) {
            return Err(Refusal::new(Code::NotFound, "There is nothing at this address."));
        }
        if !ask.is_probe && !ask.is_websocket {
            self.note_use(session, &visitor, Activity::Request);
        }
        if let Some(backend) = self.backend.as_ref().filter(|backend| backend.matches(&ask.path)) {
            let mut response = self.call_backend(session, backend, ask, (head, upload)).await?;
            append_cookies(response.headers_mut(), renewed);
            return Ok(self.until_link_ends(&visitor, response));
        }
        if matches!(state, PreviewState::Asleep(_)) && !visitor.counts_at(self.signer.now()) {
            return Err(Refusal::LinkResting);
        }
        let seat = self.request_seat(session).ok_or(Refusal::Busy)?;
        let line = self.connect(session, ask, state).await?;
        let mut response = if ask.is_websocket {
            // A socket has a seat of its own once there is one.
            self.tunnel((session, &visitor), ask, head, line).await?
        } else {
            let reporter = self.reporter((session, &visitor), ask);
            let answer = self.forward(session, ask, head, line, upload);
            let response = reporter.while_waiting(answer).await?;
            let response = reporter.with_answer(response);
            self.until_link_ends(&visitor, response.map(|body| body::holding(body, seat)))
        };
        append_cookies(response.headers_mut(), renewed);
        Ok(response)
    }

    /// A place among the session's requests that are on their way.
    pub(crate) fn request_seat(&self, session: &SessionId) -> Option<Seat<SessionId>> {
        self.requests.enter(session, 0, self.config.limits.max_requests)
    }

    /// What the app is told about itself, as when it is published.
    async fn runtime_config(
        &self,
        session: &SessionId,
        renewed: Vec<HeaderValue>,
    ) -> Result<Response<Body>, Refusal> {
        let app = self.targets.app(session).await.ok_or(Refusal::UnknownSession)?;
        let mut response = Response::new(body::full(app.runtime_config.to_string()));
        let headers = response.headers_mut();
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
        headers.insert(CACHE_CONTROL, HeaderValue::from_static("no-store"));
        headers.insert("x-content-type-options", HeaderValue::from_static("nosniff"));
        append_cookies(headers, renewed);
        Ok(response)
    }

    /// The back end that the app will have when it is published. The visitor has shown the session's cookie by now.
    async fn call_backend(
        &self,
        session: &SessionId,
        backend: &Backend,
        ask: &Ask,
        (head, upload): (Parts, Upload),
    ) -> Result<Response<Body>, Refusal> {
        let app = self.targets.app(session).await.ok_or(Refusal::UnknownSession)?;
        let unknown = || Refusal::new(Code::Internal, "The request came without what it is known by.");
        let peer = head.extensions.get::<SocketAddr>().ok_or_else(unknown)?.ip();
        let request_id = ask.request_id.as_ref().ok_or_else(unknown)?;
        let visitor = Visitor {
            app: &app.app,
            slug: &app.slug,
            scheme: self.config.scheme,
            host: &ask.authority,
            peer,
            request_id,
        };
        let mut response = backend.handle(&visitor, Request::from_parts(head, upload.body)).await;
        response.headers_mut().append(CONTENT_SECURITY_POLICY, self.frame_ancestors.clone());
        Ok(response)
    }

    async fn forward(
        &self,
        session: &SessionId,
        ask: &Ask,
        head: Parts,
        line: Line,
        upload: Upload,
    ) -> Result<Response<Body>, Refusal> {
        let mut request = guest_request(ask, head.headers, upload.body)?;
        let bridge = self.bridge.as_ref();
        let injection = bridge.and_then(|bridge| bridge.prepare(ask, request.headers_mut()));
        let outgoing = Outgoing { request, progress: upload.progress };
        let answered = exchange(line.upstream.as_ref(), line.connection, outgoing, self.times()).await?;
        if answered.response.status().is_informational() {
            return Err(Refusal::new(Code::BadGateway, "The dev server switched protocols unasked."));
        }
        let response = self.pass_back(session, ask, answered);
        Ok(match bridge.zip(injection) {
            Some((bridge, injection)) => bridge.inject(&injection, response),
            None => response,
        })
    }

    /// An ordinary answer on its way back.
    fn pass_back(&self, session: &SessionId, ask: &Ask, answered: Answered) -> Response<Body> {
        let Answered { response, connection } = answered;
        if is_page_for_asset(ask, response.status(), response.headers()) {
            // Dropping the page closes the connection: cheaper than reading what nobody wants.
            return no_module(&ask.path);
        }
        self.pool.keep(session, connection);
        self.cleaned(response)
    }

    async fn tunnel(
        &self,
        (session, visitor): (&SessionId, &Admitted),
        ask: &Ask,
        mut head: Parts,
        line: Line,
    ) -> Result<Response<Body>, Refusal> {
        let generation = line.connection.generation;
        let seat =
            self.sockets.enter(session, generation, self.config.limits.max_sockets).ok_or_else(|| {
                Refusal::new(Code::TooManyRequests, "Too many sockets are open to this preview.")
            })?;
        let browser = head
            .extensions
            .remove::<OnUpgrade>()
            .ok_or_else(|| Refusal::new(Code::InvalidRequest, "This connection cannot be upgraded."))?;
        let mut request = guest_request(ask, head.headers, body::empty())?;
        // A handshake has no body; were one announced, the dev server would take the first frames for it.
        request.headers_mut().remove(CONTENT_LENGTH);
        request.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        request.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        let outgoing = Outgoing { request, progress: None };
        let mut answered = exchange(line.upstream.as_ref(), line.connection, outgoing, self.times()).await?;
        if answered.response.status() != StatusCode::SWITCHING_PROTOCOLS {
            return Ok(self.pass_back(session, ask, answered));
        }
        let guest = hyper::upgrade::on(&mut answered.response);
        let mut response = self.cleaned(answered.response);
        response.headers_mut().insert(CONNECTION, HeaderValue::from_static("Upgrade"));
        response.headers_mut().insert(UPGRADE, HeaderValue::from_static("websocket"));
        if !ask.is_probe {
            self.note_use(session, visitor, Activity::SocketOpened);
        }
        let link = self.link_seat(visitor);
        let back = ask.is_vite_hmr.then(|| self.back(session, link.clone()));
        let leash = Leash { seat, link };
        tokio::spawn(tunnel::run((browser, guest), leash, self.reporter((session, visitor), ask), back));
        Ok(response)
    }

    fn cleaned(&self, response: Response<Incoming>) -> Response<Body> {
        let (mut head, body) = response.into_parts();
        from_guest(&mut head.headers, &self.frame_ancestors);
        head.version = Version::HTTP_11;
        Response::from_parts(head, body::boxed(body))
    }

    fn times(&self) -> Times {
        Times { connect: self.config.limits.connect_timeout, response: self.config.limits.response_timeout }
    }
}

/// The request as the guest gets it: its own origin in `Host`, and nothing of ours.
fn guest_request(ask: &Ask, mut headers: HeaderMap, body: Body) -> Result<Request<Body>, Refusal> {
    to_guest(&mut headers);
    let invalid = || Refusal::new(Code::InvalidRequest, "The address is not valid.");
    let target = ask.target();
    if !target.starts_with('/') {
        return Err(invalid());
    }
    headers.insert(HOST, HeaderValue::try_from(ask.authority.as_str()).map_err(|_| invalid())?);
    let mut request = Request::new(body);
    *request.method_mut() = ask.method.clone();
    *request.uri_mut() = Uri::try_from(target).map_err(|_| invalid())?;
    *request.headers_mut() = headers;
    Ok(request)
}

fn is_reserved(path: &str) -> bool {
    path.strip_prefix(RESERVED_PATH).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
}

/// The policy that lets a preview be framed by itself and by the builder.
fn frame_ancestors<'a>(origins: impl Iterator<Item = &'a String>) -> Result<HeaderValue, InvalidGateway> {
    let mut policy = String::from("frame-ancestors 'self'");
    for origin in origins {
        if !is_origin(origin) {
            return Err(InvalidGateway::NotAnOrigin(origin.clone()));
        }
        policy.push(' ');
        policy.push_str(origin);
    }
    HeaderValue::try_from(&policy).map_err(|_| InvalidGateway::NotAnOrigin(policy))
}

fn is_origin(text: &str) -> bool {
    let rest = text.strip_prefix("http://").or_else(|| text.strip_prefix("https://"));
    rest.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b"-.:[]".contains(&b))
    })
}
