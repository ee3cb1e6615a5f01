//! What runs, for whoever runs the server: and for nobody else.

use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use vitrine_model::problem::Code;

use super::harness::{Answer, KEY, PASSWORD, TestServer, cookie_of};
use super::resting::{IDLE_SECS, Visitor, frozen, sweep_after};

async fn seen_by(server: &TestServer, cookie: &str) -> Answer {
    let request = Request::get("/v1/machine").header("cookie", cookie).body(Body::empty());
    server.send(request.unwrap()).await
}

async fn runs_server(server: &TestServer, cookie: &str) -> Value {
    let request = Request::get("/v1/me").header("cookie", cookie).body(Body::empty());
    server.send(request.unwrap()).await.json()["runs_server"].clone()
}

/// Waits until so many sessions are written down in a state, which they are a moment after they are in it.
pub(super) async fn until_counted(server: &TestServer, state: &str, count: u64) {
    let waiting = async {
        while server.get("/v1/machine").await.json()["sessions"][state] != count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let arrived = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(arrived.is_ok(), "not {count} {state}: {}", server.get("/v1/machine").await.json()["sessions"]);
}

#[tokio::test]
async fn whoever_runs_the_server_sees_what_runs() {
    let server = TestServer::start().await;
    let (frozen_app, used) = (server.app().await, server.app().await);
    Visitor::of(&server, &frozen_app).await;
    frozen(&server, &frozen_app).await;
    Visitor::of(&server, &used).await;
    let machine = server.get("/v1/machine").await.json();
    assert_eq!((&machine["sandboxes"]["frozen"], &machine["sandboxes"]["running"]), (&json!(1), &json!(1)));
    until_counted(&server, "frozen", 1).await;
    until_counted(&server, "running", 1).await;
    let since = &machine["since_start"];
    assert_eq!((&since["starts"], &since["freezes"], &since["thaws"]), (&json!(2), &json!(1), &json!(0)));
    let items = machine["items"].as_array().unwrap();
    assert_eq!(items.len(), 2);
    assert!(items.iter().all(|item| item["memory_bytes"].as_u64().unwrap() > 0), "{items:?}");
    let sum: u64 = items.iter().map(|item| item["memory_bytes"].as_u64().unwrap()).sum();
    assert_eq!(machine["memory"]["sandboxes_bytes"], json!(sum));
    assert_eq!(machine["layers"], json!({ "count": 1, "in_use": 0, "bytes": 1_000, "budget_bytes": 10_000 }));
    assert!(machine["cpu_micros"].as_u64().unwrap() > 0);
    let one = server.get("/v1/machine?limit=1").await.json();
    assert_eq!(one["items"].as_array().unwrap().len(), 1);
    assert_eq!(one["memory"]["sandboxes_bytes"], json!(sum), "what is not shown counts");
    assert_eq!(server.get("/v1/machine?limit=1001").await.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_sandbox_is_told_with_its_age_and_its_last_use() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    let began = server.get("/v1/machine").await.json()["at"].clone();
    server.clock.advance_secs(60);
    visitor.sees(&server, "").await;
    let machine = server.get("/v1/machine").await.json();
    let item = &machine["items"][0];
    assert_eq!((&item["started_at"], &item["last_use_at"]), (&began, &machine["at"]));
    assert_eq!(item["app_name"], "An app");
}

#[tokio::test]
async fn coming_back_to_what_was_taken_down_is_a_wake_and_going_on_is_none() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let visitor = Visitor::of(&server, &app).await;
    let counted = async || {
        let machine = server.get("/v1/machine").await.json();
        let since = &machine["since_start"];
        [
            since["starts"].clone(),
            since["wakes"].clone(),
            since["thaws"].clone(),
            since["hibernations"].clone(),
        ]
    };
    frozen(&server, &app).await;
    visitor.sees(&server, "").await;
    assert_eq!(counted().await, [1, 0, 1, 0]);
    sweep_after(&server, IDLE_SECS).await;
    server.session_is(&app, "hibernated").await;
    until_counted(&server, "hibernated", 1).await;
    futures::future::join_all((0..20).map(|_| visitor.sees(&server, ""))).await;
    server.session_is(&app, "running").await;
    assert_eq!(counted().await, [2, 1, 1, 1], "a request wakes it, once");
    sweep_after(&server, IDLE_SECS).await;
    server.session_is(&app, "hibernated").await;
    Visitor::of(&server, &app).await;
    assert_eq!(counted().await, [3, 2, 1, 2], "asking for the session does as well");
    server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await;
    Visitor::of(&server, &app).await;
    assert_eq!(counted().await, [4, 2, 1, 2], "what was stopped begins anew");
}

#[tokio::test]
async fn apps_of_other_tenants_have_no_names_here() {
    let server = TestServer::start().await;
    let (tenant, key) = server.tenant("Others").await;
    let app = server.call_as(
        &key,
        "POST",
        "/v1/apps",
        Some(json!({ "name": "Secret plans", "template": "tiny-vite" })),
    );
    let app = app.await.json()["id"].as_str().unwrap().to_owned();
    server.call_as(&key, "PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_runs(1).await;
    let machine = server.get("/v1/machine").await;
    assert_eq!(machine.json()["items"][0]["tenant_id"], json!(tenant));
    assert!(!machine.text().contains("Secret plans"), "{}", machine.text());
}

#[tokio::test]
async fn a_browser_sees_it_that_came_with_the_servers_own_key_or_link_and_no_other() {
    let server = TestServer::start().await;
    let by_link = server.owners_browser().await;
    let by_key = cookie_of(&server.open_call("/v1/sign-in", json!({ "key": KEY })).await);
    for cookie in [&by_link, &by_key] {
        assert_eq!(seen_by(&server, cookie).await.status, StatusCode::OK);
        assert_eq!(runs_server(&server, cookie).await, true);
        let made = server.browse(cookie, "POST", "/v1/tenants", Some(json!({ "name": "New" }))).await;
        assert_eq!(made.code(), Code::Forbidden, "it looks, and changes nothing");
    }
    let password = json!({ "email": "owner@example.com", "new_password": PASSWORD });
    assert!(server.browse(&by_link, "PUT", "/v1/me/password", Some(password)).await.status.is_success());
    let by_password = json!({ "email": "owner@example.com", "password": PASSWORD });
    let by_password = cookie_of(&server.open_call("/v1/sign-in", by_password).await);
    let another_owner = server.person(KEY, "second@example.com", "owner").await;
    for cookie in [&by_password, &another_owner] {
        assert_eq!(seen_by(&server, cookie).await.code(), Code::Forbidden);
        assert_eq!(runs_server(&server, cookie).await, false);
    }
    let key = server.key(KEY, json!({ "name": "all", "role": "owner" })).await;
    assert_eq!(server.call_as(&key, "GET", "/v1/machine", None).await.code(), Code::Forbidden);
}

#[tokio::test]
async fn an_operator_who_looks_at_another_tenant_does_not_see_the_machine_there() {
    let server = TestServer::start().await;
    let cookie = server.owners_browser().await;
    let password = json!({ "email": "owner@example.com", "new_password": PASSWORD });
    server.browse(&cookie, "PUT", "/v1/me/password", Some(password)).await;
    let (tenant, key) = server.tenant("Others").await;
    let invite =
        server.call_as(&key, "POST", "/v1/invites", Some(json!({ "name": "op", "role": "owner" }))).await;
    server.accept(invite.json()["code"].as_str().unwrap(), "owner@example.com").await;
    let chosen = server.browse(&cookie, "POST", "/v1/me/tenant", Some(json!({ "tenant": tenant }))).await;
    assert!(chosen.status.is_success(), "{chosen:?}");
    assert_eq!(seen_by(&server, &cookie).await.code(), Code::Forbidden);
}
