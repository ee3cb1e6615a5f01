//! Which site is behind a name, how long that is believed, and what it costs.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::sync::Semaphore;
use vitrine_edge::{SiteKey, SiteState, Usage};

use super::support::{World, app};

const ONE: [(&str, &[u8]); 1] = [("index.html", b"one")];
const TWO: [(&str, &[u8]); 1] = [("index.html", b"two")];

#[tokio::test]
async fn the_next_request_after_a_switch_gets_the_new_release_on_every_connection() {
    let world = World::of(&ONE).await;
    let mut clients = [world.visitor().await, world.hyper_visitor().await, world.visitor().await];
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "one");
    }
    let site = world.publish(&TWO, |site| site.version = 2);
    world.hosting.invalidate(&site.app);
    for client in &mut clients {
        assert_eq!(client.get("/").await.text(), "two");
    }
}

#[tokio::test]
async fn a_look_that_began_before_a_switch_is_not_believed_after_it() {
    let world = World::of(&ONE).await;
    let gate = Arc::new(Semaphore::new(0));
    *world.source.gate.lock().unwrap() = Some(gate.clone());
    let mut client = world.visitor().await;
    let asking = tokio::spawn(async move { client.get("/").await });
    while world.source.looks.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    let site = world.publish(&TWO, |site| site.version = 2);
    world.hosting.invalidate(&site.app);
    gate.add_permits(10);
    assert_eq!(asking.await.unwrap().text(), "two");
    assert_eq!(world.visitor().await.get("/").await.text(), "two");
}

#[tokio::test]
async fn a_release_switched_by_another_node_is_seen_after_a_while_without_anybody_waiting() {
    let world = World::of(&ONE).await;
    let mut client = world.visitor().await;
    assert_eq!(client.get("/").await.text(), "one");
    world.publish(&TWO, |site| site.version = 2);
    assert_eq!(client.get("/").await.text(), "one");
    world.clock.advance_secs(6);
    assert_eq!(client.get("/").await.text(), "one");
    while client.get("/").await.text() != "two" {
        tokio::task::yield_now().await;
    }
    assert_eq!(world.source.looks.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_late_answer_of_a_replica_does_not_bring_back_the_release_before() {
    let world = World::new().await;
    world.publish(&TWO, |site| site.version = 2);
    let mut client = world.visitor().await;
    assert_eq!(client.get("/").await.text(), "two");
    world.publish(&ONE, |site| site.version = 1);
    world.clock.advance_secs(6);
    while world.source.looks.load(Ordering::SeqCst) < 2 {
        assert_eq!(client.get("/").await.text(), "two");
    }
    for _ in 0..20 {
        assert_eq!(client.get("/").await.text(), "two");
    }
}

#[tokio::test]
async fn many_visitors_at_once_are_one_look_and_one_read() {
    let world = World::of(&ONE).await;
    let gate = Arc::new(Semaphore::new(0));
    *world.source.gate.lock().unwrap() = Some(gate.clone());
    let mut asking = Vec::new();
    for _ in 0..20 {
        let mut client = world.visitor().await;
        asking.push(tokio::spawn(async move { client.get("/").await }));
    }
    while world.source.looks.load(Ordering::SeqCst) == 0 {
        tokio::task::yield_now().await;
    }
    gate.add_permits(100);
    for answer in asking {
        assert_eq!(answer.await.unwrap().text(), "one");
    }
    let count = |counter: &std::sync::atomic::AtomicUsize| counter.load(Ordering::SeqCst);
    assert_eq!((count(&world.source.looks), count(&world.source.reads)), (1, 1));
}

#[tokio::test]
async fn a_name_that_is_nobodys_is_looked_up_once_in_a_while_and_known_at_once_when_it_is_taken() {
    let world = World::new().await;
    let mut client = world.client("nobody.apps.localhost").await;
    for _ in 0..5 {
        let answer = client.navigate("/").await;
        assert_eq!(answer.status, 404);
        assert!(answer.text().contains("There is no app at this address"));
    }
    assert_eq!(world.source.looks.load(Ordering::SeqCst), 1);
    world.clock.advance_secs(3);
    assert_eq!(client.get("/").await.status, 404);
    assert_eq!(world.source.looks.load(Ordering::SeqCst), 2);
    let site = world.publish(&ONE, |site| site.slug = "nobody".to_owned());
    world.hosting.invalidate(&site.app);
    assert_eq!(client.get("/").await.text(), "one");
}

#[tokio::test]
async fn a_source_that_fails_costs_nobody_who_is_known_and_asks_the_others_to_come_back() {
    let world = World::of(&ONE).await;
    let mut known = world.visitor().await;
    assert_eq!(known.get("/").await.text(), "one");
    *world.source.failing.lock().unwrap() = true;
    world.clock.advance_secs(60);
    for _ in 0..5 {
        assert_eq!(known.get("/").await.text(), "one");
    }
    let mut other = world.client("other.apps.localhost").await;
    let answer = other.get("/").await;
    assert_eq!((answer.status, answer.header("retry-after")), (503, "2"));
    // After a switch the old release is not shown in place of an unknown new one.
    world.hosting.invalidate(&app(1));
    assert_eq!(known.get("/").await.status, 503);
    *world.source.failing.lock().unwrap() = false;
    world.clock.advance_secs(1);
    assert_eq!(known.get("/").await.text(), "one");
    assert_eq!(world.client("other.apps.localhost").await.get("/").await.status, 404);
}

#[tokio::test]
async fn paused_and_unpublished_apps_say_so() {
    let world = World::new().await;
    let site = world.publish(&ONE, |site| site.settings.paused = true);
    let mut client = world.visitor().await;
    for target in ["/", "/x.js", "/.vitrine/runtime-config"] {
        let answer = client.get(target).await;
        assert_eq!((answer.status, answer.header("retry-after")), (503, "300"), "{target}");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
    let page = client.navigate("/").await;
    assert!(
        page.text().contains("This app is paused")
            && page.header("content-security-policy").contains("'none'")
    );
    world.publish(&ONE, |site| site.state = SiteState::Unpublished);
    world.hosting.invalidate(&site.app);
    let page = client.navigate("/").await;
    assert_eq!(page.status, 404);
    assert!(page.text().contains("not published"));
}

#[tokio::test]
async fn a_permalink_shows_its_artifact_whatever_is_released_and_no_search_engine_finds_it() {
    let world = World::new().await;
    let old = world.publish(&ONE, |_| {});
    world.publish(&TWO, |site| site.version = 2);
    let mut client = world.client(&world.hosting.config().hosts.artifact_host(&old.artifact, "site")).await;
    let page = client.get("/").await;
    assert_eq!((page.text(), page.header("x-robots-tag")), ("one", "noindex"));
    assert_eq!(world.visitor().await.get("/").await.header("x-robots-tag"), "");
    let host = world.hosting.config().hosts.artifact_host(&old.artifact, "another");
    assert_eq!(world.client(&host).await.get("/").await.status, 404);
}

#[tokio::test]
async fn a_file_that_was_lost_or_has_another_length_is_an_error_and_not_a_broken_answer() {
    let world = World::of(&[("index.html", b"one"), ("gone.txt", b"gone"), ("short.txt", b"short")]).await;
    {
        let mut objects = world.source.objects.lock().unwrap();
        objects.remove(&vitrine_model::Sha256::of(b"gone"));
        objects.insert(vitrine_model::Sha256::of(b"short"), b"s".to_vec());
    }
    let mut client = world.visitor().await;
    for target in ["/gone.txt", "/short.txt"] {
        assert_eq!(client.get(target).await.status, 500, "{target}");
    }
    assert_eq!(client.get("/").await.text(), "one");
}

#[tokio::test]
async fn requests_and_bytes_are_counted_for_their_app() {
    let world = World::of(&ONE).await;
    let mut client = world.visitor().await;
    let tag = client.get("/").await.header("etag").to_owned();
    client.ask("HEAD", "/", &[]).await;
    client.ask("GET", "/", &[("If-None-Match", &tag)]).await;
    world.hyper_visitor().await.get("/").await;
    world.client("nobody.apps.localhost").await.get("/").await;
    // The answer to the request that hyper's way begins with has a body too.
    let refusal = "Only GET and HEAD are answered here.\n".len() as u64;
    // An answer is counted once it has left, which may be a moment after it has arrived.
    let mut total = Usage::default();
    while total.requests < 5 {
        for (of, usage) in world.hosting.drain_usage() {
            assert_eq!(of, app(1));
            total = Usage { requests: total.requests + usage.requests, bytes: total.bytes + usage.bytes };
        }
    }
    assert_eq!(total, Usage { requests: 5, bytes: 6 + refusal });
    assert_eq!(world.hosting.drain_usage(), []);
}

#[tokio::test]
async fn the_least_wanted_sites_make_room() {
    let world = World::with(|config| config.limits.max_sites = 2).await;
    for (number, slug) in [(1, "aaa"), (2, "bbb"), (3, "ccc")] {
        let site = world.publish(&ONE, |site| (site.app, site.slug) = (app(number), slug.to_owned()));
        assert_eq!(site.app, app(number));
    }
    let looks = || world.source.looks.load(Ordering::SeqCst);
    let visit = async |slug: &str| {
        assert_eq!(world.client(&format!("{slug}.apps.localhost")).await.get("/").await.text(), "one");
    };
    visit("aaa").await;
    visit("bbb").await;
    visit("aaa").await;
    visit("ccc").await;
    assert_eq!(looks(), 3);
    visit("aaa").await;
    assert_eq!(looks(), 3, "the one that was used stays");
    visit("bbb").await;
    assert_eq!(looks(), 4);
    assert!(world.source.sites.lock().unwrap().contains_key(&SiteKey::App { slug: "aaa".to_owned() }));
}
