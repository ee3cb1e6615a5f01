//! A back end on a real socket that does what the test says, an app in front of it, and a visitor.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures::StreamExt;
use futures::channel::mpsc;
use futures::future::BoxFuture;
use http::header::HOST;
use http::{Request, Response, request};
use http_body_util::{BodyExt, Empty, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use vitrine_edge::{Backend, BackendConfig, Body, BoxError, Scheme, Visitor};
use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
use vitrine_model::{AppId, RequestId};

/// However slow the machine is, what has not happened by now will not.
pub(crate) const DEADLINE: Duration = Duration::from_secs(20);

/// Where the app's visitors are.
pub(crate) const APP_HOST: &str = "lamp.apps.localhost:4400";

/// Waits for a condition.
pub(crate) async fn until(what: &str, mut condition: impl FnMut() -> bool) {
    let waited = async {
        while !condition() {
            tokio::time::sleep(Duration::from_millis(1)).await;
        }
    };
    tokio::time::timeout(DEADLINE, waited).await.unwrap_or_else(|_| panic!("never happened: {what}"));
}

/// A back end of the test's making.
pub(crate) struct Server {
    pub(crate) address: SocketAddr,
    pub(crate) connections: Arc<AtomicUsize>,
    /// Connections that are open.
    pub(crate) open: Arc<AtomicUsize>,
    task: tokio::task::JoinHandle<()>,
}

impl Server {
    /// Answers with `answer`.
    pub(crate) async fn start<F, A>(answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        Self::start_at("127.0.0.1:0".parse().unwrap(), answer).await
    }

    pub(crate) async fn start_at<F, A>(address: SocketAddr, answer: F) -> Self
    where
        F: Fn(Request<Incoming>) -> A + Send + Sync + 'static,
        A: Future<Output = Response<Body>> + Send + 'static,
    {
        let answer = Arc::new(answer);
        Self::raw_at(address, move |stream| {
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
    pub(crate) async fn raw(serve: impl Fn(TcpStream) -> BoxFuture<'static, ()> + Send + 'static) -> Self {
        Self::raw_at("127.0.0.1:0".parse().unwrap(), serve).await
    }

    async fn raw_at(
        address: SocketAddr,
        serve: impl Fn(TcpStream) -> BoxFuture<'static, ()> + Send + 'static,
    ) -> Self {
        let listener = TcpListener::bind(address).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (connections, open) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
        let (counter, opened) = (connections.clone(), open.clone());
        let task = tokio::spawn(async move {
            let mut running = tokio::task::JoinSet::new();
            while let Ok((stream, _)) = listener.accept().await {
                counter.fetch_add(1, Ordering::SeqCst);
                opened.fetch_add(1, Ordering::SeqCst);
                let (served, opened) = (serve(stream), opened.clone());
                running.spawn(async move {
                    served.await;
                    opened.fetch_sub(1, Ordering::SeqCst);
                });
            }
        });
        Self { address, connections, open, task }
    }

    /// Answers every request with the same text.
    pub(crate) async fn saying(text: &'static str) -> Self {
        Self::start(move |_| async move { Response::new(body(text)) }).await
    }

    /// Answers with what it was asked: the request line and the headers, one per line.
    pub(crate) async fn mirror() -> Self {
        Self::start(|request| async move {
            let mut lines = format!("{} {}\n", request.method(), request.uri());
            for (name, value) in request.headers() {
                lines.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
            }
            Response::new(body(lines))
        })
        .await
    }

    /// Reads a request, writes these bytes and hangs up.
    pub(crate) async fn writing(bytes: impl Into<Vec<u8>>) -> Self {
        let bytes = bytes.into();
        Self::raw(move |mut stream| {
            let bytes = bytes.clone();
            Box::pin(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(&bytes).await;
            })
        })
        .await
    }

    /// Nothing listens any more, and what was connected is cut off.
    pub(crate) async fn stop(self) -> SocketAddr {
        self.task.abort();
        let _ = self.task.await;
        self.address
    }
}

/// The app's origin, with the way to the back end, and its visitor.
pub(crate) struct World {
    pub(crate) backend: Arc<Backend>,
    pub(crate) app: AppId,
    pub(crate) request_id: RequestId,
    address: SocketAddr,
}

impl World {
    pub(crate) async fn before(server: &Server) -> Self {
        Self::with(server, |_| {}).await
    }

    pub(crate) async fn with(server: &Server, change: impl FnOnce(&mut BackendConfig)) -> Self {
        let upstream = format!("http://{}", server.address);
        Self::configured(|config| {
            config.upstream = Some(upstream.parse().unwrap());
            change(config);
        })
        .await
    }

    pub(crate) async fn configured(change: impl FnOnce(&mut BackendConfig)) -> Self {
        let mut config = BackendConfig::default();
        change(&mut config);
        let backend = Arc::new(Backend::new(config).unwrap());
        let clock = FixedClock::at_millis(1_700_000_000_000);
        let entropy = CountingEntropy::default();
        let (app, request_id) = (AppId::mint(&clock, &entropy), RequestId::mint(&clock, &entropy));
        let address = serve(backend.clone(), app.clone(), request_id.clone()).await;
        Self { backend, app, request_id, address }
    }

    pub(crate) fn get(&self, path: &str) -> request::Builder {
        Request::builder().uri(path).header(HOST, APP_HOST)
    }

    pub(crate) fn post(&self, path: &str) -> request::Builder {
        self.get(path).method("POST")
    }

    pub(crate) async fn send(&self, request: request::Builder) -> Response<Incoming> {
        self.send_body(request.body(Empty::new()).unwrap()).await
    }

    pub(crate) async fn send_body<B>(&self, request: Request<B>) -> Response<Incoming>
    where
        B: hyper::body::Body<Data = Bytes> + Send + 'static,
        B::Error: Into<BoxError>,
    {
        let stream = TcpStream::connect(self.address).await.unwrap();
        let (mut sender, driver) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await.unwrap();
        tokio::spawn(driver.with_upgrades());
        let body = request.map(|body| body.map_err(Into::into).boxed_unsync());
        tokio::time::timeout(DEADLINE, sender.send_request(body)).await.expect("in time").unwrap()
    }

    /// Writes bytes as they are and reads until the connection ends.
    pub(crate) async fn raw(&self, bytes: &[u8]) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes).await.unwrap();
        let mut answer = Vec::new();
        let read = tokio::time::timeout(DEADLINE, stream.read_to_end(&mut answer)).await;
        let _ = read.expect("in time");
        String::from_utf8(answer).unwrap()
    }

    pub(crate) async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }
}

async fn serve(backend: Arc<Backend>, app: AppId, request_id: RequestId) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let visitor = Arc::new((backend, app, request_id));
    tokio::spawn(async move {
        while let Ok((stream, peer)) = listener.accept().await {
            let shared = visitor.clone();
            let service = service_fn(move |request: Request<Incoming>| {
                let shared = shared.clone();
                async move {
                    let (backend, app, request_id) = shared.as_ref();
                    let (scheme, slug) = (Scheme::Http, "lamp");
                    let visitor = Visitor { app, slug, scheme, host: APP_HOST, peer: peer.ip(), request_id };
                    Ok::<_, Infallible>(backend.handle(&visitor, request).await)
                }
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

pub(crate) fn body(text: impl Into<Bytes>) -> Body {
    Full::new(text.into()).map_err(|never| match never {}).boxed_unsync()
}

/// A body the test writes piece by piece.
pub(crate) fn piecewise() -> (mpsc::Sender<&'static str>, Body) {
    let (sender, pieces) = mpsc::channel(0);
    let frames = pieces.map(|piece| Ok(Frame::data(Bytes::from_static(str::as_bytes(piece)))));
    (sender, StreamBody::new(frames).boxed_unsync())
}

pub(crate) async fn text(response: Response<Incoming>) -> String {
    let collected = tokio::time::timeout(DEADLINE, response.into_body().collect()).await;
    String::from_utf8(collected.expect("in time").unwrap().to_bytes().to_vec()).unwrap()
}

pub(crate) fn header<'a, B>(response: &'a Response<B>, name: &str) -> &'a str {
    response.headers().get(name).map_or("", |value| value.to_str().unwrap())
}

/// The problem document of an answer, after its head was looked at.
pub(crate) async fn problem(response: Response<Incoming>) -> serde_json::Value {
    let status = response.status().as_u16();
    assert_eq!(header(&response, "content-type"), "application/problem+json");
    assert_eq!(header(&response, "cache-control"), "no-store");
    let problem: serde_json::Value = serde_json::from_str(&text(response).await).unwrap();
    assert_eq!(problem["status"], status);
    problem
}

/// Status and code of a problem document.
pub(crate) async fn code(response: Response<Incoming>) -> (u16, String) {
    let problem = problem(response).await;
    (problem["status"].as_u64().unwrap().try_into().unwrap(), problem["code"].as_str().unwrap().to_owned())
}
