//! What pages of a preview tell, from the gateway to whoever follows it over the API.

use axum::http::{StatusCode, header};
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::{KEY, TestServer};

fn error(id: &str, message: &str) -> Value {
    json!({ "id": id, "at": 1, "kind": "error", "message": message, "name": "Error", "rejection": false })
}

/// A running session's preview, and the cookie that opens it.
async fn opened(server: &TestServer, app: &AppId) -> (String, String) {
    let path = format!("/v1/apps/{app}/session");
    server.call("PUT", &path, None).await;
    server.session_is(app, "running").await;
    let url = server.get(&path).await.json()["preview_url"].as_str().unwrap().to_owned();
    let cookie = server.preview(&url, "").await.cookie();
    (url.split_once("/?").unwrap().0.to_owned() + "/", cookie)
}

/// The events that a stream tells until the session is stopped.
async fn told_after(server: &TestServer, app: &AppId, last: &str) -> Vec<(String, Value)> {
    let path = format!("/v1/apps/{app}/session/events");
    let follow = server.follow(&path, KEY, last).await;
    assert_eq!(follow.headers()[header::CONTENT_TYPE], "text/event-stream");
    server.call("DELETE", &format!("/v1/apps/{app}/session"), None).await;
    let body = axum::body::to_bytes(follow.into_body(), usize::MAX);
    let body =
        tokio::time::timeout(std::time::Duration::from_secs(10), body).await.expect("it ends").unwrap();
    let text = String::from_utf8(body.to_vec()).unwrap();
    let line = |block: &str, name: &str| {
        block.lines().find_map(|line| line.strip_prefix(name)).unwrap_or_default().trim().to_owned()
    };
    let blocks = text.split("\n\n").filter(|block| line(block, "event:") == "preview");
    blocks.map(|block| (line(block, "id:"), serde_json::from_str(&line(block, "data:")).unwrap())).collect()
}

#[tokio::test]
async fn what_a_page_tells_is_followed_with_numbers_and_resumed_by_them() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let (preview, cookie) = opened(&server, &app).await;
    let batch =
        json!({ "events": [error("d-1", "first"), { "kind": "unheard of" }, error("d-2", "second")] });
    assert_eq!(server.tell(&preview, &cookie, &batch).await, StatusCode::NO_CONTENT);
    assert_eq!(server.tell(&preview, &cookie, &json!({ "events": [error("d-3", "third")] })).await, 204);
    assert_eq!(server.tell(&preview, &cookie, &json!(["nonsense"])).await, StatusCode::BAD_REQUEST);
    let told = told_after(&server, &app, "1").await;
    let seen: Vec<_> = told.iter().map(|(id, event)| (id.as_str(), event["id"].as_str().unwrap())).collect();
    assert_eq!(seen, [("2", "d-2"), ("3", "d-3")]);
    assert_eq!(told[0].1["message"], "second");
    assert_eq!((&told[0].1["seq"], &told[0].1["visitor"]), (&json!(2), &json!(false)));
}

#[tokio::test]
async fn a_visitor_by_link_tells_as_a_visitor_and_reads_nothing() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let (preview, _) = opened(&server, &app).await;
    let link = server.post(&format!("/v1/apps/{app}/preview-links"), json!({})).await.json();
    let path = link["url"].as_str().unwrap().strip_prefix("http://localhost:4400").unwrap().to_owned();
    let request = axum::http::Request::post(path)
        .header(header::CONTENT_TYPE, "application/x-www-form-urlencoded")
        .body(axum::body::Body::empty());
    let opened = server.send(request.unwrap()).await;
    let cookie = server.preview(opened.location(), "").await.cookie();
    assert_eq!(server.tell(&preview, &cookie, &json!({ "events": [error("v-1", "theirs")] })).await, 204);
    let read = server.preview(&format!("{preview}.vitrine/events"), &cookie).await;
    assert_eq!(read.status, StatusCode::METHOD_NOT_ALLOWED);
    let told = told_after(&server, &app, "0").await;
    assert_eq!((told.len(), &told[0].1["visitor"]), (1, &json!(true)));
}

#[tokio::test]
async fn events_are_for_the_person_whose_session_it_is() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let path = format!("/v1/apps/{app}/session/events");
    assert_eq!(server.get(&path).await.code(), Code::NotFound);
    opened(&server, &app).await;
    assert_eq!(server.get(&path).await.status, StatusCode::OK);
    let (_, stranger) = server.tenant("Another").await;
    assert_eq!(server.call_as(&stranger, "GET", &path, None).await.code(), Code::NotFound);
    let beside = server.person(KEY, "beside@example.com", "editor").await;
    assert_eq!(server.browse(&beside, "GET", &path, None).await.code(), Code::NotFound);
}

#[tokio::test]
async fn a_page_that_floods_is_refused_and_heard_again_later() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let (preview, cookie) = opened(&server, &app).await;
    let long = json!({ "events": vec![error("d-1", &"x".repeat(8_000)); 7] });
    let mut refused = 0;
    for _ in 0..40 {
        refused += u32::from(server.tell(&preview, &cookie, &long).await == StatusCode::TOO_MANY_REQUESTS);
    }
    assert!(refused > 20, "{refused}");
    server.clock.advance_secs(5);
    assert_eq!(server.tell(&preview, &cookie, &long).await, StatusCode::NO_CONTENT);
}
