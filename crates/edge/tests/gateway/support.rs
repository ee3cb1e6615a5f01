//! A gateway on a real socket, with sessions that stand where the test puts them and guests that do what it says.

use std::collections::{HashMap, HashSet};
use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::atomic::{AtomicBool, AtomicU64, AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use futures::future::BoxFuture;
use http::header::{COOKIE, HOST, SET_COOKIE};
use http::{Request, Response, request};
use http_body_util::{BodyExt, Empty, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Notify;
use vitrine_edge::{
    Activity, Body, DialError, Gateway, GatewayConfig, GatewayLimits, HostMap, OpenLink, PreviewState,
    PreviewTargets, Redeemed, Redemption, Reported, Scheme, Teller, Upstream, WaitInfo,
};
use vitrine_model::source::Clock as _;
use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
use vitrine_model::{LinkId, SessionId, Timestamp};

/// However slow the machine is, what has not happened by now will not.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

pub(crate) const SECURE: &str = "__Host-vitrine_preview";

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waited).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

/// The sessions of a test.
#[derive(Default)]
pub(crate) struct Targets {
    states: Mutex<HashMap<SessionId, PreviewState>>,
    on_wake: Mutex<Option<PreviewState>>,
    pub(crate) wakes: AtomicUsize,
    pub(crate) is_resting: AtomicBool,
    pub(crate) touches: Mutex<Vec<Activity>>,
    redeemed: Mutex<HashSet<(String, String)>>,
    pub(crate) links: Mutex<HashMap<LinkId, OpenLink>>,
    pub(crate) expiries: Mutex<HashMap<SessionId, Timestamp>>,
    pub(crate) told: Mutex<Vec<(Teller, String)>>,
    pub(crate) reported: Mutex<Option<Reported>>,
    news: Notify,
}

impl Targets {
    pub(crate) fn set(&self, session: &SessionId, state: PreviewState) {
        self.states.lock().unwrap().insert(session.clone(), state);
        self.news.notify_waiters();
    }

    pub(crate) fn when_woken(&self, state: PreviewState) {
        *self.on_wake.lock().unwrap() = Some(state);
    }

    pub(crate) fn touched(&self) -> Vec<Activity> {
        self.touches.lock().unwrap().clone()
    }
}

#[async_trait::async_trait]
impl PreviewTargets for Targets {
    async fn resolve(&self, session: &SessionId) -> PreviewState {
        self.states.lock().unwrap().get(session).cloned().unwrap_or(PreviewState::NotFound)
    }

    async fn wake(&self, session: &SessionId) {
        self.wakes.fetch_add(1, Ordering::SeqCst);
        let next = self.on_wake.lock().unwrap().clone();
        if let Some(state) = next {
            self.set(session, state);
        }
    }

    async fn changed(&self, _session: &SessionId) {
        self.news.notified().await;
    }

    async fn redeem(&self, token: Redemption<'_>) -> Redeemed {
        let key = (token.subject.to_owned(), token.nonce.to_owned());
        match self.redeemed.lock().unwrap().insert(key) {
            true => Redeemed::First,
            false => Redeemed::Again,
        }
    }

    async fn link(&self, link: &LinkId) -> Option<OpenLink> {
        self.links.lock().unwrap().get(link).copied()
    }

    fn expires_at(&self, session: &SessionId) -> Option<Timestamp> {
        self.expiries.lock().unwrap().get(session).copied()
    }

    fn is_resting(&self, _session: &SessionId) -> bool {
        self.is_resting.load(Ordering::SeqCst)
    }

    fn report(&self, _session: &SessionId, teller: Teller, batch: &[u8]) -> Reported {
        self.told.lock().unwrap().push((teller, String::from_utf8(batch.to_vec()).unwrap()));
        self.reported.lock().unwrap().unwrap_or(Reported::Taken)
    }

    fn touch(&self, _session: &SessionId, activity: Activity) {
        self.touches.lock().unwrap().push(activity);
    }
}

/// A dev server of the test's making.
pub(crate) struct Guest {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    pub(crate) dials: AtomicUsize,
    generation: AtomicU64,
}

impl Guest {
    /// Answers with `answer`.
    pub(crate) async fn start<F, A>(answer: F) -> Arc<Self>
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        Self::raw(move |stream| {
            let answer = answer.clone();
            Box::pin(async move {
                let service = service_fn(move |request| {
                    let answered = answer(request);
                    async move { Ok::<_, Infallible>(answered.await) }
                });
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
            })
        })
        .await
    }

    /// Does with connections whatever `serve` does.
    pub(crate) async fn raw(
        serve: impl Fn(TcpStream) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Arc<Self> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let connections = Arc::new(AtomicUsize::new(0));
        let counter = connections.clone();
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                tokio::spawn(serve(stream));
            }
        });
        Arc::new(Self { address, connections, dials: AtomicUsize::new(0), generation: AtomicU64::new(1) })
    }

    /// Whatever listens at an address, or nothing.
    pub(crate) fn at(address: SocketAddr) -> Arc<Self> {
        Arc::new(Self {
            address,
            connections: Arc::default(),
            dials: AtomicUsize::new(0),
            generation: AtomicU64::new(1),
        })
    }

    /// Answers every request with the same text, as HTML.
    pub(crate) async fn saying(text: &'static str) -> Arc<Self> {
        Self::start(move |_| async move { html(text) }).await
    }

    /// The same address counts as another dev server from now on.
    pub(crate) fn next_generation(&self) {
        self.generation.fetch_add(1, Ordering::SeqCst);
    }

    pub(crate) fn running(self: &Arc<Self>) -> PreviewState {
        PreviewState::Running(self.clone())
    }
}

#[async_trait::async_trait]
impl Upstream for Guest {
    async fn dial(&self) -> Result<vitrine_sandbox::Stream, DialError> {
        self.dials.fetch_add(1, Ordering::SeqCst);
        TcpStream::connect(self.address).await.map(Into::into).map_err(|_| DialError::Refused)
    }

    fn generation(&self) -> u64 {
        self.generation.load(Ordering::SeqCst)
    }
}

pub(crate) fn html(text: &'static str) -> Response<Body> {
    Response::builder().header("content-type", "text/html").body(body(text)).unwrap()
}

pub(crate) fn body(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

pub(crate) fn starting() -> PreviewState {
    PreviewState::Starting(WaitInfo { app_name: "Lamp <3".to_owned(), steps: Vec::new() })
}

/// A gateway, its sessions and a client.
pub(crate) struct World {
    pub(crate) gateway: Arc<Gateway>,
    pub(crate) targets: Arc<Targets>,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) session: SessionId,
    pub(crate) other: SessionId,
    pub(crate) address: SocketAddr,
}

impl World {
    pub(crate) async fn new() -> Self {
        Self::with(|_| {}).await
    }

    /// With `session` running on `guest`.
    pub(crate) async fn running(guest: &Arc<Guest>) -> Self {
        let world = Self::new().await;
        world.targets.set(&world.session, guest.running());
        world
    }

    pub(crate) async fn with(change: impl FnOnce(&mut GatewayConfig)) -> Self {
        let clock = Arc::new(FixedClock::at_millis(1_700_000_000_000));
        let entropy = CountingEntropy::default();
        let mint = || SessionId::mint(clock.as_ref(), &entropy);
        let mut config = GatewayConfig {
            hosts: HostMap::new(["localhost"], "preview.localhost", "apps.localhost", "cdn.localhost")
                .unwrap(),
            scheme: Scheme::Http,
            public_port: Some(4400),
            builder_origins: vec!["http://localhost:4400".to_owned()],
            bridge: None,
            limits: GatewayLimits::default(),
        };
        change(&mut config);
        let targets = Arc::new(Targets::default());
        let gateway = Gateway::new(
            config,
            targets.clone(),
            &[9; 32],
            (clock.clone(), Arc::new(CountingEntropy::default())),
        )
        .unwrap();
        let gateway = Arc::new(gateway);
        let address = serve(gateway.clone()).await;
        let (session, other) = (mint(), mint());
        Self { gateway, targets, clock, session, other, address }
    }

    /// A request for a session's host, without any cookie.
    pub(crate) fn bare(&self, session: &SessionId, path: &str) -> request::Builder {
        let host = self.gateway.config().hosts.preview_host(session);
        Request::builder().uri(path).header(HOST, format!("{host}:4400"))
    }

    /// A request with the session's cookie.
    pub(crate) async fn get(&self, path: &str) -> request::Builder {
        self.bare(&self.session, path).header(COOKIE, self.cookie(&self.session).await)
    }

    /// A person's request for a page, with the cookie.
    pub(crate) async fn navigate(&self, path: &str) -> request::Builder {
        self.get(path).await.header("sec-fetch-mode", "navigate").header("accept", "text/html")
    }

    /// The cookie a token of this session is exchanged for. The session must be known.
    pub(crate) async fn cookie(&self, session: &SessionId) -> String {
        let path = format!("/?vitrine_token={}", self.gateway.token(session));
        let answer = self.send(self.bare(session, &path)).await;
        let line = answer.headers().get(SET_COOKIE).expect("a cookie").to_str().unwrap();
        line.split(';').next().unwrap().to_owned()
    }

    /// A link to the session, open for an hour and counting as use for half of it.
    pub(crate) fn link(&self) -> LinkId {
        let link = LinkId::mint(self.clock.as_ref(), &CountingEntropy::default());
        let now = self.clock.now();
        let open = OpenLink { ends_at: now.plus_secs(3_600), counts_until: now.plus_secs(1_800) };
        self.targets.links.lock().unwrap().insert(link.clone(), open);
        link
    }

    /// The cookie of a visitor by link.
    pub(crate) async fn link_cookie(&self, link: &LinkId) -> String {
        let url = self.gateway.link_url(&self.session, link);
        let path = format!("/?{}", url.split_once('?').unwrap().1);
        let answer = self.send(self.bare(&self.session, &path)).await;
        let line = answer.headers().get(SET_COOKIE).expect("a cookie").to_str().unwrap();
        line.split(';').next().unwrap().to_owned()
    }

    /// Takes a link back, as the server does.
    pub(crate) fn take_back(&self, link: &LinkId) {
        self.targets.links.lock().unwrap().remove(link);
        self.gateway.close_link(link);
    }

    pub(crate) async fn send(&self, request: request::Builder) -> Response<Incoming> {
        self.send_body(request.body(Empty::new()).unwrap()).await
    }

    pub(crate) async fn send_body<B>(&self, request: Request<B>) -> Response<Incoming>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<vitrine_edge::BoxError>,
    {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(driver.with_upgrades());
        let body = request.map(|body| body.map_err(Into::into).boxed_unsync());
        tokio::time::timeout(DEADLINE, sender.send_request(body)).await.expect("in time").unwrap()
    }
}

async fn serve(gateway: Arc<Gateway>) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            let gateway = gateway.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let gateway = gateway.clone();
                async move { Ok::<_, Infallible>(route(&gateway, request).await) }
            });
            tokio::spawn(async move {
                let _ = hyper::server::conn::http1::Builder::new()
                    .serve_connection(TokioIo::new(stream), service)
                    .with_upgrades()
                    .await;
            });
        }
    });
    address
}

/// As the server does it.
async fn route(gateway: &Gateway, request: Request<Incoming>) -> Response<Body> {
    let (head, body) = request.into_parts();
    match gateway.config().hosts.classify_request(&head) {
        vitrine_edge::HostKind::Preview(session) => {
            gateway.handle(session, Request::from_parts(head, body)).await
        }
        _ => vitrine_edge::misdirected(&head),
    }
}

pub(crate) async fn text(response: Response<Incoming>) -> String {
    let collected = tokio::time::timeout(DEADLINE, response.into_body().collect()).await;
    String::from_utf8(collected.expect("in time").unwrap().to_bytes().to_vec()).unwrap()
}

pub(crate) fn header<'a, B>(response: &'a Response<B>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The code of a problem document.
pub(crate) async fn code(response: Response<Incoming>) -> String {
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    let problem: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    problem["code"].as_str().unwrap().to_owned()
}
