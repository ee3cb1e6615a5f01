//! Change sets over HTTP.

use axum::http::StatusCode;
use serde_json::json;
use vitrine_model::Sha256;
use vitrine_model::problem::Code;

use super::harness::TestServer;

#[tokio::test]
async fn a_change_set_is_all_or_nothing() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let before = server.draft(&app).await;
    let refused = server
        .change(
            &app,
            json!([{ "op": "write", "path": "a.txt", "text": "a" }, { "op": "delete", "path": "none.txt" }]),
        )
        .await;
    assert_eq!(refused.code(), Code::FileNotFound);
    assert_eq!(server.draft(&app).await, before);

    let done = server
        .change(&app, json!([{ "op": "write", "path": "a.txt", "text": "a" }, { "op": "rename", "from": "a.txt", "to": "b.txt" }]))
        .await;
    assert_eq!(
        (done.status, &done.json()["version"], &done.json()["applied"]),
        (StatusCode::OK, &json!(2), &json!(1))
    );
    assert_eq!(server.read(&app, "b.txt").await, "a");
}

#[tokio::test]
async fn writing_what_is_there_makes_no_version() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let text = server.read(&app, "src/main.tsx").await;
    let same =
        server.change(&app, json!([{ "op": "write", "path": "src/main.tsx", "text": text }])).await.json();
    assert_eq!((&same["version"], &same["applied"]), (&json!(1), &json!(0)));
}

#[tokio::test]
async fn two_saves_with_one_base_make_one_conflict() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let path = format!("/v1/apps/{app}/changes");
    let body = |text: &str| json!({ "base_version": 1, "ops": [{ "op": "write", "path": "src/main.tsx", "text": text }] });
    let (one, two) = tokio::join!(server.post(&path, body("one")), server.post(&path, body("two")));
    let (won, lost) = if one.status == StatusCode::OK { (one, two) } else { (two, one) };
    assert_eq!(won.json()["version"], 2);
    let problem = lost.problem();
    assert_eq!((problem.code, problem.latest_version), (Code::DraftConflict, Some(2)));
    assert_eq!(problem.errors[0].path.as_deref(), Some("src/main.tsx"));
}

#[tokio::test]
async fn edits_apply_to_the_file_the_client_saw_and_to_no_other() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let seen = Sha256::of(server.read(&app, "src/main.tsx").await.as_bytes());
    let edit = |find: &str| json!([{ "op": "edit", "path": "src/main.tsx", "sha256": seen, "edits": [{ "find": find, "replace": "second" }] }]);
    assert_eq!(server.change(&app, edit("nowhere")).await.code(), Code::EditConflict);
    assert_eq!(server.change(&app, edit("t")).await.code(), Code::EditConflict, "not unique");
    assert_eq!(server.change(&app, edit("first")).await.status, StatusCode::OK);
    assert!(server.read(&app, "src/main.tsx").await.contains("second"));
    assert_eq!(
        server.change(&app, edit("second")).await.code(),
        Code::EditConflict,
        "the file is another one now"
    );
}

#[tokio::test]
async fn content_is_compared_uploaded_and_written_by_hash() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let (content, same) = ("new content", Sha256::of(b"export const text = 'first';\n"));
    let hash = Sha256::of(content.as_bytes());
    let files = json!({ "files": { "src/main.tsx": same, "new.txt": hash } });
    let diff = server.post(&format!("/v1/apps/{app}/diff"), files).await.json();
    assert_eq!((&diff["missing"], &diff["changed"]), (&json!([hash]), &json!(["new.txt"])));
    assert_eq!(diff["extra"], json!(["index.html", "package-lock.json", "package.json"]));

    let write = json!([{ "op": "write", "path": "new.txt", "sha256": hash }]);
    assert_ne!(server.change(&app, write.clone()).await.status, StatusCode::OK, "not uploaded yet");
    let upload = |body: &'static str| {
        let uri = format!("/v1/apps/{app}/blobs/{hash}");
        let key = format!("Bearer {}", super::harness::KEY);
        axum::http::Request::put(uri).header("authorization", key).body(axum::body::Body::from(body)).unwrap()
    };
    assert_eq!(server.send(upload("other content")).await.code(), Code::HashMismatch);
    assert_eq!(server.send(upload("new content")).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.change(&app, write).await.status, StatusCode::OK);
    assert_eq!(server.read(&app, "new.txt").await, content);
}

#[tokio::test]
async fn a_running_session_holds_the_change() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_is(&app, "running").await;
    let done = server
        .change(&app, json!([{ "op": "write", "path": "src/main.tsx", "text": "second" }]))
        .await
        .json();
    assert_eq!(done["session"]["status"], "running");
    let sandbox = server.driver.running().pop().unwrap();
    let path = vitrine_model::ProjectPath::parse("src/main.tsx").unwrap();
    let held = async {
        loop {
            let content = vitrine_sandbox::Sandbox::read(sandbox.as_ref(), &path, 100).await.unwrap();
            if content.as_deref() == Some(b"second") {
                return;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), held)
        .await
        .expect("the sandbox follows the draft");
}
