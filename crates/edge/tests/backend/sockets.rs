//! WebSockets to the back end.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{APP_HOST, DEADLINE, Server, World, body, code, header, text, until};
use http::{Response, StatusCode, request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

/// Upgrades, and sends back whatever bytes come.
async fn echo() -> Server {
    Server::start(|mut request| async move {
        let (asked, headers) = (request.uri().to_string(), request.headers().clone());
        let protocol = headers.get("sec-websocket-protocol").cloned();
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        let mut answer = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("x-asked", asked)
            .header("x-saw-app", headers["x-vitrine-app"].clone())
            .header("x-saw-cookie", headers.get("cookie").cloned().unwrap_or("none".parse().unwrap()))
            .header("set-cookie", "a=1; Domain=localhost")
            .header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        if let Some(protocol) = protocol {
            answer = answer.header("sec-websocket-protocol", protocol);
        }
        answer.body(body("")).unwrap()
    })
    .await
}

fn handshake(world: &World, path: &str) -> request::Builder {
    world
        .get(path)
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("origin", format!("http://{APP_HOST}"))
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

type Socket = TokioIo<hyper::upgrade::Upgraded>;

async fn open(world: &World, request: request::Builder) -> Socket {
    let mut answer = world.send(request).await;
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap())
}

async fn say(socket: &mut Socket, bytes: &[u8]) {
    socket.write_all(bytes).await.unwrap();
    let mut heard = vec![0; bytes.len()];
    tokio::time::timeout(DEADLINE, socket.read_exact(&mut heard)).await.expect("in time").unwrap();
    assert_eq!(heard, bytes);
}

async fn ends(socket: &mut Socket) {
    let end = tokio::time::timeout(DEADLINE, socket.read(&mut [0; 16])).await.expect("in time");
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_websocket_carries_bytes_both_ways_and_ends_with_its_visitor() {
    let server = echo().await;
    let world = World::before(&server).await;
    let mut socket = open(&world, handshake(&world, "/api/py/ws?room=1")).await;
    say(&mut socket, b"hello").await;
    say(&mut socket, &[7; 200_000]).await;
    assert_eq!(world.backend.open_count(&world.app), 1);
    drop(socket);
    until("the socket is closed", || world.backend.open_count(&world.app) == 0).await;
    until("the back end's end too", || server.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn a_handshake_follows_the_same_rules_as_any_request() {
    let world = World::before(&echo().await).await;
    let request = handshake(&world, "/api/py/ws?room=1")
        .header("cookie", "sid=1; vitrine_preview=x")
        .header("x-vitrine-app", "app_other")
        .header("sec-websocket-protocol", "chat");
    let answer = world.send(request).await;
    assert_eq!(header(&answer, "x-asked"), "/ws?room=1");
    assert_eq!(header(&answer, "x-saw-app"), world.app.as_str());
    assert_eq!(header(&answer, "x-saw-cookie"), "sid=1");
    assert_eq!(header(&answer, "set-cookie"), "a=1");
    assert_eq!(header(&answer, "sec-websocket-protocol"), "chat");
    assert_eq!(header(&answer, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn a_websocket_of_another_origin_or_out_of_the_path_is_refused() {
    let server = echo().await;
    let world = World::before(&server).await;
    for origin in
        ["http://evil.example", "http://desk.apps.localhost:4400", "https://lamp.apps.localhost:4400", "null"]
    {
        let mut request = handshake(&world, "/api/py/ws");
        request.headers_mut().unwrap().insert("origin", origin.parse().unwrap());
        assert_eq!(code(world.send(request).await).await, (403, "forbidden".into()), "{origin}");
    }
    let request = handshake(&world, "/api/py/%2e%2e/ws");
    assert_eq!(world.send(request).await.status(), StatusCode::BAD_REQUEST);
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_handshake_announces_no_body() {
    let world = World::before(&Server::mirror().await).await;
    let request = "GET /api/py/ws HTTP/1.1\r\nHost: x\r\nConnection: Upgrade, close\r\nUpgrade: websocket\r\n\
                   Content-Length: 2\r\n\r\nhi";
    let seen = world.raw(request.as_bytes()).await;
    let (_, seen) = seen.split_once("GET /ws\n").unwrap();
    assert!(seen.contains("upgrade: websocket\n") && !seen.contains("content-length"), "{seen}");
}

#[tokio::test]
async fn a_refused_handshake_is_an_ordinary_answer() {
    let world = World::before(&Server::saying("not here").await).await;
    let answer = world.send(handshake(&world, "/api/py/ws")).await;
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "not here"));
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn a_socket_ends_with_what_the_back_end_said_last() {
    let head = "HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbye";
    let world = World::before(&Server::writing(head).await).await;
    let mut socket = open(&world, handshake(&world, "/api/py/ws")).await;
    let mut heard = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut heard)).await;
    assert!(read.is_ok() && heard == b"bye");
    drop(socket);
    until("the socket is closed", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn a_silent_socket_is_closed_after_the_idle_time() {
    let server = echo().await;
    let world = World::with(&server, |config| config.idle_timeout = Duration::from_millis(300)).await;
    let mut socket = open(&world, handshake(&world, "/api/py/ws")).await;
    say(&mut socket, b"hello").await;
    ends(&mut socket).await;
    drop(socket);
    until("the back end's end too", || server.open.load(Ordering::SeqCst) == 0).await;
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn disconnecting_an_app_closes_its_sockets() {
    let world = World::before(&echo().await).await;
    let mut socket = open(&world, handshake(&world, "/api/py/ws")).await;
    say(&mut socket, b"hello").await;
    world.backend.disconnect(&world.app);
    ends(&mut socket).await;
    let mut new = open(&world, handshake(&world, "/api/py/ws")).await;
    say(&mut new, b"again").await;
}
