//! What passes between a visitor and the back end, and in which form.

use std::sync::Mutex;
use std::sync::atomic::Ordering;

use crate::support::{APP_HOST, Server, World, body, header, piecewise, text, until};
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http::{HeaderMap, HeaderName, HeaderValue, Request, Response, StatusCode};
use http_body_util::{BodyExt, StreamBody};
use hyper::body::{Frame, Incoming};

/// The headers a mirror saw, without those the client adds by itself.
fn lines(seen: &str) -> Vec<&str> {
    let mut lines: Vec<&str> = seen.lines().collect();
    lines.sort_unstable();
    lines
}

#[tokio::test]
async fn the_back_end_learns_whose_request_it_is_and_cannot_be_told_otherwise() {
    let server = Server::mirror().await;
    let world = World::before(&server).await;
    let request = world
        .get("/api/py/a?b=c&d=%2f..")
        .header("cookie", "theme=dark; vitrine_preview=x; __Host-vitrine_preview=y")
        .header("authorization", "Bearer of-the-app")
        .header("forwarded", "for=10.1.2.3")
        .header("x-forwarded-for", "10.1.2.3")
        .header("x-forwarded-host", "evil.example")
        .header("x-forwarded-user", "ada")
        .header("x-real-ip", "10.1.2.3")
        .header("x-vitrine-app", "app_other")
        .header("x-vitrine-user", "usr_other")
        .header("x_vitrine_app", "app_other")
        .header("x-vitrine_app", "app_other")
        .header("x_forwarded_for", "10.1.2.3")
        .header("x-request-id", "req_other")
        .header("x-original-url", "/admin")
        .header("x-rewrite-url", "/admin")
        .header("proxy", "http://evil.example")
        .header("proxy-authorization", "Basic x")
        .header("keep-alive", "timeout=5")
        .header("connection", "x-hop, x-vitrine-app, host")
        .header("x-hop", "1")
        .header("x-app", "2");
    let seen = text(world.send(request).await).await;
    let expected = [
        "GET /a?b=c&d=%2f..",
        "authorization: Bearer of-the-app",
        "cookie: theme=dark",
        &format!("host: {}", server.address),
        "x-app: 2",
        &format!("x-forwarded-for: {}", "127.0.0.1"),
        &format!("x-forwarded-host: {APP_HOST}"),
        "x-forwarded-prefix: /api/py",
        "x-forwarded-proto: http",
        &format!("x-request-id: {}", world.request_id),
        "x-vitrine-app-slug: lamp",
        &format!("x-vitrine-app: {}", world.app),
    ];
    assert_eq!(lines(&seen), expected);
}

#[tokio::test]
async fn the_operators_headers_take_the_place_of_the_visitors() {
    let server = Server::mirror().await;
    let world = World::with(&server, |config| {
        let key = HeaderName::from_static("x-gateway-key");
        config.add_headers = vec![(key, HeaderValue::from_static("right"))];
    })
    .await;
    let request = world.get("/api/py/").header("x-gateway-key", "wrong").header("x-gateway-key", "again");
    let seen = text(world.send(request).await).await;
    let keys: Vec<&str> = lines(&seen).into_iter().filter(|line| line.starts_with("x-gateway-key")).collect();
    assert_eq!(keys, ["x-gateway-key: right"]);
}

#[tokio::test]
async fn the_path_is_kept_when_the_back_end_knows_it() {
    let server = Server::mirror().await;
    let address = server.address;
    let world = World::with(&server, |config| {
        config.strip_path = false;
        config.upstream = Some(format!("http://{address}/v1/").parse().unwrap());
    })
    .await;
    let seen = text(world.send(world.get("/api/py/items/?q")).await).await;
    assert!(seen.starts_with("GET /v1/api/py/items/?q\n"), "{seen}");
    assert!(!seen.contains("x-forwarded-prefix"));
}

#[tokio::test]
async fn the_back_ends_answer_stays_on_the_apps_origin() {
    let server = Server::start(|request| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        Response::builder()
            .status(StatusCode::TEMPORARY_REDIRECT)
            .header("location", format!("https://{host}/items/?page=2#top"))
            .header("content-location", format!("http://{host}/items/1"))
            .header("set-cookie", "sid=1; Path=/; Domain=localhost; HttpOnly")
            .header("set-cookie", "vitrine_preview=stolen")
            .header("alt-svc", "h3=\":443\"")
            .header("clear-site-data", "\"cookies\"")
            .header("strict-transport-security", "max-age=1")
            .header("service-worker-allowed", "/")
            .header("access-control-allow-origin", "*")
            .header("x-vitrine-app", "x")
            .header("x-accel-redirect", "/etc/passwd")
            .header("x-content-type-options", "whatever")
            .header("connection", "x-hop")
            .header("x-hop", "1")
            .header("x-own", "1")
            .body(body(""))
            .unwrap()
    })
    .await;
    let world = World::before(&server).await;
    let answer = world.send(world.get("/api/py/items?page=2")).await;
    assert_eq!(answer.status(), StatusCode::TEMPORARY_REDIRECT);
    let mut seen: Vec<String> = answer
        .headers()
        .iter()
        .map(|(name, value)| format!("{name}: {}", value.to_str().unwrap()))
        .filter(|line| !line.starts_with("date: "))
        .collect();
    seen.sort_unstable();
    let expected = [
        "cache-control: no-store",
        "content-length: 0",
        "content-location: /api/py/items/1",
        "location: /api/py/items/?page=2#top",
        "set-cookie: sid=1; Path=/; HttpOnly",
        "x-content-type-options: nosniff",
        "x-own: 1",
    ];
    assert_eq!(seen, expected);
}

#[tokio::test]
async fn a_redirect_out_of_the_base_path_does_not_tell_where_the_back_end_is() {
    let server = Server::start(|request| async move {
        let host = request.headers()["host"].to_str().unwrap().to_owned();
        let to =
            if request.uri().path().ends_with("out") { format!("http://{host}/v2") } else { "/home".into() };
        Response::builder().status(302).header("location", to).body(body("")).unwrap()
    })
    .await;
    let address = server.address;
    let world = World::with(&server, |config| {
        config.upstream = Some(format!("http://{address}/v1").parse().unwrap());
    })
    .await;
    assert!(!world.send(world.get("/api/py/out")).await.headers().contains_key("location"));
    assert_eq!(header(&world.send(world.get("/api/py/in")).await, "location"), "/home");
}

#[tokio::test]
async fn the_back_end_decides_on_caching_when_it_says_something() {
    let server = Server::start(|_| async {
        Response::builder().header("cache-control", "public, max-age=60").body(body("hi")).unwrap()
    })
    .await;
    let world = World::before(&server).await;
    let answer = world.send(world.get("/api/py/")).await;
    assert_eq!(header(&answer, "cache-control"), "public, max-age=60");
}

#[tokio::test]
async fn an_answer_is_streamed_as_it_comes() {
    let (mut pieces, body) = piecewise();
    let body = Mutex::new(Some(body));
    let server = Server::start(move |_| {
        let body = body.lock().unwrap().take().unwrap();
        async { Response::builder().header("content-type", "text/event-stream").body(body).unwrap() }
    })
    .await;
    let world = World::before(&server).await;
    let mut answer = world.send(world.get("/api/py/chat/stream")).await;
    for piece in ["data: one\n\n", "data: two\n\n"] {
        pieces.send(piece).await.unwrap();
        let frame = answer.body_mut().frame().await.unwrap().unwrap();
        assert_eq!(frame.into_data().unwrap(), piece);
    }
    assert_eq!(world.backend.open_count(&world.app), 1);
    drop(pieces);
    assert!(answer.body_mut().frame().await.is_none());
    until("nothing is open", || world.backend.open_count(&world.app) == 0).await;
}

#[tokio::test]
async fn a_request_is_streamed_as_it_comes() {
    let (told, mut heard) = mpsc::unbounded();
    let server = Server::start(move |request: Request<Incoming>| {
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
    let world = World::before(&server).await;
    let (mut pieces, body) = piecewise();
    let request = world.post("/api/py/upload").body(body).unwrap();
    let sending = async {
        for piece in ["one", "two"] {
            pieces.send(piece).await.unwrap();
            assert_eq!(heard.next().await.unwrap(), piece);
        }
        drop(pieces);
    };
    let (answer, ()) = tokio::join!(world.send_body(request), sending);
    assert_eq!(text(answer).await, "done");
}

#[tokio::test]
async fn a_body_passes_whatever_the_method_and_however_its_length_is_told() {
    let server = Server::start(|request| async move {
        let told = request.headers().get("content-length").map_or("none", |v| v.to_str().unwrap()).to_owned();
        let method = request.method().clone();
        let bytes = request.into_body().collect().await.unwrap().to_bytes();
        Response::new(body(format!("{method} {told} {}", String::from_utf8_lossy(&bytes))))
    })
    .await;
    let world = World::before(&server).await;
    for method in ["GET", "POST", "PUT", "PATCH", "DELETE", "QUERY"] {
        let sized = world.get("/api/py/").method(method).body(body("hi")).unwrap();
        assert_eq!(text(world.send_body(sized).await).await, format!("{method} 2 hi"));
        let chunked = format!(
            "{method} /api/py/ HTTP/1.1\r\nHost: x\r\nConnection: close\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nhi\r\n0\r\n\r\n"
        );
        let answer = world.raw(chunked.as_bytes()).await;
        assert!(answer.ends_with(&format!("{method} none hi")), "{answer}");
    }
}

#[tokio::test]
async fn heads_bodiless_answers_and_trailers_pass_as_they_are() {
    let server = Server::start(|request| async move {
        let answer = Response::builder();
        match request.uri().path() {
            "/204" => answer.status(204).body(body("")).unwrap(),
            "/304" => answer.status(304).header("etag", "\"1\"").body(body("")).unwrap(),
            "/trailers" => {
                let trailers = HeaderMap::from_iter([("x-sum".parse().unwrap(), "42".parse().unwrap())]);
                let frames = [Ok(Frame::data("hi".into())), Ok(Frame::trailers(trailers))];
                let body = StreamBody::new(futures::stream::iter(frames)).boxed_unsync();
                answer.header("trailer", "x-sum").body(body).unwrap()
            }
            _ => answer.body(body("12345")).unwrap(),
        }
    })
    .await;
    let world = World::before(&server).await;
    let head = world.send(world.get("/api/py/").method("HEAD")).await;
    assert_eq!(header(&head, "content-length"), "5");
    assert_eq!(text(head).await, "");
    for status in [204, 304] {
        let answer = world.send(world.get(&format!("/api/py/{status}"))).await;
        assert_eq!(answer.status().as_u16(), status);
        assert_eq!(text(answer).await, "");
    }
    let answer = world.send(world.get("/api/py/trailers").header("te", "trailers")).await;
    assert_eq!(answer.into_body().collect().await.unwrap().trailers().unwrap()["x-sum"], "42");
}

#[tokio::test]
async fn a_kept_connection_is_used_again_by_every_app() {
    let server = Server::saying("hi").await;
    let world = World::before(&server).await;
    for _ in 0..5 {
        assert_eq!(text(world.send(world.get("/api/py/")).await).await, "hi");
        until("the answer is over", || world.backend.open_count(&world.app) == 0).await;
    }
    assert!(server.connections.load(Ordering::SeqCst) < 5);
}
