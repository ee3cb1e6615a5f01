//! Collection as the operator asks for it.

use axum::http::StatusCode;
use serde_json::{Value, json};

use super::harness::{KEEP_SECS, TestServer};

async fn collect(server: &TestServer, dry_run: bool) -> Value {
    let answer = server.post("/v1/collection", json!({ "dry_run": dry_run })).await;
    assert_eq!(answer.status, StatusCode::OK, "{}", answer.text());
    let report = answer.json();
    assert_eq!((&report["is_done"], &report["dry_run"]), (&json!(true), &json!(dry_run)));
    report
}

#[tokio::test]
async fn what_an_edit_replaced_is_told_by_a_dry_run_and_removed_after_the_grace() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for text in ["replaced", "the latest"] {
        server.change(&app, json!([{ "op": "write", "path": "notes.txt", "text": text }])).await;
    }
    let replaced = json!({ "count": 0, "bytes": 0, "later_count": 1, "later_bytes": 8 });
    assert_eq!(collect(&server, true).await["blobs"], replaced);
    assert_eq!(collect(&server, false).await["blobs"]["count"], 0, "its grace has begun");
    server.clock.advance_secs(KEEP_SECS as i64);
    let due = json!({ "count": 1, "bytes": 8, "later_count": 0, "later_bytes": 0 });
    for _ in 0..2 {
        assert_eq!(collect(&server, true).await["blobs"], due, "a dry run removes nothing");
    }
    assert_eq!(collect(&server, false).await["blobs"], due);
    assert_eq!(collect(&server, true).await["blobs"]["later_count"], 0);
    assert_eq!(server.read(&app, "notes.txt").await, "the latest");
}

#[tokio::test]
async fn what_a_deleted_app_had_goes_and_its_template_stays() {
    let server = TestServer::start().await;
    let (app, other) = (server.app().await, server.app().await);
    server.change(&app, json!([{ "op": "write", "path": "notes.txt", "text": "mine" }])).await;
    server.call("DELETE", &format!("/v1/apps/{app}"), None).await;
    collect(&server, false).await;
    server.clock.advance_secs(KEEP_SECS as i64);
    assert_eq!(collect(&server, false).await["blobs"]["bytes"], 4);
    assert!(!server.read(&other, "index.html").await.is_empty());
}
