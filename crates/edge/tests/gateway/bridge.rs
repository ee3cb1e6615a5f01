//! The bridge in the pages of previews: where it is put, where it is not, and what comes back from it.

use std::sync::Arc;

use bytes::Bytes;
use futures::channel::mpsc;
use futures::{SinkExt, StreamExt};
use http::header::COOKIE;
use http::{Request, Response, StatusCode};
use http_body_util::{BodyExt, Full, StreamBody};
use hyper::body::{Frame, Incoming};
use vitrine_edge::{Body, BridgeConfig, Reported, Teller};

use crate::support::{Guest, World, body, code, header, text};

const PAGE: &str = "<!doctype html><html><head><title>a</title></head><body>b</body></html>";

async fn bridged(guest: &Arc<Guest>) -> World {
    let world = World::with(|config| {
        let origins = vec!["https://product.example".to_owned()];
        config.bridge = Some(BridgeConfig { script: "start(__vitrine)".to_owned(), origins });
    })
    .await;
    world.targets.set(&world.session, guest.running());
    world
}

async fn answering(
    answer: impl Fn(&Request<Incoming>) -> Response<Body> + Send + Sync + 'static,
) -> Arc<Guest> {
    let answer = Arc::new(answer);
    Guest::start(move |request| {
        let answer = answer.clone();
        async move { answer(&request) }
    })
    .await
}

fn page(pairs: &[(&'static str, &'static str)]) -> Response<Body> {
    let mut response = Response::builder().header("content-type", "text/html");
    for (name, value) in pairs {
        response = response.header(*name, *value);
    }
    response.body(body(PAGE)).unwrap()
}

/// The address of the script in a page.
fn address(page: &str) -> &str {
    let begin = page.find("/.vitrine/bridge.js?v=").unwrap_or_else(|| panic!("no script in {page}"));
    page[begin..].split('"').next().unwrap()
}

#[tokio::test]
async fn a_page_that_a_person_opens_has_the_script_first_in_its_head_and_its_length_is_right() {
    let world = bridged(&answering(|_| page(&[])).await).await;
    let answer = world.send(world.navigate("/").await).await;
    let length: usize = header(&answer, "content-length").parse().unwrap();
    let sent = text(answer).await;
    assert_eq!(sent.len(), length);
    assert!(sent.starts_with("<!doctype html><html><head><script src=\"/.vitrine/bridge.js?v="), "{sent}");
    assert!(sent.ends_with("\"></script><title>a</title></head><body>b</body></html>"), "{sent}");

    let script = world.send(world.get(address(&sent)).await).await;
    assert_eq!(header(&script, "cache-control"), "private, max-age=31536000, immutable");
    assert_eq!(header(&script, "content-type"), "text/javascript; charset=utf-8");
    let script = text(script).await;
    let origins = r#""origins":["http://localhost:4400","https://product.example"]"#;
    assert!(script.contains("start(__vitrine)") && script.contains(origins), "{script}");
    assert!(script.contains(&format!(r#""preview":"{}""#, world.session)), "{script}");
    let zipped = world.get(address(&sent)).await.header("accept-encoding", "gzip, deflate, br");
    let zipped = world.send(zipped).await;
    assert_eq!((header(&zipped, "content-encoding"), header(&zipped, "vary")), ("gzip", "accept-encoding"));
    let other = world.send(world.get("/.vitrine/bridge.js?v=old").await).await;
    assert_eq!(header(&other, "cache-control"), "no-store");
}

#[tokio::test]
async fn nothing_but_pages_that_a_person_opens_is_touched() {
    let guest = answering(|request| match request.uri().path() {
        "/plain" => Response::builder().header("content-type", "text/plain").body(body(PAGE)).unwrap(),
        "/zipped" => page(&[("content-encoding", "br")]),
        "/part" => {
            let mut part = page(&[("content-range", "bytes 0-9/99")]);
            *part.status_mut() = StatusCode::PARTIAL_CONTENT;
            part
        }
        "/file" => page(&[("content-disposition", "attachment")]),
        _ => page(&[("etag", "\"x\"")]),
    })
    .await;
    let world = bridged(&guest).await;
    for path in ["/plain", "/zipped", "/part", "/file"] {
        assert_eq!(text(world.send(world.navigate(path).await).await).await, PAGE, "{path}");
    }
    let fetched = world.get("/").await.header("sec-fetch-mode", "cors").header("sec-fetch-dest", "empty");
    let fetched = world.send(fetched.header("accept-encoding", "br")).await;
    assert_eq!(header(&fetched, "etag"), "\"x\"");
    assert_eq!(text(fetched).await, PAGE);
    let embedded = world.navigate("/").await.header("sec-fetch-dest", "embed");
    assert_eq!(text(world.send(embedded).await).await, PAGE);
}

#[tokio::test]
async fn switched_off_nothing_is_injected_asked_differently_or_taken_in() {
    let guest = answering(|request| {
        let asked = request.headers().get("accept-encoding").map_or("", |value| value.to_str().unwrap());
        let mut response = page(&[("etag", "\"x\"")]);
        response.headers_mut().insert("x-asked", asked.parse().unwrap());
        response
    })
    .await;
    let world = World::running(&guest).await;
    let answer = world.send(world.navigate("/").await.header("accept-encoding", "gzip, br")).await;
    assert_eq!((header(&answer, "x-asked"), header(&answer, "etag")), ("gzip, br", "\"x\""));
    assert_eq!(text(answer).await, PAGE);
    let script = world.send(world.get("/.vitrine/bridge.js").await).await;
    assert_eq!(script.status(), StatusCode::NOT_FOUND);
    let told = world.send_body(post(&world, "{\"events\":[]}").await).await;
    assert_eq!(told.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dev_server_is_asked_for_a_whole_page_in_plain_bytes() {
    let guest = answering(|request| {
        let seen = ["accept-encoding", "range", "if-range", "if-modified-since", "if-none-match"]
            .map(|name| request.headers().get(name).map_or("-", |value| value.to_str().unwrap()).to_owned());
        Response::new(body(seen.join("|")))
    })
    .await;
    let world = bridged(&guest).await;
    let request = world
        .navigate("/")
        .await
        .header("accept-encoding", "gzip, br, zstd")
        .header("range", "bytes=0-1")
        .header("if-range", "\"x\"")
        .header("if-modified-since", "Sun, 22 Nov 2026 00:00:00 GMT")
        .header("if-none-match", "\"x\"");
    assert_eq!(text(world.send(request).await).await, "identity|-|-|-|-");
}

#[tokio::test]
async fn a_page_is_known_again_with_its_script_and_not_without() {
    let guest = answering(|request| {
        let known = request.headers().get("if-none-match").is_some_and(|tag| tag == "W/\"1\"");
        let mut response = page(&[("etag", "W/\"1\""), ("last-modified", "Sun, 22 Nov 2026 00:00:00 GMT")]);
        if known {
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            *response.body_mut() = body("");
        }
        response
    })
    .await;
    let world = bridged(&guest).await;
    let first = world.send(world.navigate("/").await).await;
    let tag = header(&first, "etag").to_owned();
    assert!(tag.starts_with("W/\"1-vt") && header(&first, "last-modified").is_empty(), "{tag}");
    let again = world.send(world.navigate("/").await.header("if-none-match", tag.clone())).await;
    assert_eq!((again.status(), header(&again, "etag")), (StatusCode::NOT_MODIFIED, tag.as_str()));
    // The page as the dev server has it, from before the script was switched on.
    let bare = world.send(world.navigate("/").await.header("if-none-match", "W/\"1\"")).await;
    assert_eq!(bare.status(), StatusCode::OK);
    assert!(text(bare).await.contains("bridge.js"));
    // And one with the script, when somebody fetches the page.
    let fetched = world.get("/").await.header("sec-fetch-mode", "cors").header("if-none-match", tag);
    assert_eq!(world.send(fetched).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn the_head_of_a_page_says_the_same_with_and_without_its_body() {
    let world = bridged(&answering(|_| page(&[("etag", "\"1\"")])).await).await;
    let whole = world.send(world.navigate("/").await).await;
    let head = world.send(world.navigate("/").await.method("HEAD")).await;
    assert_eq!(header(&head, "etag"), header(&whole, "etag"));
    assert!(!head.headers().contains_key("content-length"), "it would be the dev server's");
    assert_eq!(text(head).await, "");
}

#[tokio::test]
async fn a_page_comes_as_it_is_made_and_is_not_waited_for() {
    let (pieces, held) = mpsc::channel::<&'static str>(0);
    let held = Arc::new(std::sync::Mutex::new(Some(held)));
    let guest = answering(move |_| {
        let pieces = held.lock().unwrap().take().unwrap();
        let frames = pieces.map(|piece| Ok(Frame::data(Bytes::from_static(piece.as_bytes()))));
        let body = StreamBody::new(frames).boxed_unsync();
        Response::builder().header("content-type", "text/html; charset=utf-8").body(body).unwrap()
    })
    .await;
    let mut pieces = pieces;
    let world = bridged(&guest).await;
    let (answer, ()) = futures::join!(async { world.send(world.navigate("/").await).await }, async {
        pieces.send("<!doctype html><ht").await.unwrap();
    });
    let mut page = answer.into_body();
    let mut seen = String::new();
    let read = async |page: &mut Incoming, seen: &mut String, until: &str| {
        while !seen.ends_with(until) {
            let frame = tokio::time::timeout(crate::support::DEADLINE, page.frame()).await.expect("in time");
            seen.push_str(std::str::from_utf8(&frame.unwrap().unwrap().into_data().unwrap()).unwrap());
        }
    };
    read(&mut page, &mut seen, "<!doctype html>").await;
    pieces.send("ml><head><title>").await.unwrap();
    read(&mut page, &mut seen, "</script><title>").await;
    pieces.send("a</title>").await.unwrap();
    read(&mut page, &mut seen, "a</title>").await;
    drop(pieces);
    assert!(page.frame().await.is_none());
}

#[tokio::test]
async fn the_script_may_run_under_the_apps_own_policy_and_the_policy_stays() {
    let guest =
        answering(|_| page(&[("content-security-policy", "script-src 'nonce-abc' 'strict-dynamic'")])).await;
    let world = bridged(&guest).await;
    let answer = world.send(world.navigate("/").await).await;
    assert_eq!(header(&answer, "content-security-policy"), "script-src 'nonce-abc' 'strict-dynamic'");
    assert!(text(answer).await.contains(" nonce=\"abc\"></script>"));
}

#[tokio::test]
async fn the_pages_of_ours_and_what_nobody_may_see_stay_without() {
    let world = bridged(&answering(|_| page(&[])).await).await;
    world.targets.set(&world.session, crate::support::starting());
    let waiting = text(world.send(world.navigate("/").await).await).await;
    assert!(waiting.contains("Starting") && !waiting.contains("bridge.js"), "{waiting}");
    for path in ["/.vitrine/bridge.js", "/.vitrine/events"] {
        let answer = world.send(world.bare(&world.session, path)).await;
        assert_eq!(answer.status(), StatusCode::UNAUTHORIZED, "{path}");
    }
}

#[tokio::test]
async fn who_hears_a_preview_may_show_it_in_a_frame() {
    let world = bridged(&answering(|_| page(&[])).await).await;
    let answer = world.send(world.navigate("/").await).await;
    let policy = "frame-ancestors 'self' http://localhost:4400 https://product.example";
    assert_eq!(header(&answer, "content-security-policy"), policy);
}

async fn post(world: &World, batch: &str) -> Request<Full<Bytes>> {
    let request =
        world.get("/.vitrine/events").await.method("POST").header("content-type", "application/json");
    request.body(Full::new(Bytes::copy_from_slice(batch.as_bytes()))).unwrap()
}

#[tokio::test]
async fn events_are_handed_on_with_who_told_them_and_count_as_no_use() {
    let world = bridged(&answering(|_| page(&[])).await).await;
    let mut own = post(&world, "{\"events\":[1]}").await;
    own.headers_mut().insert("sec-fetch-site", "same-origin".parse().unwrap());
    let answer = world.send_body(own).await;
    assert_eq!((answer.status(), header(&answer, "cache-control")), (StatusCode::NO_CONTENT, "no-store"));
    let cookie = world.link_cookie(&world.link()).await;
    let mut visitors = post(&world, "{\"events\":[2]}").await;
    visitors.headers_mut().insert(COOKIE, cookie.parse().unwrap());
    assert_eq!(world.send_body(visitors).await.status(), StatusCode::NO_CONTENT);
    let told = world.targets.told.lock().unwrap().clone();
    let expected =
        [(Teller::Own, "{\"events\":[1]}".to_owned()), (Teller::ByLink, "{\"events\":[2]}".to_owned())];
    assert_eq!(told, expected);
    assert!(world.targets.touched().is_empty());
}

#[tokio::test]
async fn events_of_another_origin_without_a_cookie_or_of_another_form_are_refused() {
    let world = bridged(&answering(|_| page(&[])).await).await;
    for site in ["same-site", "cross-site"] {
        let mut foreign = post(&world, "{\"events\":[]}").await;
        foreign.headers_mut().insert("sec-fetch-site", site.parse().unwrap());
        assert_eq!(world.send_body(foreign).await.status(), StatusCode::FORBIDDEN, "{site}");
    }
    let mut beside = post(&world, "{\"events\":[]}").await;
    beside.headers_mut().insert("origin", "http://evil.preview.localhost:4400".parse().unwrap());
    assert_eq!(world.send_body(beside).await.status(), StatusCode::FORBIDDEN);
    let mut nobody = post(&world, "{\"events\":[]}").await;
    nobody.headers_mut().remove(COOKIE);
    assert_eq!(world.send_body(nobody).await.status(), StatusCode::UNAUTHORIZED);
    let mut form = post(&world, "{\"events\":[]}").await;
    form.headers_mut().insert("content-type", "text/plain".parse().unwrap());
    assert_eq!(code(world.send_body(form).await).await, "invalid_request");
    let long = format!("{{\"events\":[\"{}\"]}}", "x".repeat(64 * 1024));
    assert_eq!(code(world.send_body(post(&world, &long).await).await).await, "body_too_large");
    let read = world.send(world.get("/.vitrine/events").await).await;
    assert_eq!(code(read).await, "method_not_allowed");
    assert!(world.targets.told.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_page_that_tells_too_much_or_nonsense_is_told_so() {
    let world = bridged(&answering(|_| page(&[])).await).await;
    for (reported, expected) in
        [(Reported::TooMany, "too_many_requests"), (Reported::Unreadable, "invalid_json")]
    {
        *world.targets.reported.lock().unwrap() = Some(reported);
        assert_eq!(code(world.send_body(post(&world, "{}").await).await).await, expected);
    }
}
