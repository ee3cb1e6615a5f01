//! The runtime configuration: at its address, and in pages that ask for it.

use std::time::{Duration, Instant};

use super::support::World;
use vitrine_model::artifact::RUNTIME_CONFIG_SLOT;

#[tokio::test]
async fn the_runtime_configuration_has_an_address_and_a_tag() {
    let world = World::of(&[("index.html", b"page")]).await;
    let mut client = world.visitor().await;
    let answer = client.get("/.vitrine/runtime-config").await;
    assert_eq!((answer.status, answer.text()), (200, r#"{"name":"Site"}"#));
    assert_eq!(
        (answer.header("content-type"), answer.header("cache-control")),
        ("application/json", "no-cache")
    );
    let held = [("If-None-Match", answer.header("etag"))];
    assert_eq!(client.ask("GET", "/.vitrine/runtime-config", &held).await.status, 304);
}

#[tokio::test]
async fn a_page_with_a_slot_is_served_with_the_configuration_in_it() {
    let padding = "x".repeat(2_000);
    let page = format!("<head>{RUNTIME_CONFIG_SLOT}</script></head>{padding}");
    let world = World::new().await;
    let files: [(&str, &[u8]); 1] = [("index.html", page.as_bytes())];
    world.publish(&files, |site| site.runtime_config = serde_json::json!({"a": "</script>"}));
    let filled = page.replace("\"></script>", "\">{\"a\":\"\\u003c/script>\"}</script>");
    let mut client = world.visitor().await;
    for target in ["/", "/index.html", "/"] {
        assert_eq!(client.get(target).await.text(), filled, "{target}");
    }
    let head = client.ask("HEAD", "/", &[]).await;
    assert_eq!(head.header("content-length"), filled.len().to_string());
    assert_eq!(client.navigate("/some/route").await.text(), filled);
    let packed = client.ask("GET", "/", &[("Accept-Encoding", "gzip, br")]).await;
    assert_eq!(packed.header("content-encoding"), "gzip");
    assert!(packed.body.len() < filled.len() / 2 && packed.header("etag") != head.header("etag"));
    let held = client.ask("GET", "/", &[("If-None-Match", head.header("etag"))]).await;
    assert_eq!(held.status, 304);
}

#[tokio::test]
async fn a_filled_page_is_among_the_objects_and_is_made_again_when_it_had_to_go() {
    let page = format!("<head>{RUNTIME_CONFIG_SLOT}</script></head>{}", "x".repeat(2_000));
    // So little memory that no object stays.
    let world = World::with(|config| config.limits.memory_bytes = 1).await;
    world.publish(&[("index.html", page.as_bytes())], |_| {});
    let mut client = world.visitor().await;
    let first = client.get("/").await;
    let deadline = Instant::now() + Duration::from_secs(20);
    for field in ["identity", "gzip"] {
        let (seen, reads) = (client.ask("GET", "/", &[("Accept-Encoding", field)]).await, world.reads());
        // The cache drops what does not fit when it comes to it.
        while world.reads() < reads + 2 {
            let again = client.ask("GET", "/", &[("Accept-Encoding", field)]).await;
            assert_eq!((again.status, &again.body), (200, &seen.body));
            assert_eq!(again.header("etag"), seen.header("etag"));
            assert!(Instant::now() < deadline, "the page is kept somewhere else than among the objects");
        }
    }
    assert_eq!(client.get("/").await.text(), first.text());
    let roomy = World::of(&[("index.html", page.as_bytes())]).await;
    let mut client = roomy.visitor().await;
    for _ in 0..3 {
        assert_eq!(client.get("/").await.text(), first.text());
    }
    assert_eq!(roomy.reads(), 1);
}

#[tokio::test]
async fn another_configuration_gives_the_page_another_tag() {
    let page = format!("{RUNTIME_CONFIG_SLOT}</script>");
    let files: [(&str, &[u8]); 1] = [("index.html", page.as_bytes())];
    let world = World::of(&files).await;
    let mut client = world.visitor().await;
    let first = client.get("/").await;
    let site = world.publish(&files, |site| site.runtime_config = serde_json::json!({"name": "Other"}));
    world.hosting.invalidate(&site.app);
    let second = client.ask("GET", "/", &[("If-None-Match", first.header("etag"))]).await;
    assert_eq!(second.status, 200);
    assert!(second.text().contains("Other"));
}
