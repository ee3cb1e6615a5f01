//! Visitors by link: what they see, and that it ends with the link.

use crate::sockets::{echo, ends, open, say, upgrading};
use crate::support::{DEADLINE, Guest, World, body, header, starting, text};
use bytes::Bytes;
use futures::StreamExt as _;
use http::header::{COOKIE, SET_COOKIE};
use http::{Response, StatusCode};
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use std::sync::atomic::Ordering;
use tokio::io::AsyncReadExt as _;
use vitrine_edge::{Activity, PreviewState};

#[tokio::test]
async fn a_visitor_sees_the_preview_until_the_link_is_taken_back() {
    let world = World::running(&Guest::saying("hi").await).await;
    let link = world.link();
    let cookie = world.link_cookie(&link).await;
    let visit =
        || world.send(world.bare(&world.session, "/").header(COOKIE, &cookie).header("accept", "text/html"));
    assert_eq!(text(visit().await).await, "hi");
    world.take_back(&link);
    let refused = visit().await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    assert!(text(refused).await.contains("This link has ended"));
}

#[tokio::test]
async fn a_link_ends_for_its_visitors_when_it_expires_and_its_cookie_with_it() {
    let world = World::running(&Guest::saying("hi").await).await;
    let link = world.link();
    let url = world.gateway.link_url(&world.session, &link);
    let path = format!("/?{}", url.split_once('?').unwrap().1);
    world.clock.advance_secs(3_540);
    // The token is as old as the clock says: a fresh one.
    assert_eq!(world.send(world.bare(&world.session, &path)).await.status(), StatusCode::UNAUTHORIZED);
    let url = world.gateway.link_url(&world.session, &link);
    let path = format!("/?{}", url.split_once('?').unwrap().1);
    let answer = world.send(world.bare(&world.session, &path)).await;
    assert!(header(&answer, "set-cookie").contains("; Max-Age=60;"));
    let cookie = header(&answer, "set-cookie").split(';').next().unwrap().to_owned();
    world.clock.advance_secs(60);
    let late = world.send(world.bare(&world.session, "/").header(COOKIE, cookie)).await;
    assert_eq!(late.status(), StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_token_of_a_link_that_was_taken_back_opens_nothing() {
    let world = World::running(&Guest::saying("hi").await).await;
    let link = world.link();
    let url = world.gateway.link_url(&world.session, &link);
    world.take_back(&link);
    let path = format!("/?{}", url.split_once('?').unwrap().1);
    let answer = world.send(world.bare(&world.session, &path)).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert!(!answer.headers().contains_key(SET_COOKIE));
}

#[tokio::test]
async fn opening_a_link_does_not_make_a_visitor_of_somebody_who_may_see_the_session() {
    let world = World::running(&Guest::saying("hi").await).await;
    let link = world.link();
    let own = world.cookie(&world.session).await;
    let url = world.gateway.link_url(&world.session, &link);
    let path = format!("/?{}", url.split_once('?').unwrap().1);
    let answer = world.send(world.bare(&world.session, &path).header(COOKIE, &own)).await;
    assert_eq!(answer.status(), StatusCode::SEE_OTHER);
    assert!(!answer.headers().contains_key(SET_COOKIE), "the better cookie stays");
}

#[tokio::test]
async fn taking_a_link_back_closes_its_sockets_and_no_others() {
    let world = World::running(&echo().await).await;
    let link = world.link();
    let cookie = world.link_cookie(&link).await;
    let request = upgrading(world.bare(&world.session, "/socket").header(COOKIE, cookie));
    let mut theirs = open(&world, request).await;
    let mut own = open(&world, upgrading(world.get("/socket").await)).await;
    say(&mut theirs, b"hello").await;
    world.take_back(&link);
    ends(&mut theirs).await;
    say(&mut own, b"still here").await;
}

#[tokio::test]
async fn a_page_whose_link_ends_is_told_to_load_anew_and_says_why() {
    let world = World::running(&echo().await).await;
    let link = world.link();
    let cookie = world.link_cookie(&link).await;
    let request = upgrading(world.bare(&world.session, "/").header(COOKIE, cookie));
    let mut socket = open(&world, request.header("sec-websocket-protocol", "vite-hmr")).await;
    world.take_back(&link);
    let mut heard = Vec::new();
    let read = tokio::time::timeout(DEADLINE, socket.read_to_end(&mut heard)).await;
    assert!(read.is_ok(), "the socket is closed");
    assert!(String::from_utf8_lossy(&heard).contains("full-reload"), "{heard:?}");
}

#[tokio::test]
async fn a_stream_breaks_off_when_the_link_is_taken_back() {
    let guest = Guest::start(|_| async {
        let first = futures::stream::iter([Ok(Frame::data(Bytes::from_static(b"first")))]);
        let body = StreamBody::new(first.chain(futures::stream::pending())).boxed_unsync();
        Response::new(body)
    })
    .await;
    let world = World::running(&guest).await;
    let link = world.link();
    let cookie = world.link_cookie(&link).await;
    let mut answer = world.send(world.bare(&world.session, "/events").header(COOKIE, cookie)).await;
    let first = answer.body_mut().frame().await.unwrap().unwrap();
    assert_eq!(first.into_data().unwrap(), "first");
    world.take_back(&link);
    let next = tokio::time::timeout(DEADLINE, answer.body_mut().frame()).await.expect("in time");
    assert!(next.is_none_or(|frame| frame.is_err()), "nothing more comes");
}

#[tokio::test]
async fn what_visitors_do_counts_as_use_for_a_while_and_wakes_nothing_later() {
    let world = World::running(&Guest::start(|_| async { Response::new(body("hi")) }).await).await;
    let link = world.link();
    let cookie = world.link_cookie(&link).await;
    let visit =
        || world.send(world.bare(&world.session, "/").header(COOKIE, &cookie).header("accept", "text/html"));
    visit().await;
    assert_eq!(world.targets.touched(), [Activity::Request]);
    world.clock.advance_secs(1_800);
    assert_eq!(visit().await.status(), StatusCode::OK);
    assert_eq!(world.targets.touched().len(), 1, "it does not count any more");
    world.targets.set(&world.session, PreviewState::Asleep(Default::default()));
    world.targets.when_woken(starting());
    let asleep = visit().await;
    assert_eq!(asleep.status(), StatusCode::UNAUTHORIZED);
    assert!(text(asleep).await.contains("Open the link again"));
    assert_eq!(world.targets.wakes.load(Ordering::SeqCst), 0);
}
