//! Search over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::TestServer;

async fn search(server: &TestServer, app: &AppId, query: &str) -> Value {
    let found = server.get(&format!("/v1/apps/{app}/search?{query}")).await;
    assert_eq!(found.status, StatusCode::OK, "{found:?}");
    found.json()
}

#[tokio::test]
async fn a_text_is_found_where_an_editor_would_show_it() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let text = "first\n  const crab = '🦀 needle';\r\nlast Needle";
    server.change(&app, json!([{ "op": "write", "path": "a.ts", "text": text }])).await;
    let found = search(&server, &app, "query=needle").await;
    let crab = "  const crab = '🦀 needle';";
    let expected = json!([
        { "path": "a.ts", "line": 2, "column": 20, "length": 6, "text": crab, "text_offset": 0 },
        { "path": "a.ts", "line": 3, "column": 6, "length": 6, "text": "last Needle", "text_offset": 0 },
    ]);
    assert_eq!(found["matches"], expected);
    assert_eq!((&found["version"], &found["truncated"]), (&json!(2), &json!(false)));
    let exact = search(&server, &app, "query=needle&case_sensitive=true").await;
    assert_eq!(exact["matches"].as_array().unwrap().len(), 1);
    let expression = search(&server, &app, "query=n.{3}le&regex=true").await;
    assert_eq!(expression["matches"].as_array().unwrap().len(), 2);
    assert_eq!(search(&server, &app, "query=n.{3}le").await["matches"], json!([]));
}

#[tokio::test]
async fn what_is_no_text_or_large_is_skipped_and_counted() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let large = format!("needle {}", "x".repeat(1024 * 1024));
    let ops = json!([
        { "op": "write", "path": "large.txt", "text": large },
        { "op": "write", "path": "logo.bin", "base64": "bmVlZGxlAA==" },
        { "op": "write", "path": "small.txt", "text": "needle" },
    ]);
    assert_eq!(server.change(&app, ops).await.status, StatusCode::OK);
    let found = search(&server, &app, "query=needle").await;
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
    assert_eq!((&found["skipped_files"], &found["searched_files"]), (&json!(2), &json!(5)));
}

#[tokio::test]
async fn more_than_was_asked_for_is_cut_and_said_so() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.change(&app, json!([{ "op": "write", "path": "a.txt", "text": "needle\n".repeat(500) }])).await;
    let count = |found: &Value| found["matches"].as_array().unwrap().len();
    let found = search(&server, &app, "query=needle").await;
    assert_eq!((count(&found), &found["truncated"]), (200, &json!(true)));
    let found = search(&server, &app, "query=needle&limit=500").await;
    assert_eq!((count(&found), &found["truncated"]), (500, &json!(false)));
    let refused = server.get(&format!("/v1/apps/{app}/search?query=x&limit=0")).await;
    assert_eq!(refused.code(), Code::InvalidRequest);
}

#[tokio::test]
async fn what_cannot_be_searched_for_is_refused_and_costs_no_time() {
    let server = TestServer::start().await;
    let app = server.app().await;
    // What keeps other engines busy for as long as the universe lasts.
    let line = "a".repeat(50_000);
    server.change(&app, json!([{ "op": "write", "path": "a.txt", "text": line }])).await;
    let hard = search(&server, &app, "query=(a*)*b&regex=true&case_sensitive=true").await;
    assert_eq!(hard["matches"], json!([]));
    for query in ["query=", "query=%28&regex=true", "query=(%5Cw%7B1000%7D)%7B1000%7D&regex=true"] {
        let refused = server.get(&format!("/v1/apps/{app}/search?{query}")).await;
        assert_eq!(refused.code(), Code::SearchInvalid, "{query}");
    }
}
