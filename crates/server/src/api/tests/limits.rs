//! Rate limits, quotas, and what pages of other origins may not.

use std::net::SocketAddr;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use vitrine_model::problem::Code;
use vitrine_store::{Allowance, QuotaOverrides};

use super::harness::{Answer, TEMPLATE, TestServer};

fn new_app() -> Value {
    json!({ "name": "An app", "template": TEMPLATE })
}

fn from(address: &str, mut request: Request<Body>) -> Request<Body> {
    request.extensions_mut().insert(address.parse::<SocketAddr>().unwrap());
    request
}

fn retry_after(answer: &Answer) -> u64 {
    answer.headers[header::RETRY_AFTER].to_str().unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_user_who_reads_too_much_is_told_when_to_try_again_and_may_still_write() {
    let server = TestServer::start_with(|config| config.limits.read_per_min = 20).await;
    let mut answers = Vec::new();
    for _ in 0..6 {
        answers.push(server.get("/v1/apps").await);
    }
    let (allowed, refused) = answers.split_at(5);
    assert!(allowed.iter().all(|answer| answer.status == StatusCode::OK));
    let problem = refused[0].problem();
    assert_eq!(problem.code, Code::RateLimited);
    assert!((1..=60).contains(&retry_after(&refused[0])), "{problem}");
    assert_eq!(server.post("/v1/apps", new_app()).await.status, StatusCode::CREATED);
    assert_eq!(server.services.limits.counters().refused_callers, 1);
}

#[tokio::test]
async fn expensive_calls_have_a_limit_of_their_own_that_refuses_before_anything_is_done() {
    let server = TestServer::start_with(|config| config.limits.expensive_per_min = 20).await;
    for _ in 0..5 {
        assert_eq!(server.post("/v1/apps", new_app()).await.status, StatusCode::CREATED);
    }
    assert_eq!(server.post("/v1/apps", new_app()).await.code(), Code::RateLimited);
    assert_eq!(server.get("/v1/apps").await.json()["items"].as_array().unwrap().len(), 5);
}

#[tokio::test]
async fn guesses_at_the_key_are_held_back_by_address_and_nobody_else_is() {
    let server = TestServer::start_with(|config| config.limits.sign_in_per_min = 20).await;
    let guess = |address: &'static str| {
        let request = Request::post("/v1/sign-in").header(header::CONTENT_TYPE, "application/json");
        from(address, request.body(Body::from(r#"{"key":"vt_guess"}"#)).unwrap())
    };
    for _ in 0..5 {
        assert_eq!(server.send(guess("192.0.2.1:1000")).await.code(), Code::Unauthenticated);
    }
    // Another port is the same machine.
    let refused = server.send(guess("192.0.2.1:2000")).await;
    assert_eq!(refused.code(), Code::RateLimited);
    assert!(retry_after(&refused) >= 1);
    assert_eq!(server.send(guess("192.0.2.2:1000")).await.code(), Code::Unauthenticated);
    let page = Request::get("/healthz").body(Body::empty()).unwrap();
    assert_eq!(server.send(from("192.0.2.1:1000", page)).await.status, StatusCode::OK);
}

#[tokio::test]
async fn an_address_that_sends_too_much_is_refused_before_it_is_asked_who_it_is() {
    let server = TestServer::start_with(|config| config.limits.address_per_min = 20).await;
    let ask = || from("192.0.2.1:1", Request::get("/v1/me").body(Body::empty()).unwrap());
    for _ in 0..5 {
        assert_eq!(server.send(ask()).await.code(), Code::Unauthenticated);
    }
    assert_eq!(server.send(ask()).await.code(), Code::RateLimited);
}

#[tokio::test]
async fn there_are_never_more_apps_than_the_quota_however_many_are_asked_for_at_once() {
    let server = TestServer::start_with(|config| config.quotas.apps = 3).await;
    let all = futures::future::join_all((0..12).map(|_| server.post("/v1/apps", new_app()))).await;
    let made: Vec<_> = all.iter().filter(|answer| answer.status == StatusCode::CREATED).collect();
    assert_eq!(made.len(), 3);
    let refused = all.iter().find(|answer| answer.status != StatusCode::CREATED).unwrap().problem();
    assert_eq!((refused.code, refused.status), (Code::QuotaExceeded, 409));
    assert!(refused.detail.starts_with("3 of 3 apps are used. Delete an app"), "{}", refused.detail);
    let id = made[0].json()["id"].as_str().unwrap().to_owned();
    server.call("DELETE", &format!("/v1/apps/{id}"), None).await;
    assert_eq!(server.post("/v1/apps", new_app()).await.status, StatusCode::CREATED);
}

#[tokio::test]
async fn sessions_have_a_quota_and_an_ended_one_makes_room() {
    let server = TestServer::start_with(|config| config.quotas.sessions = 1).await;
    let (one, two) = (server.app().await, server.app().await);
    let ensure = async |app| server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    assert_eq!(ensure(&one).await.status, StatusCode::ACCEPTED);
    assert_eq!(ensure(&two).await.code(), Code::QuotaExceeded);
    assert!(ensure(&one).await.status.is_success(), "what there is stays");
    server.call("DELETE", &format!("/v1/apps/{one}/session"), None).await;
    assert_eq!(ensure(&two).await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn content_over_the_storage_quota_is_refused_and_changes_nothing() {
    let server = TestServer::start_with(|config| config.quotas.storage_mib = 1).await;
    let app = server.app().await;
    let before = server.draft(&app).await;
    let write = |path: &str, size: usize| json!([{ "op": "write", "path": path, "text": "x".repeat(size) }]);
    let refused = server.change(&app, write("big.txt", 1024 * 1024)).await;
    assert_eq!(refused.code(), Code::QuotaExceeded);
    assert_eq!(server.draft(&app).await, before);
    assert_eq!(server.change(&app, write("small.txt", 1_000)).await.status, StatusCode::OK);
    let used = use_of(&server, "storage_bytes").await["used"].as_u64().unwrap();
    assert_eq!(server.change(&app, write("again.txt", 1_000)).await.status, StatusCode::OK);
    assert_eq!(
        use_of(&server, "storage_bytes").await["used"].as_u64().unwrap(),
        used,
        "equal content counts once"
    );
}

#[tokio::test]
async fn a_tenant_whose_apps_sent_too_much_publishes_nothing_until_the_next_month() {
    let server = TestServer::start_with(|config| config.quotas.egress_mib = 1).await;
    let app = server.app().await;
    let day = crate::sites::day_of(server.services.clock.now());
    server.services.store.add_usage(day, vec![(app.clone(), 10, 1024 * 1024)]).await.unwrap();
    let publish = async || server.post(&format!("/v1/apps/{app}/publishes"), json!({})).await;
    let problem = publish().await.problem();
    assert_eq!(problem.code, Code::QuotaExceeded);
    assert!(problem.detail.contains("this month"), "{problem}");
    server.clock.advance_secs(31 * 24 * 3_600);
    assert_eq!(publish().await.status, StatusCode::ACCEPTED);
}

#[tokio::test]
async fn a_tenants_own_limits_win_over_the_servers() {
    let server = TestServer::start_with(|config| config.quotas.apps = 1).await;
    let scope = server.services.store.default_scope().await.unwrap();
    server.app().await;
    assert_eq!(server.post("/v1/apps", new_app()).await.code(), Code::QuotaExceeded);
    let own = QuotaOverrides { apps: Some(Allowance::Unlimited), ..QuotaOverrides::default() };
    server.services.store.set_quotas(&scope.tenant, own).await.unwrap();
    server.app().await;
    let apps = use_of(&server, "apps").await;
    assert_eq!(apps, json!({ "quota": "apps", "used": 2 }));
    assert_eq!(use_of(&server, "builds").await["limit"], 2, "what is not the tenant's own is the server's");
}

async fn use_of(server: &TestServer, quota: &str) -> Value {
    let items = server.get("/v1/me/usage").await.json()["items"].clone();
    items.as_array().unwrap().iter().find(|item| item["quota"] == quota).unwrap().clone()
}

#[tokio::test]
async fn a_page_of_another_origin_gets_nothing_from_the_api_even_with_the_persons_cookie() {
    let server = TestServer::start().await;
    let link = format!("/sign-in?code={}", server.services.auth.issue_code());
    let cookie = server.send(Request::get(link).body(Body::empty()).unwrap()).await.cookie();
    let ask = |site: &'static str| {
        Request::get("/v1/apps")
            .header(header::COOKIE, &cookie)
            .header("sec-fetch-site", site)
            .body(Body::empty())
            .unwrap()
    };
    let own = server.send(ask("same-origin")).await;
    assert_eq!(own.status, StatusCode::OK);
    assert_eq!(own.headers["cross-origin-resource-policy"], "same-origin");
    assert_eq!(own.headers["cross-origin-opener-policy"], "same-origin");
    for site in ["same-site", "cross-site"] {
        assert_eq!(server.send(ask(site)).await.code(), Code::Forbidden, "{site}");
    }
}

#[tokio::test]
async fn an_operator_sets_a_tenants_limits_and_they_count_at_once() {
    let server = TestServer::start_with(|config| config.quotas.apps = 5).await;
    let (tenant, key) = server.tenant("Other").await;
    let path = format!("/v1/tenants/{tenant}/quotas");
    let make = async || server.call_as(&key, "POST", "/v1/apps", Some(new_app())).await;
    let set = async |body: Value| server.call("PUT", &path, Some(body)).await;
    assert_eq!((make().await.status, make().await.status), (StatusCode::CREATED, StatusCode::CREATED));
    let before = server.get(&path).await.json();
    assert_eq!((&before["limits"], &before["items"][0]["limit"]), (&json!({}), &json!(5)));

    let lowered = set(json!({ "apps": 1, "builds": "unlimited" })).await.json();
    assert_eq!(lowered["limits"], json!({ "apps": 1, "builds": "unlimited" }));
    assert_eq!(lowered["items"][0], json!({ "quota": "apps", "limit": 1, "used": 2 }));
    assert_eq!(make().await.code(), Code::QuotaExceeded);
    let theirs = server.call_as(&key, "GET", "/v1/me/usage", None).await.json();
    assert_eq!(theirs["items"], lowered["items"], "the tenant sees its limits");
    assert_eq!(server.post("/v1/apps", new_app()).await.status, StatusCode::CREATED, "others' stay");

    set(json!({})).await;
    assert_eq!(make().await.status, StatusCode::CREATED, "as the server's settings say");
    assert_eq!(server.call_as(&key, "PUT", &path, Some(json!({}))).await.code(), Code::Forbidden);
    let note = server.get("/v1/audit?operation=set_tenant_quotas").await.json()["items"][1]["note"].clone();
    assert_eq!(note, r#"limits: {"apps":1,"builds":"unlimited"}"#);
}

#[tokio::test]
async fn limits_that_are_none_and_those_of_nobody_are_not_set() {
    let server = TestServer::start().await;
    let (tenant, _) = server.tenant("Other").await;
    let path = format!("/v1/tenants/{tenant}/quotas");
    for body in [
        json!({ "apps": -1 }),
        json!({ "apps": "none" }),
        json!({ "apps": 1.5 }),
        json!({ "apps": u64::MAX }),
        json!({ "unknown": 1 }),
    ] {
        let answer = server.call("PUT", &path, Some(body.clone())).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    assert_eq!(server.get(&path).await.json()["limits"], json!({}));
    let nobody = "/v1/tenants/ten_00000000000000000000000000/quotas";
    assert_eq!(server.get(nobody).await.code(), Code::NotFound);
    assert_eq!(server.call("PUT", nobody, Some(json!({}))).await.code(), Code::NotFound);
}

#[tokio::test]
async fn an_app_that_is_refused_uses_no_storage_up() {
    let server = TestServer::start().await;
    let me = server.get("/v1/me").await.json();
    let path = format!("/v1/tenants/{}/quotas", me["tenant"]["id"].as_str().unwrap());
    server.call("PUT", &path, Some(json!({ "apps": 0 }))).await;
    assert_eq!(server.post("/v1/apps", new_app()).await.code(), Code::QuotaExceeded);
    assert_eq!(use_of(&server, "storage_bytes").await["used"], 0);
}
