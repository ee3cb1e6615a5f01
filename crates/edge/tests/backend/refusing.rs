//! What is never passed on: ways out of the path, requests inside of requests, other origins, too much.

use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex};

use crate::support::{APP_HOST, Server, World, body, code, piecewise, text, until};
use futures::SinkExt;
use http::StatusCode;
use http_body_util::BodyExt;
use tokio::io::{AsyncReadExt, AsyncWriteExt};

#[tokio::test]
async fn the_back_ends_path_matches_segment_by_segment_and_in_one_spelling() {
    let world = World::before(&Server::saying("hi").await).await;
    for path in ["/api/py", "/api/py/", "/api/py/a", "/api/py/../x"] {
        assert!(world.backend.matches(path), "{path}");
    }
    for path in
        ["/api", "/api/pyx", "/api/py%2f..", "//api/py", "/API/py", "/api/%70y", "/x/../api/py", "*", ""]
    {
        assert!(!world.backend.matches(path), "{path}");
    }
}

#[tokio::test]
async fn nothing_outside_of_the_base_path_is_asked_for() {
    let server = Server::mirror().await;
    let address = server.address;
    let world = World::with(&server, |config| {
        config.upstream = Some(format!("http://{address}/public").parse().unwrap());
    })
    .await;
    for path in [
        "/api/py/..",
        "/api/py/../private",
        "/api/py/a/../../private",
        "/api/py/%2e%2e/private",
        "/api/py/..%2fprivate",
        "/api/py/%252e%252e%252fprivate",
        "/api/py/..%5cprivate",
        "/api/py/..;/private",
        "/api/py//evil.example/",
        "/api/py/a%00",
        "/api/py/a%0d%0aX-Vitrine-App:%20app_other",
    ] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {APP_HOST}\r\nConnection: close\r\n\r\n");
        let answer = world.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 400 "), "{path}: {answer}");
    }
    for path in ["/", "/api/py%2f..", "//api/py/x", "/api/pyx"] {
        let request = format!("GET {path} HTTP/1.1\r\nHost: {APP_HOST}\r\nConnection: close\r\n\r\n");
        let answer = world.raw(request.as_bytes()).await;
        assert!(answer.starts_with("HTTP/1.1 404 "), "{path}: {answer}");
    }
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
    let absolute =
        format!("GET http://evil.example/api/py/a HTTP/1.1\r\nHost: {APP_HOST}\r\nConnection: close\r\n\r\n");
    let answer = world.raw(absolute.as_bytes()).await;
    assert!(answer.contains("GET /public/a\n") && answer.contains(&format!("host: {address}\n")), "{answer}");
}

/// A back end that answers each request with its line and its body.
async fn counting() -> Server {
    Server::start(|request| async move {
        let line = format!("<{} {}>", request.method(), request.uri());
        let bytes = request.into_body().collect().await.map(|body| body.to_bytes()).unwrap_or_default();
        http::Response::new(body(format!("{line}[{}]", String::from_utf8_lossy(&bytes))))
    })
    .await
}

#[tokio::test]
async fn no_request_hides_in_the_body_of_another() {
    let server = counting().await;
    let world = World::before(&server).await;
    let hidden = "GET /hidden HTTP/1.1\r\nHost: x\r\n\r\n";
    let length = hidden.len();
    for head in [
        // Both lengths: whichever counts, the back end is told one.
        format!("Transfer-Encoding: chunked\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nTransfer-Encoding: chunked"),
        format!("Transfer-Encoding : chunked\r\nContent-Length: {length}"),
        format!("Transfer-Encoding: xchunked\r\nContent-Length: {length}"),
        format!("Transfer-Encoding: chunked, identity\r\nContent-Length: {length}"),
        format!("Transfer-Encoding:\x0bchunked\r\nContent-Length: {length}"),
        format!("Content-Length: {length}\r\nContent-Length: 3"),
        format!("Content-Length: +{length}"),
        format!("Connection: Content-Length\r\nContent-Length: {length}"),
        format!(
            "Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: x\r\nContent-Length: {length}"
        ),
    ] {
        let request =
            format!("POST /api/py/shown HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n\r\n{hidden}");
        let answer = world.raw(request.as_bytes()).await;
        assert!(!answer.contains("<GET /hidden>"), "{head}: {answer}");
        // The next request over the kept connection gets its own answer.
        assert_eq!(text(world.send(world.get("/api/py/next")).await).await, "<GET /next>[]", "{head}");
    }
}

#[tokio::test]
async fn a_page_of_another_origin_cannot_use_the_visitors_cookies() {
    let server = Server::saying("hi").await;
    let world = World::before(&server).await;
    let origin = format!("http://{APP_HOST}");
    for (method, headers, is_let_in) in [
        ("POST", vec![("sec-fetch-site", "same-origin"), ("origin", origin.as_str())], true),
        ("POST", vec![("origin", origin.as_str())], true),
        ("POST", vec![], true),
        ("GET", vec![("sec-fetch-site", "none"), ("sec-fetch-mode", "navigate")], true),
        ("GET", vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true),
        ("POST", vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "navigate")], true),
        ("POST", vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "navigate")], false),
        ("POST", vec![("sec-fetch-site", "same-site"), ("sec-fetch-mode", "no-cors")], false),
        ("GET", vec![("sec-fetch-site", "cross-site"), ("sec-fetch-mode", "no-cors")], false),
        ("OPTIONS", vec![("origin", "http://desk.apps.localhost:4400")], false),
        ("POST", vec![("origin", "null")], false),
    ] {
        let mut request = world.get("/api/py/").method(method);
        for (name, value) in &headers {
            request = request.header(*name, *value);
        }
        let answer = world.send(request).await;
        if is_let_in {
            assert_eq!(answer.status(), StatusCode::OK, "{method} {headers:?}");
        } else {
            assert_eq!(code(answer).await, (403, "forbidden".into()), "{method} {headers:?}");
        }
    }
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_and_one_at_the_limit_is_not() {
    let server = counting().await;
    let world = World::with(&server, |config| config.max_request_body_bytes = 5).await;
    let post = |text: &'static str| world.post("/api/py/").body(body(text)).unwrap();
    assert_eq!(text(world.send_body(post("12345")).await).await, "<POST />[12345]");
    let asked = server.connections.load(Ordering::SeqCst);
    assert_eq!(code(world.send_body(post("123456")).await).await, (413, "body_too_large".into()));
    assert_eq!(server.connections.load(Ordering::SeqCst), asked);
    let (mut pieces, chunked) = piecewise();
    let chunked = world.post("/api/py/").body(chunked).unwrap();
    let (answer, _) = tokio::join!(world.send_body(chunked), async {
        pieces.send("123").await.and(pieces.send("456").await)
    });
    assert_eq!(code(answer).await, (413, "body_too_large".into()));
}

#[tokio::test]
async fn oversized_heads_and_methods_about_the_connection_are_refused() {
    let server = Server::saying("hi").await;
    let world = World::before(&server).await;
    let answer = world.send(world.get("/api/py/").header("x-big", "x".repeat(17_000))).await;
    assert_eq!(code(answer).await, (400, "invalid_request".into()));
    let answer = world.send(world.get("/api/py/").method("TRACE")).await;
    assert_eq!(code(answer).await, (405, "method_not_allowed".into()));
    assert_eq!(server.connections.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn one_app_cannot_take_every_connection() {
    let server = Server::start(|_| std::future::pending()).await;
    let world = World::with(&server, |config| config.max_open_per_app = 2).await;
    let request = format!("GET /api/py/ HTTP/1.1\r\nHost: {APP_HOST}\r\n\r\n");
    let mut held = Vec::new();
    for _ in 0..2 {
        let mut stream = world.connect().await;
        tokio::io::AsyncWriteExt::write_all(&mut stream, request.as_bytes()).await.unwrap();
        held.push(stream);
    }
    until("all are open", || world.backend.open_count(&world.app) == 2).await;
    assert_eq!(code(world.send(world.get("/api/py/")).await).await, (429, "too_many_requests".into()));
    drop(held);
    until("all have ended", || world.backend.open_count(&world.app) == 0).await;
    until("the back end is left alone", || server.open.load(Ordering::SeqCst) == 0).await;
}

#[tokio::test]
async fn what_only_vitrine_may_say_is_not_said_behind_a_body_either() {
    let received = Arc::new(Mutex::new(Vec::new()));
    let server = Server::raw({
        let received = received.clone();
        move |mut stream| {
            let received = received.clone();
            Box::pin(async move {
                let mut bytes = [0; 4096];
                while let Ok(count @ 1..) = stream.read(&mut bytes).await {
                    let is_whole = {
                        let mut all = received.lock().unwrap();
                        all.extend_from_slice(&bytes[..count]);
                        all.ends_with(b"0\r\n\r\n") || all.ends_with(b"other\r\n\r\n")
                    };
                    if is_whole {
                        let _ = stream.write_all(b"HTTP/1.1 204 No Content\r\n\r\n").await;
                    }
                }
            })
        }
    })
    .await;
    let world = World::before(&server).await;
    let request = format!(
        "POST /api/py/ HTTP/1.1\r\nHost: {APP_HOST}\r\nTransfer-Encoding: chunked\r\nTE: trailers\r\n\
         Connection: close\r\nTrailer: X-Vitrine-App, X-Forwarded-For\r\n\r\n\
         2\r\nhi\r\n0\r\nX-Vitrine-App: other\r\nX-Forwarded-For: other\r\n\r\n"
    );
    let answer = world.raw(request.as_bytes()).await;
    assert!(answer.starts_with("HTTP/1.1 204"), "{answer}");
    let received = String::from_utf8(received.lock().unwrap().clone()).unwrap();
    assert!(received.contains("hi") && !received.contains("other"), "{received}");
}
