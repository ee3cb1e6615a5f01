//! Preview links from being made to being taken back, through the real gateway over the server's own sessions.

use axum::body::Body;
use axum::http::{Request, StatusCode, header};
use serde_json::{Value, json};
use vitrine_edge::PreviewTargets as _;
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::{Answer, KEY, TEMPLATE, TestServer};

async fn link(server: &TestServer, app: &AppId, body: Value) -> Value {
    let answer = server.post(&format!("/v1/apps/{app}/preview-links"), body).await;
    assert_eq!(answer.status, StatusCode::CREATED, "{answer:?}");
    answer.json()
}

fn path_of(link: &Value) -> String {
    link["url"].as_str().unwrap().strip_prefix("http://localhost:4400").unwrap().to_owned()
}

/// What a visitor gets who looks at a link, or (with a form) opens it.
async fn visit(server: &TestServer, link: &Value, form: Option<&str>) -> Answer {
    let request = match form {
        None => Request::get(path_of(link)).body(Body::empty()),
        Some(form) => Request::post(path_of(link))
            .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
            .body(Body::from(form.to_owned())),
    };
    server.send(request.unwrap()).await
}

async fn listed(server: &TestServer, app: &AppId) -> Value {
    server.get(&format!("/v1/apps/{app}/preview-links")).await.json()["items"].clone()
}

/// Opens a link and exchanges its token; the preview's origin and the cookie that opens it.
async fn enter(server: &TestServer, link: &Value) -> (String, String) {
    let url = visit(server, link, Some("")).await.location().to_owned();
    let cookie = server.preview(&url, "").await.cookie();
    (url.split_once("/?").unwrap().0.to_owned() + "/", cookie)
}

#[tokio::test]
async fn a_link_shows_the_preview_until_it_is_taken_back() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({ "label": "For Ada" })).await;
    let looked = visit(&server, &link, None).await;
    assert_eq!(looked.status, StatusCode::OK);
    assert!(
        looked.headers[header::CONTENT_SECURITY_POLICY].to_str().unwrap().starts_with("default-src 'none'")
    );
    assert_eq!(looked.headers[header::X_FRAME_OPTIONS], "DENY");
    assert_eq!(listed(&server, &app).await[0]["visits"], 0, "looking is not opening");
    assert_eq!(server.get(&format!("/v1/apps/{app}/session")).await.code(), Code::NotFound);

    let (origin, cookie) = enter(&server, &link).await;
    server.session_is(&app, "running").await;
    assert_eq!(server.preview(&origin, &cookie).await.status, StatusCode::OK);
    let shown = &listed(&server, &app).await[0];
    assert_eq!((&shown["visits"], &shown["label"]), (&json!(1), &json!("For Ada")));
    assert!(shown["last_visit_at"].is_string() && shown.get("url").is_none());

    let path = format!("/v1/apps/{app}/preview-links/{}", link["id"].as_str().unwrap());
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    let refused = server.preview(&origin, &cookie).await;
    assert_eq!(refused.status, StatusCode::UNAUTHORIZED);
    assert!(refused.text().contains("This link has ended"));
    assert_eq!(visit(&server, &link, None).await.status, StatusCode::NOT_FOUND);
    assert_eq!(visit(&server, &link, Some("")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.call("DELETE", &path, None).await.code(), Code::NotFound);
}

#[tokio::test]
async fn a_link_that_expires_closes_what_it_opened() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({ "expires_in_secs": 600 })).await;
    let (origin, cookie) = enter(&server, &link).await;
    server.session_is(&app, "running").await;
    assert_eq!(server.preview(&origin, &cookie).await.status, StatusCode::OK);
    server.clock.advance_secs(600);
    assert_eq!(server.preview(&origin, &cookie).await.status, StatusCode::UNAUTHORIZED);
    assert_eq!(visit(&server, &link, Some("")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(listed(&server, &app).await.as_array().unwrap().len(), 1, "its maker sees why");
}

#[tokio::test]
async fn an_ended_session_opens_nothing_for_visitors_and_the_link_starts_another() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({})).await;
    let (origin, cookie) = enter(&server, &link).await;
    server.session_is(&app, "running").await;
    server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await;
    assert_eq!(server.preview(&origin, &cookie).await.status, StatusCode::GONE);
    let (other, cookie) = enter(&server, &link).await;
    assert_ne!(origin, other);
    server.session_is(&app, "running").await;
    assert_eq!(server.preview(&other, &cookie).await.status, StatusCode::OK);
}

#[tokio::test]
async fn a_password_is_asked_for_kept_as_a_hash_and_not_guessed_for_long() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({ "password": "p@ss word+1" })).await;
    assert_eq!(link["has_password"], true);
    assert!(visit(&server, &link, None).await.text().contains("type=\"password\""));
    let wrong = visit(&server, &link, Some("password=p%40ss+word")).await;
    let none = visit(&server, &link, Some("")).await;
    assert_eq!((wrong.status, none.status), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN));
    assert_eq!(wrong.body, none.body, "one answer for every wrong one");
    assert_eq!(listed(&server, &app).await[0]["visits"], 0);
    let right = visit(&server, &link, Some("password=p%40ss+word%2B1")).await;
    assert!(right.location().starts_with("http://ses-"), "{right:?}");
    let mut refused = StatusCode::FORBIDDEN;
    for _ in 0..10 {
        refused = visit(&server, &link, Some("password=guess")).await.status;
    }
    assert_eq!(refused, StatusCode::TOO_MANY_REQUESTS, "ten guesses at once are too many");
    let held_back = visit(&server, &link, Some("password=p%40ss+word%2B1")).await;
    assert_eq!(held_back.status, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_visitor_sees_nothing_of_the_api() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({})).await;
    let opened = visit(&server, &link, Some("")).await;
    assert!(!opened.headers.contains_key(header::SET_COOKIE), "the builder's origin hands out nothing");
    let (_, cookie) = enter(&server, &link).await;
    let secret = path_of(&link);
    let secret = secret.strip_prefix("/s/").unwrap();
    for path in ["/v1/me".to_owned(), format!("/v1/apps/{app}"), format!("/v1/apps/{app}/files")] {
        let by_cookie = Request::get(&path).header(header::COOKIE, &cookie).body(Body::empty()).unwrap();
        assert_eq!(server.send(by_cookie).await.code(), Code::Unauthenticated);
        let by_secret = Request::get(&path).header(header::AUTHORIZATION, format!("Bearer {secret}"));
        assert_eq!(server.send(by_secret.body(Body::empty()).unwrap()).await.code(), Code::Unauthenticated);
    }
}

#[tokio::test]
async fn a_repeat_under_the_same_key_makes_no_second_link_and_tells_no_secret() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let create = || {
        Request::post(format!("/v1/apps/{app}/preview-links"))
            .header(header::AUTHORIZATION, format!("Bearer {KEY}"))
            .header(header::CONTENT_TYPE, "application/json")
            .header("idempotency-key", "k1")
            .body(Body::from("{}"))
            .unwrap()
    };
    assert_eq!(server.send(create()).await.status, StatusCode::CREATED);
    assert_eq!(server.send(create()).await.code(), Code::IdempotencyConflict);
    assert_eq!(listed(&server, &app).await.as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn what_makes_no_sense_makes_no_link() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for body in [
        json!({ "expires_in_secs": 1 }),
        json!({ "expires_in_secs": 91 * 24 * 3_600 }),
        json!({ "password": "short" }),
        json!({ "label": "x".repeat(201) }),
        json!({ "unknown": 1 }),
    ] {
        let answer = server.post(&format!("/v1/apps/{app}/preview-links"), body.clone()).await;
        assert_eq!(answer.status, StatusCode::BAD_REQUEST, "{body}");
    }
    let revision = server.post(&format!("/v1/apps/{app}/revisions"), json!({})).await.json()["id"].clone();
    let unbuilt = json!({ "revision": revision });
    assert_eq!(server.post(&format!("/v1/apps/{app}/preview-links"), unbuilt).await.code(), Code::NotFound);
    assert_eq!(listed(&server, &app).await, json!([]));
}

#[tokio::test]
async fn the_links_of_an_app_go_with_it() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({})).await;
    let (origin, cookie) = enter(&server, &link).await;
    server.session_is(&app, "running").await;
    server.call("DELETE", &format!("/v1/apps/{app}"), None).await;
    assert_eq!(visit(&server, &link, Some("")).await.status, StatusCode::NOT_FOUND);
    assert_eq!(server.preview(&origin, &cookie).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_link_to_a_revision_shows_what_was_built_of_it() {
    let server = TestServer::start().await;
    let app = server.site("<h1>built</h1>").await;
    let path = format!("/v1/apps/{app}/publishes");
    let publish = server.post(&path, json!({ "target": "preview" })).await.json();
    server.ended(&app, publish["id"].as_str().unwrap()).await;
    let link = link(&server, &app, json!({ "revision": publish["revision_id"] })).await;
    let url = visit(&server, &link, Some("")).await.location().to_owned();
    let cookie = server.preview(&url, "").await.cookie();
    let page = url.split_once('?').unwrap().0;
    assert_eq!(server.preview(page, &cookie).await.status, StatusCode::OK);
    assert_eq!(server.preview(&url, "").await.status, StatusCode::UNAUTHORIZED, "a key opens once");
    let path = format!("/v1/apps/{app}/preview-links/{}", link["id"].as_str().unwrap());
    server.call("DELETE", &path, None).await;
    assert_eq!(server.preview(page, &cookie).await.status, StatusCode::UNAUTHORIZED);
}

#[tokio::test]
async fn a_suspended_tenants_links_open_nothing_and_come_back_with_it() {
    let server = TestServer::start().await;
    let (tenant, key) = server.tenant("Other").await;
    let new = json!({ "name": "Theirs", "template": TEMPLATE });
    let app = server.call_as(&key, "POST", "/v1/apps", Some(new)).await.json()["id"].clone();
    let path = format!("/v1/apps/{}/preview-links", app.as_str().unwrap());
    let link = server.call_as(&key, "POST", &path, Some(json!({}))).await.json();
    let (origin, cookie) = enter(&server, &link).await;
    server.session_runs(1).await;
    server.preview(&origin, &cookie).await;

    let suspend = async |suspended: bool| {
        let body = Some(json!({ "suspended": suspended }));
        let answer = server.call("PATCH", &format!("/v1/tenants/{tenant}"), body).await;
        assert_eq!(answer.status, StatusCode::OK);
    };
    suspend(true).await;
    assert_eq!(server.preview(&origin, &cookie).await.status, StatusCode::GONE);
    let id = link["id"].as_str().unwrap().parse().unwrap();
    assert!(server.services.sessions.link(&id).await.is_none(), "nor is what was known of it believed");
    for form in [None, Some("")] {
        assert_eq!(visit(&server, &link, form).await.status, StatusCode::NOT_FOUND);
    }
    let live = server.services.store.sessions_of_tenant(&tenant.parse().unwrap(), None).await.unwrap();
    assert_eq!((live.len(), server.driver.running().len()), (0, 0), "nobody has brought a preview back");

    suspend(false).await;
    assert!(server.services.sessions.link(&id).await.is_some());
    let (origin, cookie) = enter(&server, &link).await;
    server.session_runs(1).await;
    let seen = server.preview(&origin, &cookie).await.status;
    assert!(![StatusCode::UNAUTHORIZED, StatusCode::GONE].contains(&seen), "{seen}");
}

#[tokio::test]
async fn a_form_that_does_not_come_in_whole_is_no_guess_at_the_password() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let link = link(&server, &app, json!({ "password": "a password" })).await;
    let form = Request::post(path_of(&link)).body(Body::from("x".repeat(5_000)));
    assert_eq!(server.send(form.unwrap()).await.status, StatusCode::BAD_REQUEST);
    assert_eq!(visit(&server, &link, Some("password=wrong")).await.status, StatusCode::FORBIDDEN);
}
