//! Previews that nobody uses: frozen, taken down, and back for whoever comes, with a scripted sandbox.

use std::sync::atomic::Ordering;
use std::time::Duration;

use axum::http::StatusCode;
use futures::future::join_all;
use proptest::prelude::*;
use serde_json::json;
use vitrine_model::AppId;
use vitrine_sandbox::Sandbox;
use vitrine_sandbox::driver::EndReason;

use super::harness::{KEY, TestServer};
use crate::config::SessionsConfig;

/// More than it takes to be frozen, less than it takes to be taken down.
pub(super) const QUIET_SECS: i64 = 200;

/// More than it takes to be taken down.
pub(super) const IDLE_SECS: i64 = 2_000;

/// Somebody who has the preview open.
pub(super) struct Visitor {
    origin: String,
    cookie: String,
}

impl Visitor {
    pub(super) async fn of(server: &TestServer, app: &AppId) -> Self {
        let session = server.call("PUT", &format!("/v1/apps/{app}/session"), None).await.json();
        server.session_is(app, "running").await;
        let url = session["preview_url"].as_str().unwrap().to_owned();
        let cookie = server.preview(&url, "").await.cookie();
        Self { origin: url.split_once("/?").unwrap().0.to_owned(), cookie }
    }

    pub(super) async fn sees(&self, server: &TestServer, path: &str) -> (StatusCode, String) {
        let answer = server.preview(&format!("{}/{path}", self.origin), &self.cookie).await;
        (answer.status, answer.text().to_owned())
    }
}

/// Waits until the visitor sees this text of the note: a file that follows itself waits a moment.
async fn until_noted(server: &TestServer, visitor: &Visitor, text: &str) {
    let waiting = async {
        while visitor.sees(server, "note.txt").await != (StatusCode::OK, text.to_owned()) {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let arrived = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(arrived.is_ok(), "not {text} but {:?}", visitor.sees(server, "note.txt").await);
}

pub(super) async fn sweep_after(server: &TestServer, secs: i64) {
    server.clock.advance_secs(secs);
    server.services.sessions.sweep().await.unwrap();
}

pub(super) async fn frozen(server: &TestServer, app: &AppId) {
    sweep_after(server, QUIET_SECS).await;
    server.session_is(app, "frozen").await;
    assert!(server.driver.running().iter().all(|sandbox| sandbox.is_frozen()));
}

async fn write(server: &TestServer, app: &AppId, text: &str) {
    let answer = server.change(app, json!([{ "op": "write", "path": "note.txt", "text": text }])).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
}

#[tokio::test]
async fn what_nobody_uses_is_frozen_and_goes_on_with_the_next_request() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    frozen(&server, &app).await;
    // Looking at its state, and staying signed in, is no use.
    server.post(&format!("/v1/apps/{app}/session/heartbeat"), json!({})).await;
    server.session_is(&app, "frozen").await;
    assert_eq!(visitor.sees(&server, "").await.0, StatusCode::OK);
    server.session_is(&app, "running").await;
    assert_eq!(server.driver.starts(), 1);
    // The request was use: it is not frozen again before its time.
    server.services.sessions.sweep().await.unwrap();
    server.session_is(&app, "running").await;
}

#[tokio::test]
async fn a_change_reaches_a_frozen_preview() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    frozen(&server, &app).await;
    write(&server, &app, "thawed").await;
    server.session_is(&app, "running").await;
    until_noted(&server, &visitor, "thawed").await;
    assert_eq!(server.driver.starts(), 1);
}

#[tokio::test]
async fn ensuring_a_frozen_session_finds_it_running() {
    let server = TestServer::start().await;
    let app = server.app().await;
    Visitor::of(&server, &app).await;
    frozen(&server, &app).await;
    let answer = server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    assert_eq!((answer.status, &answer.json()["status"]), (StatusCode::OK, &json!("running")));
}

#[tokio::test]
async fn a_sandbox_that_dies_in_its_sleep_is_started_for_the_next_who_comes() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    frozen(&server, &app).await;
    let id = server.driver.running()[0].id().clone();
    server.driver.end(&id, EndReason::OutOfMemory).await;
    server.session_is(&app, "hibernated").await;
    assert_eq!(server.driver.starts(), 1, "nobody waits for it");
    assert_eq!(visitor.sees(&server, "").await.0, StatusCode::OK);
    assert_eq!(server.driver.starts(), 2);
}

#[tokio::test]
async fn many_visitors_of_a_hibernated_session_are_served_by_one_start() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    frozen(&server, &app).await;
    sweep_after(&server, IDLE_SECS).await;
    server.session_is(&app, "hibernated").await;
    assert!(server.driver.running().is_empty());
    let answers = join_all((0..200).map(|_| visitor.sees(&server, ""))).await;
    assert!(answers.iter().all(|(status, _)| *status == StatusCode::OK), "{answers:?}");
    assert_eq!(server.driver.starts(), 2);
    server.session_is(&app, "running").await;
}

#[tokio::test]
async fn a_preview_that_is_used_while_it_is_being_taken_down_stays() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    server.clock.advance_secs(IDLE_SECS);
    let (swept, seen) = tokio::join!(server.services.sessions.sweep(), visitor.sees(&server, ""));
    swept.unwrap();
    assert_eq!(seen.0, StatusCode::OK);
    server.session_is(&app, "running").await;
    assert_eq!(visitor.sees(&server, "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_was_edited_while_it_was_down_is_there_when_it_is_back() {
    let server = TestServer::start().await;
    let app = server.app().await;
    Visitor::of(&server, &app).await;
    write(&server, &app, "before").await;
    sweep_after(&server, IDLE_SECS).await;
    server.session_is(&app, "hibernated").await;
    write(&server, &app, "meanwhile").await;
    let visitor = Visitor::of(&server, &app).await;
    assert_eq!(visitor.sees(&server, "note.txt").await, (StatusCode::OK, "meanwhile".to_owned()));
}

#[tokio::test]
async fn what_cannot_be_frozen_runs_until_it_is_taken_down() {
    let server = TestServer::start().await;
    server.driver.script(|script| script.cannot_freeze = true);
    let app = server.app().await;
    Visitor::of(&server, &app).await;
    sweep_after(&server, QUIET_SECS).await;
    server.session_is(&app, "running").await;
    sweep_after(&server, IDLE_SECS).await;
    server.session_is(&app, "hibernated").await;
}

#[tokio::test]
async fn freezing_can_be_switched_off() {
    let server = TestServer::start_with(|config| config.sessions.freeze_after_secs = 0).await;
    let app = server.app().await;
    Visitor::of(&server, &app).await;
    sweep_after(&server, QUIET_SECS).await;
    server.session_is(&app, "running").await;
}

#[tokio::test]
async fn a_server_that_starts_again_leaves_asleep_what_was_asleep() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    frozen(&server, &app).await;
    server.services.sessions.shut_down().await;
    server.services.sessions.resume().await.unwrap();
    server.session_is(&app, "hibernated").await;
    assert_eq!(visitor.sees(&server, "").await.0, StatusCode::OK);
    assert_eq!(server.driver.starts(), 2);
}

#[tokio::test]
async fn who_does_not_use_theirs_makes_room_and_who_does_keeps_it() {
    let server = TestServer::start().await;
    server.machine_mib.store(2 * 256, Ordering::SeqCst);
    let (first, second, third) = (server.app().await, server.app().await, server.app().await);
    let of_first = Visitor::of(&server, &first).await;
    server.clock.advance_secs(100);
    let of_second = Visitor::of(&server, &second).await;
    Visitor::of(&server, &third).await;
    server.session_is(&first, "hibernated").await;
    server.session_is(&second, "running").await;

    // Both are in use: nobody has to go for a third.
    let refused = server.preview(&format!("{}/", of_first.origin), &of_first.cookie).await;
    assert_eq!(refused.status, StatusCode::SERVICE_UNAVAILABLE, "{refused:?}");
    let session = server.get(&format!("/v1/apps/{first}/session")).await.json();
    assert_eq!(session["error"]["code"], "sandbox_unavailable");
    assert_eq!(of_second.sees(&server, "").await.0, StatusCode::OK);

    server.clock.advance_secs(100);
    assert_eq!(of_second.sees(&server, "").await.0, StatusCode::OK);
    assert_eq!(Visitor::of(&server, &first).await.sees(&server, "").await.0, StatusCode::OK);
    server.session_is(&third, "hibernated").await;
    server.session_is(&second, "running").await;
}

/// Somebody else of the tenant who has the preview open.
async fn colleague(server: &TestServer, app: &AppId) -> (String, Visitor) {
    let browser = server.person(KEY, "ada@example.com", "editor").await;
    let session = server.browse(&browser, "PUT", &format!("/v1/apps/{app}/session"), None).await.json();
    let url = session["preview_url"].as_str().unwrap().to_owned();
    let cookie = server.preview(&url, "").await.cookie();
    (browser, Visitor { origin: url.split_once("/?").unwrap().0.to_owned(), cookie })
}

#[tokio::test]
async fn what_somebody_without_a_session_edits_is_in_use() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    let browser = server.person(KEY, "ada@example.com", "editor").await;
    server.clock.advance_secs(QUIET_SECS);
    let ops = json!({ "ops": [{ "op": "write", "path": "note.txt", "text": "a colleague's" }] });
    let written = server.browse(&browser, "POST", &format!("/v1/apps/{app}/changes"), Some(ops)).await;
    assert_eq!(written.status, StatusCode::OK, "{written:?}");
    server.services.sessions.sweep().await.unwrap();
    server.session_is(&app, "running").await;
    until_noted(&server, &visitor, "a colleague's").await;
    frozen(&server, &app).await;
}

#[tokio::test]
async fn one_who_finds_a_preview_that_others_brought_back_keeps_it() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let mut first = Visitor::of(&server, &app).await;
    let (browser, second) = colleague(&server, &app).await;
    // The first goes, before and after the timer has written down what the second did.
    for is_written in [true, false] {
        sweep_after(&server, IDLE_SECS).await;
        server.session_is(&app, "hibernated").await;
        assert_eq!(first.sees(&server, "").await.0, StatusCode::OK);
        server.session_is(&app, "running").await;
        let starts = server.driver.starts();
        assert_eq!(second.sees(&server, "").await.0, StatusCode::OK);
        if is_written {
            server.services.sessions.sweep().await.unwrap();
            let theirs =
                server.browse(&browser, "GET", &format!("/v1/apps/{app}/session"), None).await.json();
            assert_eq!(theirs["status"], "running");
        }
        server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await;
        server.session_runs(1).await;
        assert_eq!(second.sees(&server, "").await.0, StatusCode::OK);
        assert_eq!(server.driver.starts(), starts, "nothing was taken down");
        first = Visitor::of(&server, &app).await;
    }
    // When nobody uses it any more it goes with those who have a session.
    sweep_after(&server, IDLE_SECS).await;
    server.session_runs(0).await;
}

/// What can happen to a session, in any order.
#[derive(Debug, Clone, Copy)]
enum Move {
    Ensure,
    Visit,
    Change,
    Quiet,
    Idle,
    /// The timer and a visitor at the same moment.
    IdleBesideVisit,
    QuietBesideVisit,
    QuietBesideChange,
    Restart,
    Stop,
    SandboxDies,
    ServerRestarts,
}

fn moves() -> impl Strategy<Value = Vec<Move>> {
    use Move as M;
    let any = prop::sample::select(vec![
        M::Ensure,
        M::Visit,
        M::Change,
        M::Quiet,
        M::Quiet,
        M::Idle,
        M::IdleBesideVisit,
        M::QuietBesideVisit,
        M::QuietBesideChange,
        M::Restart,
        M::Stop,
        M::SandboxDies,
        M::ServerRestarts,
    ]);
    prop::collection::vec(any, 1..12)
}

impl Move {
    async fn make(self, server: &TestServer, app: &AppId, visitor: &Visitor, number: usize) {
        let session = format!("/v1/apps/{app}/session");
        let change = || async { write(server, app, &number.to_string()).await };
        match self {
            Self::Ensure => drop(server.call("PUT", &session, None).await),
            Self::Visit => drop(visitor.sees(server, "").await),
            Self::Change => change().await,
            Self::Quiet => sweep_after(server, QUIET_SECS).await,
            Self::Idle => sweep_after(server, IDLE_SECS).await,
            Self::IdleBesideVisit => {
                drop(tokio::join!(sweep_after(server, IDLE_SECS), visitor.sees(server, "")));
            }
            Self::QuietBesideVisit => {
                let (_, seen) = tokio::join!(sweep_after(server, QUIET_SECS), visitor.sees(server, ""));
                assert_ne!(seen.0, StatusCode::GATEWAY_TIMEOUT);
            }
            Self::QuietBesideChange => drop(tokio::join!(sweep_after(server, QUIET_SECS), change())),
            Self::Restart => drop(server.post(&format!("{session}/restart"), json!({})).await),
            Self::Stop => drop(server.call("DELETE", &session, None).await),
            Self::SandboxDies => {
                if let Some(sandbox) = server.driver.running().first() {
                    server.driver.end(sandbox.id(), EndReason::GuestLost("killed".to_owned())).await;
                }
            }
            Self::ServerRestarts => {
                server.services.sessions.shut_down().await;
                server.services.sessions.resume().await.unwrap();
            }
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 16, max_shrink_iters: 60, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn whatever_happens_the_next_who_comes_sees_the_newest_draft(moves in moves()) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let server = TestServer::start_with(|config| {
                config.sessions = SessionsConfig { max_restarts: 100, ..SessionsConfig::default() };
            })
            .await;
            let app = server.app().await;
            let visitor = Visitor::of(&server, &app).await;
            for (number, next) in moves.iter().enumerate() {
                next.make(&server, &app, &visitor, number).await;
            }
            write(&server, &app, "the last").await;
            let visitor = Visitor::of(&server, &app).await;
            until_noted(&server, &visitor, "the last").await;
            server.session_runs(1).await;
            assert!(!server.driver.running()[0].is_frozen());
            server.services.sessions.shut_down().await;
            assert!(server.driver.running().is_empty());
        });
    }
}
