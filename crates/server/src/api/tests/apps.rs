//! Apps over HTTP.

use axum::http::StatusCode;
use serde_json::json;
use vitrine_model::problem::Code;

use super::harness::{TEMPLATE, TestServer, import};

#[tokio::test]
async fn an_app_is_made_listed_changed_and_deleted() {
    let server = TestServer::start().await;
    let made = server.post("/v1/apps", json!({ "name": "  My Shop ", "template": TEMPLATE })).await;
    assert_eq!(made.status, StatusCode::CREATED);
    let app = made.json();
    assert_eq!(
        (&app["name"], &app["slug"], &app["version"]),
        (&json!("My Shop"), &json!("my-shop"), &json!(1))
    );
    assert_eq!(app["profile"], json!({ "kind": "vite" }));
    let path = format!("/v1/apps/{}", app["id"].as_str().unwrap());
    assert_eq!(made.headers["location"], path.as_str());

    let again = server.post("/v1/apps", json!({ "name": "My Shop", "template": TEMPLATE })).await.json();
    assert_eq!(again["slug"], "my-shop-2");
    assert_eq!(server.get("/v1/apps").await.json()["items"].as_array().unwrap().len(), 2);

    let renamed =
        server.call("PATCH", &path, Some(json!({ "name": "Our Shop", "slug": "our-shop" }))).await.json();
    assert_eq!((&renamed["name"], &renamed["slug"]), (&json!("Our Shop"), &json!("our-shop")));
    let taken = server.call("PATCH", &path, Some(json!({ "slug": "my-shop-2" }))).await;
    assert_eq!(taken.code(), Code::SlugTaken);

    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.call("DELETE", &path, None).await.code(), Code::NotFound);
    assert_eq!(server.get(&path).await.code(), Code::NotFound);
}

#[tokio::test]
async fn a_list_says_how_the_callers_own_previews_are() {
    let server = TestServer::start().await;
    let (open, closed) = (server.app().await, server.app().await);
    server.call("PUT", &format!("/v1/apps/{open}/session"), None).await;
    let status_of = |page: &serde_json::Value, id: &str| {
        let items = page["items"].as_array().unwrap();
        items.iter().find(|app| app["id"] == id).unwrap().get("session_status").cloned()
    };
    let page = server.get("/v1/apps").await.json();
    assert!(status_of(&page, &open.to_string()).is_some_and(|status| status.is_string()));
    assert_eq!(status_of(&page, &closed.to_string()), None);
    server.call("DELETE", &format!("/v1/apps/{open}/session"), None).await;
    let page = server.get("/v1/apps").await.json();
    assert_eq!(status_of(&page, &open.to_string()), None);
}

#[tokio::test]
async fn a_list_is_walked_by_cursor() {
    let server = TestServer::start().await;
    for number in 0..5 {
        server.clock.advance_secs(1);
        server.post("/v1/apps", json!({ "name": format!("App {number}"), "template": TEMPLATE })).await;
    }
    let first = server.get("/v1/apps?limit=3").await.json();
    let cursor = first["next_cursor"].as_str().unwrap().to_owned();
    let second = server.get(&format!("/v1/apps?limit=3&cursor={cursor}")).await.json();
    let names = |page: &serde_json::Value| -> Vec<String> {
        page["items"].as_array().unwrap().iter().map(|app| app["name"].as_str().unwrap().to_owned()).collect()
    };
    assert_eq!(names(&first), ["App 4", "App 3", "App 2"]);
    assert_eq!(names(&second), ["App 1", "App 0"]);
    assert!(second.get("next_cursor").is_none());
    assert_eq!(server.get("/v1/apps?limit=0").await.code(), Code::InvalidRequest);
    assert_eq!(server.get("/v1/apps?limit=201").await.code(), Code::InvalidRequest);
    assert_eq!(server.get("/v1/apps?cursor=nonsense").await.code(), Code::InvalidRequest);
}

#[tokio::test]
async fn an_export_can_be_imported_and_gives_the_same_draft() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server
        .change(&app, json!([{ "op": "write", "path": "run.sh", "text": "#!/bin/sh\n", "mode": "100755" }]))
        .await;
    server.change(&app, json!([{ "op": "write", "path": "logo.bin", "base64": "AP/+AQ==" }])).await;
    let zip = server.get(&format!("/v1/apps/{app}/export?format=zip")).await;
    assert_eq!(zip.headers["content-type"], "application/zip");
    let imported = server.send(import("Copy", &zip.body)).await;
    assert_eq!(imported.status, StatusCode::CREATED, "{imported:?}");
    let copy = imported.json()["id"].as_str().unwrap().parse().unwrap();
    assert_eq!(server.draft(&app).await["files"], server.draft(&copy).await["files"]);
    let twice = server.get(&format!("/v1/apps/{app}/export?format=zip")).await;
    assert_eq!(zip.body, twice.body, "the same files give the same bytes");
}

#[tokio::test]
async fn an_idempotency_key_makes_one_app() {
    let server = TestServer::start().await;
    let send = async |name: &str| {
        let request = axum::http::Request::post("/v1/apps")
            .header("authorization", format!("Bearer {}", super::harness::KEY))
            .header("content-type", "application/json")
            .header("idempotency-key", "once")
            .body(axum::body::Body::from(json!({ "name": name, "template": TEMPLATE }).to_string()));
        server.send(request.unwrap()).await
    };
    let first = send("One").await;
    let second = send("One").await;
    assert_eq!(first.json(), second.json());
    assert_eq!(second.status, StatusCode::CREATED);
    assert_eq!(send("Other").await.code(), Code::IdempotencyConflict);
    assert_eq!(server.get("/v1/apps").await.json()["items"].as_array().unwrap().len(), 1);
}

#[tokio::test]
async fn revisions_snapshot_and_restore_the_draft() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let revisions = format!("/v1/apps/{app}/revisions");
    let kept = server.post(&revisions, json!({ "label": "before" })).await;
    assert_eq!(kept.status, StatusCode::CREATED);
    let kept = kept.json()["id"].as_str().unwrap().to_owned();
    server.change(&app, json!([{ "op": "delete", "path": "index.html" }])).await;
    let restored = server.post(&format!("{revisions}/{kept}/restore"), json!({})).await.json();
    assert_eq!((&restored["version"], &restored["applied"]), (&json!(3), &json!(1)), "history only grows");
    assert!(server.read(&app, "index.html").await.contains("main.tsx"));
}
