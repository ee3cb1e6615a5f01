//! A back end that is missing, down, slow or broken, and visitors that go away: every wait ends, with an answer that says
//! what to do.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{APP_HOST, DEADLINE, Server, World, body, code, piecewise, problem, text, until};
use futures::SinkExt;
use http::{Response, StatusCode};
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Long enough for everything that happens at once on a busy machine, short enough to wait for.
const SHORT: Duration = Duration::from_millis(250);

#[tokio::test]
async fn without_a_back_end_the_answer_names_the_setting() {
    let world = World::configured(|_| {}).await;
    let answer = problem(world.send(world.get("/api/py/chat")).await).await;
    assert_eq!((answer["status"].as_u64(), &answer["code"]), (Some(503), &"backend_not_configured".into()));
    assert!(answer["detail"].as_str().unwrap().contains("`backend.upstream`"), "{answer}");
    assert_eq!(answer["request_id"], world.request_id.as_str());
}

#[tokio::test]
async fn a_back_end_that_is_down_is_said_to_be_and_found_again_when_it_is_back() {
    let server = Server::saying("first").await;
    let world = World::before(&server).await;
    assert_eq!(text(world.send(world.get("/api/py/")).await).await, "first");
    let address = server.stop().await;
    let answer = problem(world.send(world.get("/api/py/")).await).await;
    assert_eq!(answer["code"], "backend_unavailable");
    assert!(!answer.to_string().contains(&address.port().to_string()), "{answer}");
    let post = world.post("/api/py/").body(body("x")).unwrap();
    assert_eq!(code(world.send_body(post).await).await, (502, "backend_unavailable".into()));
    let _again = Server::start_at(address, |_| async { Response::new(body("second")) }).await;
    assert_eq!(text(world.send(world.get("/api/py/")).await).await, "second");
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_said_to_be_none() {
    for nonsense in [
        "SSH-2.0-x\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned(),
        String::new(),
    ] {
        let world = World::before(&Server::writing(nonsense.clone()).await).await;
        let answer = code(world.send(world.get("/api/py/")).await).await;
        assert_eq!(answer, (502, "backend_unavailable".into()), "{nonsense:.40}");
    }
}

#[tokio::test]
async fn an_answer_that_breaks_off_does_not_look_whole() {
    for broken in [
        "HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nhalf",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n",
    ] {
        let world = World::before(&Server::writing(broken).await).await;
        let answer = world.send(world.get("/api/py/")).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let collected = tokio::time::timeout(DEADLINE, answer.into_body().collect()).await.expect("in time");
        assert!(collected.is_err(), "{broken}");
    }
}

#[tokio::test]
async fn a_back_end_that_does_not_answer_is_a_gateway_timeout_and_is_hung_up_on() {
    let server = Server::start(|_| std::future::pending()).await;
    let world = World::with(&server, |config| config.response_timeout = SHORT).await;
    let answer = world.send(world.get("/api/py/")).await;
    assert_eq!(code(answer).await, (504, "gateway_timeout".into()));
    until("its connection is closed", || server.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_back_end_that_takes_no_more_of_a_body_is_a_gateway_timeout() {
    let server = Server::raw(|stream| {
        Box::pin(async move {
            let _stream = stream;
            std::future::pending::<()>().await;
        })
    })
    .await;
    let world = World::with(&server, |config| config.response_timeout = SHORT).await;
    // More than the sockets on the way hold.
    let post = world.post("/api/py/").body(body(vec![0; 32 * 1024 * 1024])).unwrap();
    assert_eq!(code(world.send_body(post).await).await, (504, "gateway_timeout".into()));
}

#[tokio::test]
async fn a_visitor_that_stops_sending_is_told_so() {
    let server = Server::start(|request| async move {
        let _ = request.into_body().collect().await;
        Response::new(body("whole"))
    })
    .await;
    let world = World::with(&server, |config| config.response_timeout = SHORT).await;
    let (mut pieces, chunked) = piecewise();
    let post = world.post("/api/py/").body(chunked).unwrap();
    let (answer, _) = tokio::join!(world.send_body(post), pieces.send("and then"));
    assert_eq!(code(answer).await, (400, "invalid_request".into()));
    until("the back end is left alone", || server.open.load(Ordering::SeqCst) == 0).await;
}

/// A back end whose answer begins with one piece; the rest is up to the test.
async fn beginning() -> (Server, futures::channel::mpsc::Sender<&'static str>) {
    let (pieces, body) = piecewise();
    let body = Mutex::new(Some(body));
    let server = Server::start(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { Response::new(body) }
    })
    .await;
    (server, pieces)
}

#[tokio::test]
async fn an_answer_that_stands_still_is_cut_off() {
    let (server, mut pieces) = beginning().await;
    let world = World::with(&server, |config| config.idle_timeout = SHORT).await;
    let (answer, _) = tokio::join!(world.send(world.get("/api/py/")), pieces.send("one"));
    let collected = tokio::time::timeout(DEADLINE, answer.into_body().collect()).await.expect("in time");
    assert!(collected.is_err());
    until("the back end is left alone", || server.open.load(Ordering::SeqCst) == 0).await;
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn a_visitor_that_does_not_read_does_not_hold_the_back_end() {
    let server = Server::start(|_| async { Response::new(body(vec![0; 64 * 1024 * 1024])) }).await;
    let world = World::with(&server, |config| config.idle_timeout = SHORT).await;
    let mut stream = world.connect().await;
    let request = format!("GET /api/py/ HTTP/1.1\r\nHost: {APP_HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    stream.read_exact(&mut [0; 100]).await.unwrap();
    until("the back end is left alone", || server.open.load(Ordering::SeqCst) == 0).await;
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn a_visitor_that_goes_away_ends_the_request() {
    let asked = Arc::new(AtomicUsize::new(0));
    let counter = asked.clone();
    let server = Server::start(move |_| {
        counter.fetch_add(1, Ordering::SeqCst);
        std::future::pending()
    })
    .await;
    let world = World::before(&server).await;
    let mut stream = world.connect().await;
    let request = format!("GET /api/py/ HTTP/1.1\r\nHost: {APP_HOST}\r\n\r\n");
    stream.write_all(request.as_bytes()).await.unwrap();
    until("the back end is asked", || asked.load(Ordering::SeqCst) == 1).await;
    drop(stream);
    until("its connection is closed", || server.open.load(Ordering::SeqCst) == 0).await;
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn a_visitor_that_goes_away_ends_the_answer() {
    let (server, mut pieces) = beginning().await;
    let world = World::before(&server).await;
    let (mut answer, _) = tokio::join!(world.send(world.get("/api/py/")), pieces.send("one"));
    answer.body_mut().frame().await.unwrap().unwrap();
    drop(answer);
    until("its connection is closed", || server.open.load(Ordering::SeqCst) == 0).await;
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn disconnecting_an_app_ends_its_answers() {
    let (server, mut pieces) = beginning().await;
    let world = World::before(&server).await;
    let (answer, _) = tokio::join!(world.send(world.get("/api/py/")), pieces.send("one"));
    world.backend.disconnect(&world.app);
    let collected = tokio::time::timeout(DEADLINE, answer.into_body().collect()).await.expect("in time");
    assert!(collected.is_err());
    until("the back end is left alone", || server.open.load(Ordering::SeqCst) == 0).await;
}

/// Answers once per connection, then takes the next request and dies of it.
async fn hangs_up() -> Server {
    Server::raw(|mut stream| {
        Box::pin(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
            let _ = stream.read(&mut [0; 4096]).await;
        })
    })
    .await
}

#[tokio::test]
async fn a_request_without_effects_survives_a_dead_connection_and_one_with_effects_is_not_sent_twice() {
    let server = hangs_up().await;
    let world = World::before(&server).await;
    let get = async || text(world.send(world.get("/api/py/")).await).await;
    assert_eq!(get().await, "hi");
    until("the answer is over", || world.backend.open_count(&world.app) == 0).await;
    assert_eq!(get().await, "hi");
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
    until("the answer is over", || world.backend.open_count(&world.app) == 0).await;
    let post = world.post("/api/py/").body(body("x")).unwrap();
    assert_eq!(code(world.send_body(post).await).await, (502, "backend_unavailable".into()));
    assert_eq!(server.connections.load(Ordering::SeqCst), 2);
}
