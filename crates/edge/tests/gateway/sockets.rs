//! WebSockets through the gateway.

use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{DEADLINE, Guest, World, body, code, header, starting, text, until};
use http::{Response, StatusCode, request};
use hyper_util::rt::TokioIo;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use vitrine_edge::{Activity, PreviewState, WaitInfo};

/// Upgrades, and sends back whatever bytes come.
pub(crate) async fn echo() -> Arc<Guest> {
    Guest::start(|mut request| async move {
        let protocol = request.headers().get("sec-websocket-protocol").cloned();
        let has_ours = request.headers().get("cookie").is_some();
        tokio::spawn(async move {
            let upgraded = hyper::upgrade::on(&mut request).await.unwrap();
            let (mut from, mut to) = tokio::io::split(TokioIo::new(upgraded));
            let _ = tokio::io::copy(&mut from, &mut to).await;
        });
        let mut answer = Response::builder()
            .status(StatusCode::SWITCHING_PROTOCOLS)
            .header("connection", "Upgrade")
            .header("upgrade", "websocket")
            .header("x-saw-cookie", has_ours.to_string())
            .header("sec-websocket-accept", "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
        if let Some(protocol) = protocol {
            answer = answer.header("sec-websocket-protocol", protocol);
        }
        answer.body(body("")).unwrap()
    })
    .await
}

async fn handshake(world: &World, path: &str) -> request::Builder {
    upgrading(world.get(path).await)
}

pub(crate) fn upgrading(request: request::Builder) -> request::Builder {
    request
        .header("connection", "keep-alive, Upgrade")
        .header("upgrade", "websocket")
        .header("sec-websocket-version", "13")
        .header("sec-websocket-key", "dGhlIHNhbXBsZSBub25jZQ==")
}

fn own_origin(world: &World) -> String {
    world.gateway.config().preview_origin(&world.session)
}

pub(crate) type Socket = TokioIo<hyper::upgrade::Upgraded>;

pub(crate) async fn open(world: &World, request: request::Builder) -> Socket {
    let mut answer = world.send(request.header("origin", own_origin(world))).await;
    assert_eq!(answer.status(), StatusCode::SWITCHING_PROTOCOLS);
    assert_eq!(header(&answer, "upgrade"), "websocket");
    assert_eq!(header(&answer, "x-saw-cookie"), "false");
    TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap())
}

pub(crate) async fn say(socket: &mut Socket, bytes: &[u8]) {
    socket.write_all(bytes).await.unwrap();
    let mut heard = vec![0; bytes.len()];
    tokio::time::timeout(DEADLINE, socket.read_exact(&mut heard)).await.expect("in time").unwrap();
    assert_eq!(heard, bytes);
}

pub(crate) async fn ends(socket: &mut Socket) {
    let end = tokio::time::timeout(DEADLINE, socket.read(&mut [0; 16])).await.expect("in time");
    assert!(matches!(end, Ok(0) | Err(_)));
}

#[tokio::test]
async fn a_websocket_carries_bytes_both_ways() {
    let world = World::running(&echo().await).await;
    let mut socket = open(&world, handshake(&world, "/socket").await).await;
    say(&mut socket, b"hello").await;
    say(&mut socket, &[7; 200_000]).await;
    assert_eq!(world.gateway.open_sockets(&world.session), 1);
    drop(socket);
    until("the socket is closed", || world.gateway.open_sockets(&world.session) == 0).await;
}

#[tokio::test]
async fn the_subprotocol_is_negotiated_with_the_guest() {
    let world = World::running(&echo().await).await;
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-hmr");
    let answer = world.send(request).await;
    assert_eq!(header(&answer, "sec-websocket-protocol"), "vite-hmr");
    assert_eq!(header(&answer, "sec-websocket-accept"), "s3pPLMBiTxaQ9kYGzzhZRbK+xOo=");
}

#[tokio::test]
async fn a_websocket_of_another_origin_or_without_the_cookie_is_refused() {
    let world = World::running(&echo().await).await;
    for origin in ["http://evil.example", "http://localhost:4400", "null"] {
        let answer = world.send(handshake(&world, "/").await.header("origin", origin)).await;
        assert_eq!(answer.status(), StatusCode::FORBIDDEN, "{origin}");
    }
    let bare = world.bare(&world.session, "/").header("connection", "upgrade").header("upgrade", "websocket");
    assert_eq!(world.send(bare).await.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_refused_handshake_is_an_ordinary_answer() {
    let world = World::running(&Guest::saying("not here").await).await;
    let answer = world.send(handshake(&world, "/").await).await;
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "not here"));
    assert_eq!(world.gateway.open_sockets(&world.session), 0);
}

#[tokio::test]
async fn sockets_close_when_the_session_gets_another_dev_server_or_is_disconnected() {
    let guest = echo().await;
    let world = World::running(&guest).await;
    let mut old = open(&world, handshake(&world, "/").await).await;
    guest.next_generation();
    let mut new = open(&world, handshake(&world, "/").await).await;
    ends(&mut old).await;
    say(&mut new, b"still here").await;
    world.gateway.disconnect(&world.session);
    ends(&mut new).await;
    until("none is counted", || world.gateway.open_sockets(&world.session) == 0).await;
}

#[tokio::test]
async fn a_socket_ends_when_its_dev_server_does() {
    let guest = Guest::raw(|mut stream| {
        Box::pin(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let head =
                b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\nbye";
            let _ = stream.write_all(head).await;
        })
    })
    .await;
    let world = World::running(&guest).await;
    let mut answer = world.send(handshake(&world, "/").await).await;
    let mut socket = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
    let mut heard = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut heard)).await;
    assert!(read.is_ok() && heard == b"bye");
}

#[tokio::test]
async fn sockets_per_session_are_limited() {
    let world = World::with(|config| config.limits.max_sockets = 1).await;
    world.targets.set(&world.session, echo().await.running());
    let _first = open(&world, handshake(&world, "/").await).await;
    let answer = world.send(handshake(&world, "/").await).await;
    assert_eq!(code(answer).await, "too_many_requests");
}

#[tokio::test]
async fn what_the_page_sends_is_use_and_heartbeats_are_not() {
    let world = World::running(&echo().await).await;
    let mut socket = open(&world, handshake(&world, "/chat").await).await;
    say(&mut socket, &[0; 16]).await;
    assert_eq!(world.targets.touched(), [Activity::SocketOpened]);
    say(&mut socket, &[0; 17]).await;
    assert_eq!(world.targets.touched(), [Activity::SocketOpened, Activity::SocketData]);
}

#[tokio::test]
async fn the_pings_of_a_client_are_answered_while_the_dev_server_stands_still() {
    let world = World::running(&echo().await).await;
    let mut socket = open(&world, handshake(&world, "/chat").await).await;
    let ping = [0x89, 0x82, 1, 2, 3, 4, b'h' ^ 1, b'i' ^ 2];
    let answer = async |socket: &mut Socket, sent: &[u8], expected: &[u8]| {
        socket.write_all(sent).await.unwrap();
        let mut heard = vec![0; expected.len()];
        tokio::time::timeout(DEADLINE, socket.read_exact(&mut heard)).await.expect("in time").unwrap();
        assert_eq!(heard, expected);
    };
    answer(&mut socket, &ping, &ping).await;
    world.targets.is_resting.store(true, Ordering::SeqCst);
    // The echo of the ping above is a masked frame, whole: a pong may follow.
    answer(&mut socket, &ping, b"\x8A\x02hi").await;
    answer(&mut socket, b"\x81\x81maska", b"\x81\x81maska").await;
    answer(&mut socket, &[&ping[..], &ping].concat(), b"\x8A\x02hi\x8A\x02hi").await;
    world.targets.is_resting.store(false, Ordering::SeqCst);
    answer(&mut socket, &ping, &ping).await;
    assert_eq!(world.targets.touched(), [Activity::SocketOpened], "a ping is no use");
}

#[tokio::test]
async fn an_hmr_channel_is_use_when_it_opens_and_a_probe_never() {
    let world = World::running(&echo().await).await;
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-ping");
    say(&mut open(&world, request).await, &[0; 100]).await;
    assert!(world.targets.touched().is_empty());
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-hmr");
    say(&mut open(&world, request).await, &[0; 100]).await;
    assert_eq!(world.targets.touched(), [Activity::SocketOpened]);
}

#[tokio::test]
async fn a_socket_wakes_a_session_and_a_probe_does_not() {
    let world = World::with(|config| config.limits.hold_request = Duration::from_secs(10)).await;
    world.targets.set(&world.session, PreviewState::Asleep(WaitInfo::default()));
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-ping");
    assert_eq!(code(world.send(request).await).await, "session_starting");
    assert_eq!(world.targets.wakes.load(Ordering::SeqCst), 0);
    world.targets.when_woken(echo().await.running());
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-hmr");
    say(&mut open(&world, request).await, b"awake").await;
    assert_eq!(world.targets.wakes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_page_is_told_to_reload_when_its_dev_server_is_back() {
    let dies = Guest::raw(|mut stream| {
        Box::pin(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let head = b"HTTP/1.1 101 Switching Protocols\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n\x81\x02{}";
            let _ = stream.write_all(head).await;
        })
    })
    .await;
    let world = World::running(&dies).await;
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-hmr");
    let mut answer = world.send(request).await;
    world.targets.set(&world.session, starting());
    let mut socket = TokioIo::new(hyper::upgrade::on(&mut answer).await.unwrap());
    let mut hello = [0; 4];
    socket.read_exact(&mut hello).await.unwrap();
    until("the old socket is gone", || world.gateway.open_sockets(&world.session) == 0).await;
    world.targets.set(&world.session, echo().await.running());
    let mut heard = Vec::new();
    tokio::time::timeout(DEADLINE, socket.read_to_end(&mut heard)).await.expect("in time").unwrap();
    assert_eq!(heard, b"\x81\x16{\"type\":\"full-reload\"}");
}

#[tokio::test]
async fn a_page_whose_session_is_over_is_not_kept_waiting() {
    let world = World::running(&echo().await).await;
    let request = handshake(&world, "/").await.header("sec-websocket-protocol", "vite-hmr");
    let mut socket = open(&world, request).await;
    world.targets.set(&world.session, PreviewState::Over);
    world.gateway.disconnect(&world.session);
    ends(&mut socket).await;
}
