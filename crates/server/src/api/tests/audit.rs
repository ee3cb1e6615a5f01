//! The audit log over HTTP: what was done is there before the answer is, by whom, from where, and how it ended.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use vitrine_model::problem::Code;

use super::harness::{KEY, TEMPLATE, TestServer};

impl TestServer {
    async fn log(&self, query: &str) -> Vec<Value> {
        self.get(&format!("/v1/audit?{query}")).await.json()["items"].as_array().unwrap().clone()
    }
}

#[tokio::test]
async fn an_operation_is_written_down_with_who_what_on_what_when_from_where_and_outcome() {
    let server = TestServer::start().await;
    let body = json!({ "name": "An app", "template": TEMPLATE }).to_string();
    let mut request = Request::post("/v1/apps")
        .header("authorization", format!("Bearer {KEY}"))
        .header("content-type", "application/json")
        .header("x-forwarded-for", "203.0.113.9")
        .body(Body::from(body))
        .unwrap();
    request.extensions_mut().insert(SocketAddr::from(([192, 0, 2, 7], 5_000)));
    let made = server.send(request).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let entry = server.log("").await.remove(0);
    let me = server.get("/v1/me").await.json();
    let app = made.json()["id"].clone();
    assert_eq!(entry["actor"], json!({ "kind": "admin_key", "user_id": me["user"]["id"] }));
    assert_eq!((&entry["operation"], &entry["app"]), (&json!("create_app"), &app));
    assert_eq!(entry["target"], json!(format!("/v1/apps/{}", app.as_str().unwrap())));
    assert_eq!((&entry["status"], &entry["seq"]), (&json!(201), &json!(1)));
    assert_eq!(entry["from"], "192.0.2.7", "not what the header says");
    assert_eq!(entry["at"], "2025-10-09T08:53:20.000Z");
    assert_eq!(entry["request_id"], made.headers["x-request-id"].to_str().unwrap());
}

#[tokio::test]
async fn refusals_are_written_down_and_reads_edits_and_heartbeats_are_not() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    let viewer = server.key(KEY, json!({ "name": "v", "role": "viewer" })).await;
    let before = server.log("").await.len();
    server.change(&app, json!([{ "op": "write", "path": "a.txt", "text": "" }])).await;
    server.post(&format!("/v1/apps/{app}/session/heartbeat"), json!({})).await;
    server.draft(&app).await;
    assert_eq!(server.log("").await.len(), before);
    let refused = server.call_as(&viewer, "DELETE", &format!("/v1/apps/{app}"), None).await;
    assert_eq!(refused.code(), Code::Forbidden);
    let entry = server.log("operation=delete_app").await.remove(0);
    assert_eq!((&entry["status"], &entry["actor"]["kind"]), (&json!(403), &json!("key")));
    assert_eq!(entry["app"], json!(app));
}

#[tokio::test]
async fn a_repeated_request_is_written_down_once() {
    let server = TestServer::start().await;
    for _ in 0..2 {
        let request = Request::post("/v1/apps")
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .header("idempotency-key", "once")
            .body(Body::from(json!({ "name": "One", "template": TEMPLATE }).to_string()));
        assert_eq!(server.send(request.unwrap()).await.status, StatusCode::CREATED);
    }
    assert_eq!(server.log("").await.len(), 1);
}

#[tokio::test]
async fn what_was_done_is_written_down_when_the_client_hangs_up() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let path = format!("/v1/apps/{app}");
    let owner = server.services.auth.owner().clone();
    let mut call = Box::pin(server.call("DELETE", &path, None));
    // The client goes away at the moment when the app is gone.
    while futures::poll!(&mut call).is_pending() && server.services.store.app(&owner, &app).await.is_ok() {
        tokio::task::yield_now().await;
    }
    drop(call);
    let written = async {
        while server.log("operation=delete_app").await.is_empty() {
            tokio::task::yield_now().await;
        }
    };
    let written = tokio::time::timeout(std::time::Duration::from_secs(10), written).await;
    assert!(written.is_ok(), "deleted, and nobody knows by whom");
}

#[tokio::test]
async fn the_log_is_filtered_exported_and_verified() {
    let server = TestServer::start().await;
    let (one, two) = (server.app().await, server.app().await);
    server.clock.advance_secs(10);
    server.call("PATCH", &format!("/v1/apps/{one}"), Some(json!({ "name": "One" }))).await;
    assert_eq!(server.log("").await.len(), 3);
    assert_eq!(server.log(&format!("app={one}")).await.len(), 2);
    assert_eq!(server.log(&format!("app={two}&operation=update_app")).await.len(), 0);
    assert_eq!(server.log("since=2025-10-09T08:53:21Z").await.len(), 1);
    assert_eq!(server.log("until=2025-10-09T08:53:21Z").await.len(), 2);
    let me = server.get("/v1/me").await.json();
    assert_eq!(server.log(&format!("actor={}", me["user"]["id"].as_str().unwrap())).await.len(), 3);
    assert_eq!(server.log("actor=key_00000000000000000000000000").await.len(), 0);
    assert_eq!(server.get("/v1/audit?actor=somebody").await.code(), Code::InvalidRequest);

    let export = server.get("/v1/audit/export").await;
    assert_eq!(export.headers["content-type"], "application/x-ndjson");
    let text = String::from_utf8(export.body.to_vec()).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| line["seq"].clone()).collect::<Vec<_>>(), [1, 2, 3]);
    let verdict = server.get("/v1/audit/verify").await.json();
    assert_eq!((&verdict["intact"], &verdict["entries"]), (&json!(true), &json!(3)));
    assert_eq!(verdict["head"], lines[2]["hash"]);
}

#[tokio::test]
async fn a_long_log_is_exported_to_its_end() {
    let server = TestServer::start_with(|config| config.limits.write_per_min = 0).await;
    let key = server.key(KEY, json!({ "name": "v", "role": "viewer" })).await;
    for _ in 0..1_001 {
        server.call_as(&key, "POST", "/v1/sign-out", None).await;
    }
    let export = server.get("/v1/audit/export?operation=sign_out").await;
    assert_eq!(String::from_utf8(export.body.to_vec()).unwrap().lines().count(), 1_001);
}

impl TestServer {
    /// Waits until the log has something of this kind, which is written beside the answer.
    async fn logged(&self, query: &str, count: usize) -> Vec<Value> {
        let written = async {
            loop {
                let log = self.log(query).await;
                if log.len() >= count {
                    return log;
                }
                tokio::task::yield_now().await;
            }
        };
        let written = tokio::time::timeout(std::time::Duration::from_secs(10), written).await;
        written.unwrap_or_else(|_| panic!("{query} was not written down"))
    }
}

#[tokio::test]
async fn who_accepts_an_invitation_is_written_down_with_what_they_may_do() {
    let server = TestServer::start().await;
    let invite = server.post("/v1/invites", json!({ "name": "a", "role": "editor" })).await.json();
    server.accept(invite["code"].as_str().unwrap(), "ada@example.com").await;
    let log = server.log("").await;
    let operations: Vec<_> = log.iter().map(|entry| entry["operation"].as_str().unwrap()).collect();
    assert_eq!(operations, ["sign_in", "accept_invite", "invite_member"]);
    let entry = &log[1];
    assert_eq!(entry["target"], json!(format!("/v1/invites/{}", invite["id"].as_str().unwrap())));
    assert_eq!((&entry["note"], &entry["status"]), (&json!("role: editor"), &json!(204)));
    assert_eq!(entry["actor"]["user_id"], log[0]["actor"]["user_id"]);
}

#[tokio::test]
async fn an_accepted_invitation_is_written_down_when_the_client_hangs_up() {
    let server = TestServer::start().await;
    let invite = server.post("/v1/invites", json!({ "name": "a", "role": "editor" })).await.json();
    let owner = server.services.auth.owner().clone();
    let members = async || server.services.store.list_members(&owner, 10, None).await.unwrap().items.len();
    let mut call = Box::pin(server.accept(invite["code"].as_str().unwrap(), "ada@example.com"));
    // The client goes away at the moment when there is a new member.
    while futures::poll!(&mut call).is_pending() && members().await == 1 {
        tokio::task::yield_now().await;
    }
    drop(call);
    server.logged("operation=accept_invite", 1).await;
    server.logged("operation=sign_in", 1).await;
}

#[tokio::test]
async fn the_link_of_the_ready_line_is_carried_through_when_the_client_hangs_up() {
    let server = TestServer::start().await;
    let link = format!("/sign-in?code={}", server.services.auth.issue_code());
    let mut call = Box::pin(server.send(Request::get(link).body(Body::empty()).unwrap()));
    assert!(futures::poll!(&mut call).is_pending());
    drop(call);
    server.logged("operation=sign_in", 1).await;
}

#[tokio::test]
async fn wrong_passwords_for_an_account_are_written_down_and_do_not_fill_the_log() {
    let server = TestServer::start().await;
    server.person(KEY, "ada@example.com", "viewer").await;
    let miss = async |email: &str| {
        let body = json!({ "email": email, "password": "not her password" });
        assert_eq!(server.open_call("/v1/sign-in", body).await.code(), Code::Unauthenticated);
    };
    let misses = async || {
        let log = server.log("operation=sign_in").await;
        log.into_iter().filter(|entry| entry["status"] == 401).collect::<Vec<_>>()
    };
    for _ in 0..5 {
        miss("nobody@example.com").await;
    }
    for _ in 0..2 {
        for _ in 0..5 {
            miss("ada@example.com").await;
        }
        server.logged("operation=sign_in", 6).await;
        assert_eq!(misses().await.len(), 5, "a few an hour, and none of nobody's");
        server.clock.advance_secs(900);
    }
    let entry = misses().await.remove(0);
    assert_eq!((&entry["note"], &entry["target"]), (&json!("wrong password"), &json!("/v1/sign-in")));
    server.clock.advance_secs(3_600);
    miss("ada@example.com").await;
    server.logged("operation=sign_in", 7).await;
    assert_eq!(misses().await.len(), 6, "and another one the hour after");
}
