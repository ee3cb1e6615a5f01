//! Somebody's standing ends while their request, or their stream of events, is still under way.

use std::convert::Infallible;
use std::time::Duration;

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::Response;
use bytes::Bytes;
use futures::{StreamExt as _, stream};
use http_body_util::BodyExt as _;
use serde_json::json;
use tokio::sync::oneshot;
use vitrine_model::problem::Code;

use super::harness::{Answer, KEY, TestServer, import};

/// What has an end has it by then.
const SOON: Duration = Duration::from_secs(20);

/// Bytes that come last: they end a form, or what is said in JSON.
const LAST: usize = 9;

/// A request whose last bytes come only when something else has happened, which begins when all others are in.
async fn finished_after(server: &TestServer, request: Request<Body>, meanwhile: impl Future) -> Answer {
    let (parts, body) = request.into_parts();
    let mut start = axum::body::to_bytes(body, usize::MAX).await.unwrap();
    let last = start.split_off(start.len() - LAST);
    let ((begun, is_begun), (end, ended)) = (oneshot::channel(), oneshot::channel());
    let tail = stream::once(async move {
        begun.send(()).unwrap();
        ended.await.unwrap();
        Ok::<Bytes, Infallible>(last)
    });
    let body = Body::from_stream(stream::once(async move { Ok(start) }).chain(tail));
    let change = async {
        is_begun.await.expect("the server reads the body");
        meanwhile.await;
        end.send(()).unwrap();
    };
    let (answer, ()) = tokio::join!(server.send(Request::from_parts(parts, body)), change);
    answer
}

fn invite(key: &str) -> Request<Body> {
    let request = Request::post("/v1/invites").header(header::AUTHORIZATION, format!("Bearer {key}"));
    let body = json!({ "name": "x", "role": "admin" }).to_string();
    request.header(header::CONTENT_TYPE, "application/json").body(Body::from(body)).unwrap()
}

/// Somebody with a role, and the key they use; in a tenant of their own, with its owner's key.
struct Person {
    tenant: String,
    owner: String,
    user: String,
    key: String,
}

async fn person(server: &TestServer, email: &str) -> Person {
    let (tenant, owner) = server.tenant(email).await;
    let cookie = server.person(&owner, email, "admin").await;
    let made =
        server.browse(&cookie, "POST", "/v1/keys", Some(json!({ "name": "k", "role": "admin" }))).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    let made = made.json();
    let [user, key] = ["user_id", "secret"].map(|field| made[field].as_str().unwrap().to_owned());
    Person { tenant, owner, user, key }
}

async fn invites(server: &TestServer, owner: &str) -> usize {
    server.call_as(owner, "GET", "/v1/invites", None).await.json()["items"].as_array().unwrap().len()
}

#[tokio::test]
async fn what_is_finished_after_its_sender_lost_their_standing_changes_nothing() {
    let server = TestServer::start().await;
    for (number, code) in
        [Code::Forbidden, Code::Unauthenticated, Code::Unauthenticated, Code::TenantSuspended]
            .into_iter()
            .enumerate()
    {
        for with_key in [false, true] {
            let person = person(&server, &format!("p{number}{with_key}@example.com")).await;
            let mut request = invite(&person.key);
            if with_key {
                request.headers_mut().insert("idempotency-key", "k".parse().unwrap());
            }
            let keys = server.call_as(&person.owner, "GET", "/v1/keys", None).await.json();
            let key =
                keys["items"].as_array().unwrap().iter().find(|key| key["user_id"] == person.user.as_str());
            let key = format!("/v1/keys/{}", key.unwrap()["id"].as_str().unwrap());
            let member = format!("/v1/members/{}", person.user);
            let tenant = format!("/v1/tenants/{}", person.tenant);
            let (by, method, path, body) = match number {
                0 => (&*person.owner, "PATCH", member, Some(json!({ "role": "viewer" }))),
                1 => (&*person.owner, "DELETE", member, None),
                2 => (&*person.owner, "DELETE", key, None),
                _ => (KEY, "PATCH", tenant.clone(), Some(json!({ "suspended": true }))),
            };
            let ends = async { assert!(server.call_as(by, method, &path, body).await.status.is_success()) };
            assert_eq!(finished_after(&server, request, ends).await.code(), code, "{method} {path}");
            server.call("PATCH", &tenant, Some(json!({ "suspended": false }))).await;
            assert_eq!(invites(&server, &person.owner).await, 0, "{method} {path}");
        }
    }
}

#[tokio::test]
async fn what_takes_long_without_any_change_is_done() {
    let server = TestServer::start().await;
    let person = person(&server, "p@example.com").await;
    let answer = finished_after(&server, invite(&person.key), async {}).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    assert_eq!(invites(&server, &person.owner).await, 1);
}

#[tokio::test]
async fn an_import_that_is_finished_after_a_demotion_makes_no_app() {
    let server = TestServer::start().await;
    let person = person(&server, "p@example.com").await;
    let mut request = import("An app", b"no archive, but nobody looks");
    let key = format!("Bearer {}", person.key).parse().unwrap();
    request.headers_mut().insert(header::AUTHORIZATION, key);
    let demoted = async {
        let path = format!("/v1/members/{}", person.user);
        server.call_as(&person.owner, "PATCH", &path, Some(json!({ "role": "viewer" }))).await
    };
    assert_eq!(finished_after(&server, request, demoted).await.code(), Code::Forbidden);
}

async fn follow(server: &TestServer, path: &str, key: &str) -> Response {
    let request = Request::get(path).header(header::AUTHORIZATION, format!("Bearer {key}"));
    server.open(request.body(Body::empty()).unwrap()).await
}

#[tokio::test]
async fn a_stream_of_events_ends_with_the_standing_of_who_follows_it() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let key = server.key(KEY, json!({ "name": "k", "role": "viewer" })).await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    let path = format!("/v1/apps/{app}/session/logs");
    let (stays, mut goes) = (follow(&server, &path, KEY).await, follow(&server, &path, &key).await);
    assert_eq!(goes.status(), StatusCode::OK);
    let first = goes.body_mut().frame().await;
    assert!(first.unwrap().is_ok(), "lines come");
    let keys = server.get("/v1/keys").await.json();
    let id = keys["items"][0]["id"].as_str().unwrap().to_owned();
    assert_eq!(server.call("DELETE", &format!("/v1/keys/{id}"), None).await.status, StatusCode::NO_CONTENT);
    let rest = axum::body::to_bytes(goes.into_body(), usize::MAX);
    assert!(tokio::time::timeout(SOON, rest).await.is_ok(), "it ends");
    let rest = axum::body::to_bytes(stays.into_body(), usize::MAX);
    assert!(tokio::time::timeout(Duration::from_millis(200), rest).await.is_err(), "others' go on");
}

#[tokio::test]
async fn who_follows_too_many_streams_is_told_and_may_follow_again_when_one_ends() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    let path = format!("/v1/apps/{app}/session/logs");
    let mut followed = Vec::new();
    let refused = loop {
        let response = follow(&server, &path, KEY).await;
        if response.status() != StatusCode::OK {
            break response;
        }
        followed.push(response);
        assert!(followed.len() < 1_000, "there is an end");
    };
    assert_eq!(refused.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(refused.headers().contains_key(header::RETRY_AFTER));
    followed.pop();
    assert_eq!(follow(&server, &path, KEY).await.status(), StatusCode::OK);
}
