//! Undo and redo over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::{Answer, TestServer};

async fn step(server: &TestServer, app: &AppId, way: &str) -> Answer {
    server.post(&format!("/v1/apps/{app}/{way}"), json!({})).await
}

/// Goes a step that leads somewhere; says what the file holds then.
async fn goes(server: &TestServer, app: &AppId, way: &str) -> String {
    let answer = step(server, app, way).await;
    assert_eq!(answer.status, StatusCode::OK, "{way}: {answer:?}");
    let version = server.draft(app).await["version"].clone();
    assert_eq!(answer.json()["version"], version);
    let text = server.read(app, "a.txt").await;
    let revision = answer.json()["revision"].as_str().unwrap().to_owned();
    let kept = server.get(&format!("/v1/apps/{app}/files/a.txt?revision={revision}")).await;
    assert_eq!(kept.text(), text, "the draft holds what the revision holds");
    text
}

async fn write(server: &TestServer, app: &AppId, text: &str) {
    let done = server.change(app, json!([{ "op": "write", "path": "a.txt", "text": text }])).await;
    assert_eq!(done.status, StatusCode::OK, "{done:?}");
}

async fn keep(server: &TestServer, app: &AppId, text: &str) -> Value {
    write(server, app, text).await;
    server.post(&format!("/v1/apps/{app}/revisions"), json!({})).await.json()
}

/// What all revisions hold, the newest first.
async fn history(server: &TestServer, app: &AppId) -> Vec<String> {
    let listed = server.get(&format!("/v1/apps/{app}/revisions")).await.json();
    let mut texts = Vec::new();
    for revision in listed["items"].as_array().unwrap() {
        let id = revision["id"].as_str().unwrap();
        texts.push(server.get(&format!("/v1/apps/{app}/files/a.txt?revision={id}")).await.text().to_owned());
    }
    texts
}

#[tokio::test]
async fn undo_walks_back_redo_walks_forth_and_both_have_an_end() {
    let server = TestServer::start().await;
    let app = server.app().await;
    assert_eq!(step(&server, &app, "undo").await.code(), Code::NothingToUndo);
    assert_eq!(step(&server, &app, "redo").await.code(), Code::NothingToRedo);
    for text in ["1", "2", "3"] {
        keep(&server, &app, text).await;
    }
    assert_eq!(goes(&server, &app, "undo").await, "2");
    assert_eq!(goes(&server, &app, "undo").await, "1");
    let version = server.draft(&app).await["version"].clone();
    assert_eq!(step(&server, &app, "undo").await.code(), Code::NothingToUndo);
    assert_eq!(server.draft(&app).await["version"], version, "nothing was changed");
    assert_eq!(goes(&server, &app, "redo").await, "2");
    assert_eq!(goes(&server, &app, "redo").await, "3");
    assert_eq!(step(&server, &app, "redo").await.code(), Code::NothingToRedo);
    assert_eq!(history(&server, &app).await, ["3", "2", "1"], "walking writes no history");
}

#[tokio::test]
async fn what_is_not_kept_yet_is_kept_before_it_is_undone() {
    let server = TestServer::start().await;
    let app = server.app().await;
    keep(&server, &app, "1").await;
    write(&server, &app, "unsaved").await;
    assert_eq!(goes(&server, &app, "undo").await, "1");
    assert_eq!(history(&server, &app).await, ["unsaved", "1"]);
    assert_eq!(goes(&server, &app, "redo").await, "unsaved");
}

#[tokio::test]
async fn a_change_after_undo_ends_redo_and_undo_goes_to_where_it_came_from() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for text in ["1", "2", "3"] {
        keep(&server, &app, text).await;
    }
    assert_eq!(goes(&server, &app, "undo").await, "2");
    write(&server, &app, "other").await;
    assert_eq!(step(&server, &app, "redo").await.code(), Code::NothingToRedo);
    assert_eq!(goes(&server, &app, "undo").await, "2", "not what was left behind");
    assert_eq!(goes(&server, &app, "redo").await, "other");
    assert_eq!(goes(&server, &app, "undo").await, "2");
    assert_eq!(goes(&server, &app, "undo").await, "1");
    assert_eq!(history(&server, &app).await, ["other", "3", "2", "1"], "and nothing is lost");
}

#[tokio::test]
async fn a_snapshot_in_the_middle_of_a_walk_is_where_it_stands() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let first = keep(&server, &app, "1").await;
    keep(&server, &app, "2").await;
    assert_eq!(goes(&server, &app, "undo").await, "1");
    let again = server.post(&format!("/v1/apps/{app}/revisions"), json!({})).await.json();
    assert_eq!(again["id"], first["id"]);
    assert_eq!(goes(&server, &app, "redo").await, "2");
}

#[tokio::test]
async fn going_back_to_a_revision_can_be_undone() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let first = keep(&server, &app, "1").await["id"].as_str().unwrap().to_owned();
    keep(&server, &app, "2").await;
    write(&server, &app, "unsaved").await;
    let restored = server.post(&format!("/v1/apps/{app}/revisions/{first}/restore"), json!({})).await;
    assert_eq!(restored.status, StatusCode::OK);
    assert_eq!(server.read(&app, "a.txt").await, "1");
    assert_eq!(goes(&server, &app, "undo").await, "unsaved");
    assert_eq!(goes(&server, &app, "redo").await, "1");
}

#[tokio::test]
async fn steps_that_would_change_nothing_are_passed_over() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for text in ["1", "2", "1"] {
        keep(&server, &app, text).await;
    }
    write(&server, &app, "2").await;
    // The draft is what the second revision holds, but came from the third.
    assert_eq!(goes(&server, &app, "undo").await, "1");
    assert_eq!(goes(&server, &app, "undo").await, "2");
    assert_eq!(goes(&server, &app, "undo").await, "1");
    assert_eq!(step(&server, &app, "undo").await.code(), Code::NothingToUndo);
    for text in ["2", "1", "2"] {
        assert_eq!(goes(&server, &app, "redo").await, text);
    }
}

#[tokio::test]
async fn many_at_once_go_one_after_the_other() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for n in 0..6 {
        keep(&server, &app, &n.to_string()).await;
    }
    let all = futures::future::join_all((0..8).map(|_| step(&server, &app, "undo"))).await;
    let gone = all.iter().filter(|answer| answer.status == StatusCode::OK).count();
    assert_eq!(gone, 5);
    assert_eq!(server.read(&app, "a.txt").await, "0");
    assert_eq!(history(&server, &app).await.len(), 6);
}
