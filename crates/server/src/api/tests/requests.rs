//! What one request may cost: in memory, in rows that are kept, in the audit log, and when its handler fails.

use std::io::Read as _;
use std::sync::Arc;

use axum::Router;
use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::post;
use serde_json::{Value, json};
use tower::ServiceExt as _;
use vitrine_model::problem::Code;

use super::harness::{KEY, PASSWORD, TestServer};
use crate::api::problem::ApiError;
use crate::auth::HashError;
use crate::links::LinkError;

fn keyed(method: &str, path: &str, body: &Value) -> Request<Body> {
    let request =
        Request::builder().method(method).uri(path).header(header::AUTHORIZATION, format!("Bearer {KEY}"));
    let request = request.header(header::CONTENT_TYPE, "application/json").header("idempotency-key", "k");
    request.body(Body::from(body.to_string())).unwrap()
}

#[tokio::test]
async fn a_key_makes_no_call_take_more_than_it_takes_without() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let long = json!({ "label": "x".repeat(2 * 1024 * 1024) });
    let refused = server.send(keyed("POST", &format!("/v1/apps/{app}/revisions"), &long)).await;
    assert_eq!(refused.code(), Code::BodyTooLarge);
}

#[tokio::test]
async fn what_changes_nothing_is_not_kept_for_a_repeat() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for (path, bodies) in [
        ("diff", [json!({ "files": {} }), json!({ "files": { "a.txt": "0".repeat(64) } })]),
        ("validate", [json!({}), json!({ "revision": null })]),
    ] {
        for body in bodies {
            let answer = server.send(keyed("POST", &format!("/v1/apps/{app}/{path}"), &body)).await;
            assert_ne!(answer.status, StatusCode::CONFLICT, "{path} {body}");
            assert!(!answer.headers.contains_key("idempotent-replayed"), "{path} {body}");
        }
    }
}

#[tokio::test]
async fn a_password_leaves_no_hash_behind_for_a_repeated_request() {
    let server = TestServer::start().await;
    let cookie = server.owners_browser().await;
    let me = Request::get("/v1/me").header("cookie", &cookie).body(Body::empty()).unwrap();
    let token = server.send(me).await.json()["csrf_token"].as_str().unwrap().to_owned();
    for email in ["a@example.com", "b@example.com"] {
        let mut request =
            keyed("PUT", "/v1/me/password", &json!({ "email": email, "new_password": PASSWORD }));
        request.headers_mut().remove(header::AUTHORIZATION);
        request.headers_mut().insert(header::COOKIE, cookie.parse().unwrap());
        request.headers_mut().insert("x-csrf-token", token.parse().unwrap());
        assert_eq!(
            server.send(request).await.status,
            StatusCode::NO_CONTENT,
            "another body under the same key"
        );
    }
}

#[tokio::test]
async fn a_links_password_is_no_part_of_what_is_kept_and_a_repeat_makes_no_second_link() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let path = format!("/v1/apps/{app}/preview-links");
    let first = server.send(keyed("POST", &path, &json!({ "password": "a password" }))).await;
    assert_eq!(first.status, StatusCode::CREATED, "{first:?}");
    let again = server.send(keyed("POST", &path, &json!({ "password": "another one" }))).await.problem();
    assert_eq!(again.code, Code::IdempotencyConflict);
    assert!(again.detail.contains("not kept"), "nobody can tell by the key what the password was: {again}");
    assert_eq!(server.get(&path).await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn who_is_refused_for_sending_too_much_writes_nothing_into_the_log() {
    let server = TestServer::start_with(|config| config.limits.write_per_min = 20).await;
    let app = server.app().await;
    let viewer = server.key(KEY, json!({ "name": "v", "role": "viewer" })).await;
    let logged = async || {
        let log = server.get("/v1/audit?operation=delete_app&limit=200").await.json();
        log["items"].as_array().unwrap().len()
    };
    let mut allowed = 0;
    while server.call_as(&viewer, "DELETE", &format!("/v1/apps/{app}"), None).await.code() == Code::Forbidden
    {
        allowed += 1;
        assert!(allowed < 100, "a call that needs another role counts, too");
    }
    assert_eq!(logged().await, allowed);
    for _ in 0..10 {
        let refused = server.call_as(&viewer, "DELETE", &format!("/v1/apps/{app}"), None).await;
        assert_eq!(refused.code(), Code::RateLimited);
    }
    assert_eq!(logged().await, allowed);
}

async fn fails() -> Response {
    panic!("as a handler may")
}

#[tokio::test]
async fn a_handler_that_panics_is_written_down_and_holds_no_key() {
    let server = TestServer::start().await;
    let routes = Router::new().route("/v1/apps", post(fails));
    let router = crate::api::guarded(routes, &server.services).with_state(Arc::clone(&server.services));
    for _ in 0..2 {
        let answer = router.clone().oneshot(keyed("POST", "/v1/apps", &json!({}))).await.unwrap();
        assert_eq!(answer.status(), StatusCode::INTERNAL_SERVER_ERROR);
    }
    let log = server.get("/v1/audit?operation=create_app").await.json();
    let statuses: Vec<_> =
        log["items"].as_array().unwrap().iter().map(|entry| entry["status"].clone()).collect();
    assert_eq!(statuses, [500, 500]);
}

#[tokio::test]
async fn an_export_in_many_pieces_has_every_file_in_either_form() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let ops: Vec<_> = (0..600)
        .map(|number| json!({ "op": "write", "path": format!("many/{number}.txt"), "text": format!("{number}\n") }))
        .collect();
    assert_eq!(server.change(&app, json!(ops)).await.status, StatusCode::OK);
    let files = server.draft(&app).await["files"].as_object().unwrap().len();
    let zip = server.get(&format!("/v1/apps/{app}/export")).await;
    let mut archive = zip::ZipArchive::new(std::io::Cursor::new(zip.body.to_vec())).unwrap();
    assert_eq!(archive.len(), files);
    let mut text = String::new();
    archive.by_name("many/599.txt").unwrap().read_to_string(&mut text).unwrap();
    assert_eq!(text, "599\n");
    let tar = server.get(&format!("/v1/apps/{app}/export?format=tar")).await;
    assert!(tar.body.len() > files * 1_024, "a header and a block for each");
    assert!(tar.body.windows(14).any(|window| window == b"many/599.txt\0\0"));
}

#[tokio::test]
async fn who_exports_too_much_at_once_is_told_and_may_go_on_when_one_is_read() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let export = async || {
        let request = Request::get(format!("/v1/apps/{app}/export"));
        let request = request.header(header::AUTHORIZATION, format!("Bearer {KEY}")).body(Body::empty());
        server.open(request.unwrap()).await
    };
    let (first, second, third) = (export().await, export().await, export().await);
    assert_eq!([first.status(), second.status()], [StatusCode::OK; 2]);
    assert_eq!(third.status(), StatusCode::TOO_MANY_REQUESTS);
    assert!(!axum::body::to_bytes(first.into_body(), usize::MAX).await.unwrap().is_empty());
    assert_eq!(export().await.status(), StatusCode::OK, "one was read");
    drop(second);
    assert_eq!(export().await.status(), StatusCode::OK, "whoever hangs up leaves their place");
}

#[tokio::test]
async fn names_and_commands_have_an_end() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let revisions = format!("/v1/apps/{app}/revisions");
    for label in ["x".repeat(201), "a\u{7}b".to_owned()] {
        assert_eq!(server.post(&revisions, json!({ "label": label })).await.code(), Code::InvalidRequest);
    }
    assert_eq!(
        server.post(&revisions, json!({ "label": "ü".repeat(200) })).await.status,
        StatusCode::CREATED
    );
    for profile in [
        json!({ "kind": "vite", "dev": vec!["x"; 65] }),
        json!({ "kind": "vite", "build": ["x", "y".repeat(8 * 1024)] }),
        json!({ "kind": "vite", "node": "2".repeat(65) }),
    ] {
        let refused =
            server.call("PATCH", &format!("/v1/apps/{app}"), Some(json!({ "profile": profile }))).await;
        assert_eq!(refused.code(), Code::InvalidProfile, "{profile}");
    }
}

#[tokio::test]
async fn the_form_of_a_link_is_under_the_same_guard_as_every_body() {
    let server = TestServer::start().await;
    let form =
        Request::post("/s/secret").header(header::CONTENT_ENCODING, "gzip").body(Body::from("password=x"));
    assert_eq!(server.send(form.unwrap()).await.code(), Code::UnsupportedMediaType);
}

#[tokio::test]
async fn a_link_that_is_made_in_a_crowd_is_told_to_come_again() {
    let answer = ApiError::from(LinkError::Password(HashError::Busy)).into_response();
    assert_eq!(answer.status(), StatusCode::TOO_MANY_REQUESTS);
    assert_eq!(answer.headers()[header::RETRY_AFTER], "1");
}
