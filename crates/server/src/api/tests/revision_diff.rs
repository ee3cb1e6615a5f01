//! Revisions beside the draft and beside each other, over HTTP.

use axum::http::StatusCode;
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::TestServer;

async fn revision(server: &TestServer, app: &AppId) -> String {
    let made = server.post(&format!("/v1/apps/{app}/revisions"), json!({})).await;
    assert_eq!(made.status, StatusCode::CREATED, "{made:?}");
    made.json()["id"].as_str().unwrap().to_owned()
}

fn shown(diff: &Value) -> Vec<String> {
    let word = |file: &Value, name: &str| file[name].as_str().unwrap_or_default().to_owned();
    let files = diff["files"].as_array().unwrap().iter();
    files
        .map(|file| {
            let parts = [word(file, "status"), word(file, "from_path"), word(file, "path")];
            parts.iter().filter(|part| !part.is_empty()).cloned().collect::<Vec<_>>().join(" ")
        })
        .collect()
}

#[tokio::test]
async fn a_revision_is_compared_with_the_draft_and_with_another_revision() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let first = revision(&server, &app).await;
    let ops = json!([
        { "op": "write", "path": "src/main.tsx", "text": "export const text = 'second';\n" },
        { "op": "write", "path": "logo.png", "base64": "iVBORwAAAAA=" },
        { "op": "rename", "from": "package-lock.json", "to": "old-lock.json" },
        { "op": "delete", "path": "index.html" },
    ]);
    assert_eq!(server.change(&app, ops).await.status, StatusCode::OK);
    let path = format!("/v1/apps/{app}/revisions/{first}/diff");
    let diff = server.get(&path).await.json();
    let expected = [
        "deleted index.html",
        "added logo.png",
        "renamed package-lock.json old-lock.json",
        "modified src/main.tsx",
    ];
    assert_eq!(shown(&diff), expected);
    assert_eq!((&diff["from"], &diff["to"]), (&json!({ "revision": first }), &json!({ "version": 2 })));
    assert_eq!(diff["truncated"], false);
    let texts: Vec<_> =
        diff["files"].as_array().unwrap().iter().map(|file| file["is_text"].as_bool().unwrap()).collect();
    assert_eq!(texts, [true, false, true, true]);
    let changed = &diff["files"][3];
    assert_eq!((&changed["before"]["size"], &changed["after"]["size"]), (&json!(29), &json!(30)));
    assert!(changed["before"]["mode"].is_string() && changed["after"]["sha256"].is_string());

    let second = revision(&server, &app).await;
    let against = server.get(&format!("{path}?against={second}")).await.json();
    assert_eq!(shown(&against), expected);
    assert_eq!(against["to"], json!({ "revision": second }));
    let back = server.get(&format!("/v1/apps/{app}/revisions/{second}/diff?against={first}")).await.json();
    assert_eq!(shown(&back)[0], "added index.html");
    assert_eq!(shown(&server.get(&format!("{path}?against={first}")).await.json()), Vec::<String>::new());
}

#[tokio::test]
async fn files_of_a_revision_are_read_as_they_were() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let first = revision(&server, &app).await;
    let ops = json!([{ "op": "write", "path": "src/main.tsx", "text": "second" }, { "op": "write", "path": "new.txt", "text": "n" }]);
    server.change(&app, ops).await;
    let file = format!("/v1/apps/{app}/files/src/main.tsx");
    assert_eq!(
        server.get(&format!("{file}?revision={first}")).await.text(),
        "export const text = 'first';\n"
    );
    assert_eq!(server.get(&file).await.text(), "second");
    let missing = server.get(&format!("/v1/apps/{app}/files/new.txt?revision={first}")).await;
    assert_eq!(missing.code(), Code::FileNotFound);
    let list = server.get(&format!("/v1/apps/{app}/files?revision={first}")).await.json();
    assert_eq!(list["version"], 1);
    assert!(list["files"]["new.txt"].is_null() && list["files"]["src/main.tsx"]["size"] == 29);
}

#[tokio::test]
async fn a_revision_of_another_app_is_compared_with_nothing() {
    let server = TestServer::start().await;
    let (app, other) = (server.app().await, server.app().await);
    let (ours, theirs) = (revision(&server, &app).await, revision(&server, &other).await);
    let code = async |path: String| server.get(&path).await.code();
    assert_eq!(code(format!("/v1/apps/{app}/revisions/{theirs}/diff")).await, Code::NotFound);
    assert_eq!(code(format!("/v1/apps/{app}/revisions/{ours}/diff?against={theirs}")).await, Code::NotFound);
    assert_eq!(code(format!("/v1/apps/{app}/revisions/{ours}/diff?against=nonsense")).await, Code::NotFound);
    assert_eq!(code(format!("/v1/apps/{app}/files/index.html?revision={theirs}")).await, Code::NotFound);
    assert_eq!(code(format!("/v1/apps/{app}/files?revision={theirs}")).await, Code::NotFound);
}
