//! The front: what it reads, what it hands over, and whom it cuts off.

use std::time::Duration;

use super::support::World;

const FILES: [(&str, &[u8]); 2] = [("index.html", b"one"), ("large.bin", &[7; 3_000_000])];

#[tokio::test]
async fn requests_sent_at_once_are_answered_in_order() {
    let world = World::of(&[("a.txt", b"a"), ("b.txt", b"b")]).await;
    let mut client = world.visitor().await;
    let request = |path: &str| format!("GET {path} HTTP/1.1\r\nHost: site.apps.localhost\r\n\r\n");
    client
        .send([request("/a.txt"), request("/b.txt"), request("/x"), request("/a.txt")].concat().as_bytes())
        .await;
    let mut seen = Vec::new();
    for _ in 0..4 {
        seen.push(client.answer(false).await.unwrap().text().to_owned());
    }
    assert_eq!(seen, ["a", "b", "Not found.\n", "a"]);
}

#[tokio::test]
async fn a_request_may_come_byte_by_byte() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    for byte in b"GET / HTTP/1.1\r\nHost: site.apps.localhost\r\nX: y\r\n\r\n" {
        client.send(&[*byte]).await;
        tokio::task::yield_now().await;
    }
    assert_eq!(client.answer(false).await.unwrap().text(), "one");
}

#[tokio::test]
async fn what_is_for_somebody_else_is_handed_over_with_every_byte() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    assert_eq!(client.get("/").await.text(), "one");
    // Three requests at once: ours, one with a body, and ours again, which hyper answers now.
    client
        .send(
            b"GET / HTTP/1.1\r\nHost: site.apps.localhost\r\n\r\n\
              POST / HTTP/1.1\r\nHost: site.apps.localhost\r\nContent-Length: 3\r\n\r\nabc\
              GET / HTTP/1.1\r\nHost: site.apps.localhost\r\n\r\n",
        )
        .await;
    assert_eq!(client.answer(false).await.unwrap().text(), "one");
    assert_eq!(client.answer(false).await.unwrap().status, 405);
    assert_eq!(client.answer(false).await.unwrap().text(), "one");
    let mut other = world.client("localhost").await;
    assert_eq!(other.get("/").await.status, 421);
    let mut gateway = world.visitor().await;
    assert_eq!(gateway.get("/api/py/x").await.status, 421);
    assert_eq!(gateway.get("/api/python").await.status, 404);
}

#[tokio::test]
async fn requests_that_hide_another_are_refused() {
    let world = World::of(&FILES).await;
    for smuggled in [
        "POST / HTTP/1.1\r\nHost: site.apps.localhost\r\nContent-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        "GET / HTTP/1.1\r\nHost: site.apps.localhost\r\nContent-Length: 4\r\nContent-Length: 5\r\n\r\nabcd",
        "GET / HTTP/1.1\r\nHost: site.apps.localhost\r\nHost: other.apps.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\nHost : site.apps.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n Host: site.apps.localhost\r\n\r\n",
        "GET / HTTP/1.1\r\n\r\n",
    ] {
        let mut client = world.visitor().await;
        let hidden = "GET /large.bin HTTP/1.1\r\nHost: site.apps.localhost\r\n\r\n";
        client.send(format!("{smuggled}{hidden}").as_bytes()).await;
        let answer = client.answer(false).await;
        assert!(answer.as_ref().is_none_or(|answer| answer.status >= 400), "{smuggled}: {answer:?}");
    }
}

#[tokio::test]
async fn a_client_that_wants_no_more_is_let_go() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    let answer = client.ask("GET", "/", &[("Connection", "close")]).await;
    assert_eq!((answer.text(), answer.header("connection")), ("one", "close"));
    assert!(client.is_closed().await);
    let mut old = world.visitor().await;
    old.send(b"GET / HTTP/1.0\r\nHost: site.apps.localhost\r\n\r\n").await;
    assert_eq!(old.answer(false).await.unwrap().text(), "one");
    assert!(old.is_closed().await);
}

#[tokio::test]
async fn a_head_may_be_large_but_not_endless() {
    let world = World::of(&FILES).await;
    let mut client = world.visitor().await;
    assert_eq!(client.ask("GET", "/", &[("Cookie", &"c".repeat(60_000))]).await.text(), "one");
    let large = client.ask("GET", "/", &[("Cookie", &"c".repeat(70_000))]).await;
    assert_eq!((large.status, large.header("connection")), (431, "close"));
}

#[tokio::test]
async fn slow_and_silent_clients_are_cut_off() {
    let short = Duration::from_millis(100);
    let world = World::with(|config| {
        config.limits.head_timeout = short;
        config.limits.idle_timeout = short;
        config.limits.stall_timeout = short;
    })
    .await;
    world.publish(&FILES, |_| {});
    let mut silent = world.visitor().await;
    assert!(silent.is_closed().await);
    let mut half = world.visitor().await;
    half.send(b"GET / HTTP/1.1\r\nHost:").await;
    assert!(half.is_closed().await);
    let mut idle = world.visitor().await;
    assert_eq!(idle.get("/").await.text(), "one");
    assert!(idle.is_closed().await);
}

#[tokio::test]
async fn a_reader_that_takes_nothing_is_cut_off() {
    let world = World::with(|config| config.limits.stall_timeout = Duration::from_millis(300)).await;
    // More than the buffers of two sockets hold.
    let large = vec![7; 64_000_000];
    let files: [(&str, &[u8]); 1] = [("large.bin", &large)];
    world.publish(&files, |_| {});
    let mut stuck = world.visitor().await;
    stuck.send(b"GET /large.bin HTTP/1.1\r\nHost: site.apps.localhost\r\n\r\n").await;
    let deadline = tokio::time::Instant::now() + Duration::from_secs(10);
    while world.hosting.drain_usage().iter().all(|(_, usage)| usage.requests == 0) {
        assert!(tokio::time::Instant::now() < deadline, "the answer never ended");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

#[tokio::test]
async fn stopping_ends_connections_that_wait() {
    let world = World::of(&FILES).await;
    let mut idle = world.visitor().await;
    assert_eq!(idle.get("/").await.text(), "one");
    world.stopping.cancel();
    assert!(idle.is_closed().await);
}
