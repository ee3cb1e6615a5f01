//! What passes between browser and dev server, and what does not.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{DEADLINE, Guest, World, body, code, header, html, text, until};
use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http::header::{COOKIE, SET_COOKIE};
use http::{HeaderMap, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::sync::Notify;
use vitrine_edge::{Activity, Body};

/// Answers with the head it got, one header per line.
async fn mirror() -> std::sync::Arc<Guest> {
    Guest::start(|request| async move {
        let mut lines = format!("{} {}\n", request.method(), request.uri());
        for (name, value) in request.headers() {
            lines.push_str(&format!("{name}: {}\n", value.to_str().unwrap()));
        }
        Response::new(body(lines))
    })
    .await
}

/// A body the test writes piece by piece.
fn piecewise() -> (mpsc::Sender<&'static str>, Body) {
    let (sender, pieces) = mpsc::channel(0);
    let frames = pieces.map(|piece| Ok(Frame::data(Bytes::from_static(str::as_bytes(piece)))));
    (sender, StreamBody::new(frames).boxed_unsync())
}

#[tokio::test]
async fn nothing_of_ours_reaches_the_guest() {
    let world = World::running(&mirror().await).await;
    let own = world.cookie(&world.session).await;
    let request = world
        .bare(&world.session, "/a?b=c")
        .header(COOKIE, format!("theme=dark; {own}; vitrine_preview=x"))
        .header("authorization", "Bearer vt_secret")
        .header("x-forwarded-for", "10.1.2.3")
        .header("x-vitrine-user", "usr_1")
        .header("connection", "x-hop")
        .header("x-hop", "1")
        .header("x-app", "2");
    let seen = text(world.send(request).await).await;
    let host = format!("{}.preview.localhost:4400", world.session.dns_label());
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    assert_eq!(lines, ["GET /a?b=c", "cookie: theme=dark", &format!("host: {host}"), "x-app: 2"]);
}

#[tokio::test]
async fn nothing_of_the_guests_reaches_beyond_its_origin() {
    let guest = Guest::start(|_| async {
        Response::builder()
            .header("set-cookie", "sid=1; Domain=preview.localhost; HttpOnly")
            .header("set-cookie", "__Host-vitrine_preview=stolen; Secure; Path=/")
            .header("x-frame-options", "DENY")
            .header("content-security-policy", "default-src 'self'; frame-ancestors 'none'")
            .header("cache-control", "public, max-age=60")
            .header("clear-site-data", "\"*\"")
            .header("strict-transport-security", "max-age=1")
            .body(body("hi"))
            .unwrap()
    })
    .await;
    let world = World::running(&guest).await;
    let answer = world.send(world.get("/").await).await;
    let all = |name: &str| -> Vec<String> {
        answer.headers().get_all(name).iter().map(|v| v.to_str().unwrap().to_owned()).collect()
    };
    assert_eq!(all("set-cookie"), ["sid=1; HttpOnly"]);
    let ancestors = "frame-ancestors 'self' http://localhost:4400";
    assert_eq!(all("content-security-policy"), ["default-src 'self'", ancestors]);
    assert_eq!(header(&answer, "cache-control"), "private, max-age=60");
    assert_eq!(header(&answer, "referrer-policy"), "same-origin");
    for gone in ["x-frame-options", "clear-site-data", "strict-transport-security"] {
        assert!(!answer.headers().contains_key(gone), "{gone}");
    }
}

#[tokio::test]
async fn a_page_in_place_of_a_module_is_a_404_without_html() {
    let world = World::running(&Guest::saying("<!doctype html>").await).await;
    let request = world.get("/src/x.tsx?t=1").await.header("sec-fetch-dest", "script");
    let answer = world.send(request).await;
    assert_eq!(answer.status(), StatusCode::NOT_FOUND);
    assert_eq!(header(&answer, "content-type"), "text/plain; charset=utf-8");
    assert_eq!(text(answer).await, "No module at /src/x.tsx\n");
    let page = world.navigate("/src/x.tsx").await.header("sec-fetch-dest", "document");
    assert_eq!(world.send(page).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn an_answer_is_streamed_as_it_comes() {
    let (mut pieces, body) = piecewise();
    let body = std::sync::Mutex::new(Some(body));
    let guest = Guest::start(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { Response::new(body) }
    })
    .await;
    let world = World::running(&guest).await;
    let mut answer = world.send(world.get("/events").await).await;
    for piece in ["one", "two"] {
        pieces.send(piece).await.unwrap();
        let frame = answer.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    drop(pieces);
    assert!(answer.body_mut().frame().await.is_none());
}

/// A guest that answers when it is told to, with what comes then.
async fn slow(
    kind: &'static str,
) -> (std::sync::Arc<Guest>, mpsc::Sender<&'static str>, std::sync::Arc<Notify>) {
    let (pieces, body) = piecewise();
    let body = std::sync::Mutex::new(Some(body));
    let go = std::sync::Arc::new(Notify::new());
    let told = go.clone();
    let guest = Guest::start(move |_| {
        let (body, told) = (body.lock().unwrap().take().unwrap(), told.clone());
        async move {
            told.notified().await;
            Response::builder().header("content-type", kind).body(body).unwrap()
        }
    });
    (guest.await, pieces, go)
}

#[tokio::test]
async fn waiting_for_an_answer_and_receiving_it_is_use() {
    let (guest, mut pieces, go) = slow("application/octet-stream").await;
    let world = World::running(&guest).await;
    let answers = || world.targets.touched().iter().filter(|seen| **seen == Activity::Answer).count();
    let request = world.get("/large").await;
    let (mut answer, ()) = tokio::join!(world.send(request), async {
        until("use is reported before there is an answer", || answers() > 0).await;
        go.notify_one();
    });
    let before = answers();
    let receiving = async {
        while answers() == before {
            pieces.send("piece").await.unwrap();
            answer.body_mut().frame().await.unwrap().unwrap();
        }
    };
    tokio::time::timeout(DEADLINE, receiving).await.expect("use is reported while pieces come");
}

#[tokio::test]
async fn following_a_stream_of_events_is_no_use() {
    let (guest, mut pieces, go) = slow("text/event-stream").await;
    let world = World::running(&guest).await;
    go.notify_one();
    let mut answer = world.send(world.get("/events").await).await;
    let touched = world.targets.touched();
    let begun = std::time::Instant::now();
    while begun.elapsed() < Duration::from_millis(1_500) {
        pieces.send("data: still here\n\n").await.unwrap();
        answer.body_mut().frame().await.unwrap().unwrap();
    }
    assert_eq!(world.targets.touched(), touched);
}

#[tokio::test]
async fn a_request_is_streamed_as_it_comes() {
    let (told, mut heard) = mpsc::unbounded();
    let guest = Guest::start(move |request: Request<hyper::body::Incoming>| {
        let told = told.clone();
        async move {
            let mut body = request.into_body();
            while let Some(Ok(frame)) = body.frame().await {
                told.unbounded_send(frame.into_data().unwrap()).unwrap();
            }
            Response::new(crate::support::body("done"))
        }
    })
    .await;
    let world = World::running(&guest).await;
    let (mut pieces, body) = piecewise();
    let request = world.get("/upload").await.method("POST").body(body).unwrap();
    let (answer, ()) = tokio::join!(world.send_body(request), async {
        for piece in ["one", "two"] {
            pieces.send(piece).await.unwrap();
            assert_eq!(heard.next().await.unwrap(), piece);
        }
        drop(pieces);
    });
    assert_eq!(text(answer).await, "done");
}

#[tokio::test]
async fn a_body_over_the_limit_is_refused_declared_or_not() {
    let guest = Guest::start(|request| async move {
        let _ = request.into_body().collect().await;
        Response::new(body("read"))
    })
    .await;
    let world = World::with(|config| config.limits.max_request_body_bytes = 5).await;
    world.targets.set(&world.session, guest.running());
    let post = async |body: Body| {
        let request = world.get("/").await.method("POST").body(body).unwrap();
        world.send_body(request).await
    };
    assert_eq!(text(post(body("12345")).await).await, "read");
    assert_eq!(code(post(body("123456")).await).await, "body_too_large");
    let (mut pieces, chunked) = piecewise();
    let (answer, _) =
        tokio::join!(post(chunked), async { pieces.send("123").await.and(pieces.send("456").await) });
    assert_eq!(answer.status(), StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn heads_and_bodiless_answers_pass_as_they_are() {
    let guest = Guest::start(|request| async move {
        let answer = Response::builder();
        match request.uri().path() {
            "/204" => answer.status(204).body(body("")).unwrap(),
            "/304" => answer.status(304).header("etag", "\"1\"").body(body("")).unwrap(),
            _ => html("12345"),
        }
    })
    .await;
    let world = World::running(&guest).await;
    let head = world.send(world.get("/").await.method("HEAD")).await;
    assert_eq!(header(&head, "content-length"), "5");
    assert_eq!(text(head).await, "");
    for status in [204, 304] {
        let answer = world.send(world.get(&format!("/{status}")).await).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(text(answer).await, "");
    }
}

#[tokio::test]
async fn trailers_pass() {
    let guest = Guest::start(|_| async {
        let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "42".parse().unwrap())]);
        let frames = [Ok(Frame::data(Bytes::from_static(b"hi"))), Ok(Frame::trailers(trailers))];
        let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
        Response::builder().header("trailer", "x-sum").body(body).unwrap()
    })
    .await;
    let world = World::running(&guest).await;
    let answer = world.send(world.get("/").await.header("te", "trailers")).await;
    let collected = answer.into_body().collect().await.unwrap();
    assert_eq!(collected.trailers().unwrap()["x-sum"], "42");
}

#[tokio::test]
async fn connections_are_kept_and_dropped_with_their_dev_server() {
    let guest = Guest::saying("hi").await;
    let world = World::running(&guest).await;
    for _ in 0..3 {
        text(world.send(world.get("/").await).await).await;
        until("the connection is back", || world.gateway.idle_connections(&world.session) == 1).await;
    }
    assert_eq!(guest.connections.load(Ordering::SeqCst), 1);
    guest.next_generation();
    text(world.send(world.get("/").await).await).await;
    assert_eq!(guest.connections.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn unused_connections_are_closed() {
    let guest = Guest::saying("hi").await;
    let world = World::with(|config| config.limits.pool_idle = Duration::from_millis(5)).await;
    world.targets.set(&world.session, guest.running());
    text(world.send(world.get("/").await).await).await;
    until("nothing is kept", || world.gateway.idle_connections(&world.session) == 0).await;
}

/// A dev server that hangs up after every answer, without saying so beforehand.
async fn hangs_up(answers_per_connection: usize) -> std::sync::Arc<Guest> {
    Guest::raw(move |mut stream| {
        Box::pin(async move {
            let mut buffer = [0; 4096];
            for _ in 0..answers_per_connection {
                if stream.read(&mut buffer).await.unwrap_or(0) == 0 {
                    return;
                }
                let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi").await;
            }
            // Takes the next request and dies of it.
            let _ = stream.read(&mut buffer).await;
        })
    })
    .await
}

#[tokio::test]
async fn a_kept_connection_that_died_is_replaced_once() {
    let guest = hangs_up(1).await;
    let world = World::running(&guest).await;
    for _ in 0..3 {
        assert_eq!(text(world.send(world.get("/").await).await).await, "hi");
        until("the connection is back", || world.gateway.idle_connections(&world.session) == 1).await;
    }
    assert_eq!(guest.connections.load(Ordering::SeqCst), 3);
}

#[tokio::test]
async fn a_request_with_effects_is_not_sent_twice() {
    let guest = hangs_up(1).await;
    let world = World::running(&guest).await;
    text(world.send(world.get("/").await).await).await;
    until("the connection is back", || world.gateway.idle_connections(&world.session) == 1).await;
    let post = world.get("/").await.method("POST").body(body("x")).unwrap();
    let answer = world.send_body(post).await;
    assert_eq!(answer.status(), StatusCode::BAD_GATEWAY);
    assert_eq!(guest.connections.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn a_silent_dev_server_is_a_gateway_timeout() {
    let guest = Guest::start(|_| std::future::pending()).await;
    let world = World::with(|config| config.limits.response_timeout = Duration::from_millis(20)).await;
    world.targets.set(&world.session, guest.running());
    let answer = world.send(world.get("/").await).await;
    assert_eq!(
        (answer.status(), code(answer).await.as_str()),
        (StatusCode::GATEWAY_TIMEOUT, "gateway_timeout")
    );
}

#[tokio::test]
async fn an_answer_that_is_not_http_is_a_bad_gateway() {
    for nonsense in [
        "SSH-2.0-x\r\n".to_owned(),
        "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx".to_owned(),
        format!("HTTP/1.1 200 OK\r\nX: {}\r\n\r\n", "x".repeat(100_000)),
        "HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n".to_owned(),
        String::new(),
    ] {
        let answer = nonsense.clone();
        let guest = Guest::raw(move |mut stream| {
            let answer = answer.clone();
            Box::pin(async move {
                let _ = stream.read(&mut [0; 4096]).await;
                let _ = stream.write_all(answer.as_bytes()).await;
            })
        })
        .await;
        let world = World::running(&guest).await;
        let answer = world.send(world.get("/").await).await;
        assert_eq!(answer.status(), StatusCode::BAD_GATEWAY, "{nonsense:.40}");
        assert_eq!(code(answer).await, "bad_gateway");
    }
}

#[tokio::test]
async fn oversized_heads_and_odd_methods_are_refused() {
    let world = World::running(&mirror().await).await;
    let answer = world.send(world.get("/").await.header("x-big", "x".repeat(17_000))).await;
    assert_eq!(code(answer).await, "invalid_request");
    let answer = world.send(world.get("/").await.method("TRACE")).await;
    assert_eq!(code(answer).await, "method_not_allowed");
}

#[tokio::test]
async fn guest_cookies_without_ours_are_left_alone() {
    let guest = Guest::start(|_| async {
        Response::builder().header(SET_COOKIE, "a=1; Path=/; SameSite=Lax").body(body("")).unwrap()
    })
    .await;
    let world = World::running(&guest).await;
    let answer = world.send(world.get("/").await).await;
    assert_eq!(header(&answer, "set-cookie"), "a=1; Path=/; SameSite=Lax");
}

#[tokio::test]
async fn a_client_that_waits_for_100_continue_is_told_to_go_on() {
    let guest = Guest::start(|request| async move {
        assert!(!request.headers().contains_key("expect"));
        let body = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(crate::support::body(body))
    })
    .await;
    let world = World::running(&guest).await;
    let host = world.gateway.config().hosts.preview_host(&world.session);
    let cookie = world.cookie(&world.session).await;
    let mut stream = tokio::net::TcpStream::connect(world.address).await.unwrap();
    let head = format!(
        "POST / HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\nExpect: 100-continue\r\n\
         Connection: close\r\nContent-Length: 2\r\n\r\n"
    );
    stream.write_all(head.as_bytes()).await.unwrap();
    let mut interim = [0; 25];
    stream.read_exact(&mut interim).await.unwrap();
    assert_eq!(&interim, b"HTTP/1.1 100 Continue\r\n\r\n");
    stream.write_all(b"hi").await.unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).await.unwrap();
    assert!(answer.starts_with("HTTP/1.1 200") && answer.ends_with("hi"), "{answer}");
}

#[tokio::test]
async fn interim_answers_of_the_guest_are_skipped() {
    let guest = Guest::raw(|mut stream| {
        Box::pin(async move {
            let _ = stream.read(&mut [0; 4096]).await;
            let hints = "HTTP/1.1 103 Early Hints\r\nLink: </a.css>; rel=preload\r\n\r\n";
            let answer = "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nhi";
            let _ = stream.write_all(format!("{hints}{answer}").as_bytes()).await;
        })
    })
    .await;
    let world = World::running(&guest).await;
    let answer = world.send(world.get("/").await).await;
    assert_eq!((answer.status(), text(answer).await.as_str()), (StatusCode::OK, "hi"));
}

#[tokio::test]
async fn requests_to_one_session_are_limited_until_their_answers_end() {
    let guest = Guest::start(|_| async {
        let first = futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
        Response::new(StreamBody::new(first.chain(futures::stream::pending())).boxed_unsync())
    })
    .await;
    let world = World::with(|config| config.limits.max_requests = 1).await;
    world.targets.set(&world.session, guest.running());
    world.targets.set(&world.other, Guest::saying("hi").await.running());
    let first = world.send(world.get("/events").await).await;
    assert_eq!((first.status(), world.gateway.open_requests(&world.session)), (StatusCode::OK, 1));
    let refused = world.send(world.get("/").await).await;
    assert_eq!((refused.status(), header(&refused, "retry-after")), (StatusCode::SERVICE_UNAVAILABLE, "1"));
    assert_eq!(code(refused).await, "too_many_requests");
    let cookie = world.cookie(&world.other).await;
    let other = world.send(world.bare(&world.other, "/").header(COOKIE, cookie)).await;
    assert_eq!(text(other).await, "hi", "another session has a limit of its own");
    drop(first);
    until("the first is over", || world.gateway.open_requests(&world.session) == 0).await;
    assert_eq!(world.send(world.get("/events").await).await.status(), StatusCode::OK);
}
