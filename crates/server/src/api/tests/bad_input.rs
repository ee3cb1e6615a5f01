//! Bad input: a precise problem document with a stable code, and nothing is changed.

use axum::body::Body;
use axum::http::{Request, StatusCode};
use serde_json::{Value, json};
use vitrine_model::limits::{MAX_FILES, MAX_JSON_BYTES};
use vitrine_model::problem::Code;

use super::harness::{KEY, TEMPLATE, TestServer, import};

#[tokio::test]
async fn every_kind_of_bad_path_is_named_and_changes_nothing() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let before = server.draft(&app).await;
    let long = "x".repeat(600);
    for path in [
        "/etc/passwd",
        "../up",
        "a/../../b",
        "a//b",
        "a\\b",
        "nul\u{0}",
        "line\nbreak",
        "CON",
        "node_modules/x",
        ".git/config",
        "",
        &long,
    ] {
        for op in [
            json!({ "op": "write", "path": path, "text": "" }),
            json!({ "op": "delete", "path": path }),
            json!({ "op": "rename", "from": "index.html", "to": path }),
        ] {
            let problem = server.change(&app, json!([op])).await.problem();
            assert_eq!(problem.code, Code::InvalidPath, "{path:?}");
            assert_eq!(problem.errors.len(), 1, "{path:?}");
        }
    }
    assert_eq!(server.draft(&app).await, before);
}

#[tokio::test]
async fn colliding_paths_are_refused() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for path in ["SRC/other.ts", "src/Main.tsx", "index.html/x", "src"] {
        let answer = server.change(&app, json!([{ "op": "write", "path": path, "text": "" }])).await;
        assert_eq!(answer.code(), Code::PathCollision, "{path}");
    }
}

#[tokio::test]
async fn undecodable_and_contradictory_content_is_refused() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for op in [
        json!({ "op": "write", "path": "a" }),
        json!({ "op": "write", "path": "a", "text": "x", "base64": "eA==" }),
        json!({ "op": "write", "path": "a", "base64": "not base 64!" }),
    ] {
        assert_eq!(server.change(&app, json!([op.clone()])).await.code(), Code::InvalidChange, "{op}");
    }
    assert_eq!(server.change(&app, json!([])).await.code(), Code::InvalidChange);
    for op in
        [json!({ "op": "chmod", "path": "a" }), json!({ "op": "write", "path": "a", "txt": "" }), json!(7)]
    {
        assert_eq!(server.change(&app, json!([op.clone()])).await.code(), Code::InvalidJson, "{op}");
    }
}

#[tokio::test]
async fn bodies_are_bounded_typed_and_well_formed() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let send = async |kind: &str, body: Vec<u8>| {
        let request = Request::post(format!("/v1/apps/{app}/changes"))
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", kind);
        server.send(request.body(Body::from(body)).unwrap()).await
    };
    assert_eq!(send("application/json", b"{\"ops\": [".to_vec()).await.code(), Code::InvalidJson);
    assert_eq!(send("application/json", vec![0xff, 0xfe]).await.code(), Code::InvalidJson);
    assert_eq!(send("text/plain", b"{}".to_vec()).await.code(), Code::UnsupportedMediaType);
    assert_eq!(send("application/json", vec![b' '; MAX_JSON_BYTES + 1]).await.code(), Code::BodyTooLarge);
}

#[tokio::test]
async fn limits_of_a_draft_hold() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let before = server.draft(&app).await;
    let ops: Vec<Value> =
        (0..MAX_FILES).map(|n| json!({ "op": "write", "path": format!("f/{n}.txt"), "text": "x" })).collect();
    assert_eq!(
        server.change(&app, json!(ops)).await.code(),
        Code::LimitExceeded,
        "with the template's own files"
    );
    let large = "x".repeat(26 * 1024 * 1024);
    let answer = server.change(&app, json!([{ "op": "write", "path": "large.txt", "text": large }])).await;
    assert_eq!(answer.code(), Code::LimitExceeded);
    assert_eq!(server.draft(&app).await, before);
}

#[tokio::test]
async fn hostile_archives_make_no_app() {
    let server = TestServer::start().await;
    let cases = [
        (zip_of(&[("../evil.txt", b"x")]), Code::InvalidPath),
        (zip_of(&[("index.html", b""), ("INDEX.html", b"")]), Code::PathCollision),
        (b"PK not a zip".to_vec(), Code::InvalidArchive),
        (zip_of(&[]), Code::InvalidArchive),
        (zip_of(&[("index.html", b""), ("bomb.txt", &vec![0; 24 * 1024 * 1024])]), Code::ArchiveTooLarge),
        (zip_of(&[("package.json", b"{ broken")]), Code::InvalidPackageJson),
        (zip_of(&[("readme.txt", b"nothing to run")]), Code::InvalidProfile),
        (
            zip_of(&[("package.json", br#"{"engines":{"node":"4"},"devDependencies":{"vite":"8"}}"#)]),
            Code::UnsupportedNode,
        ),
    ];
    for (archive, code) in cases {
        let answer = server.send(import("Hostile", &archive)).await;
        assert_eq!(answer.code(), code, "{answer:?}");
    }
    assert_eq!(server.get("/v1/apps").await.json()["items"], json!([]));
}

#[tokio::test]
async fn unknown_templates_names_and_slugs_are_refused() {
    let server = TestServer::start().await;
    let post = async |body: Value| server.post("/v1/apps", body).await.code();
    assert_eq!(post(json!({ "name": "A", "template": "nope" })).await, Code::UnknownTemplate);
    assert_eq!(post(json!({ "name": "", "template": TEMPLATE })).await, Code::InvalidRequest);
    assert_eq!(post(json!({ "name": "a\u{7}b", "template": TEMPLATE })).await, Code::InvalidRequest);
    assert_eq!(post(json!({ "name": "A", "slug": "www", "template": TEMPLATE })).await, Code::InvalidSlug);
    assert_eq!(post(json!({ "name": "A", "slug": "a--b", "template": TEMPLATE })).await, Code::InvalidSlug);
    assert_eq!(post(json!({ "name": "A" })).await, Code::InvalidJson);
    assert_eq!(server.get("/v1/templates/nope").await.code(), Code::UnknownTemplate);
}

#[tokio::test]
async fn what_is_not_there_is_not_found() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for path in [
        "/v1/apps/app_00000000000000000000000000".to_owned(),
        "/v1/apps/not-an-id".to_owned(),
        format!("/v1/apps/{app}/session"),
        format!("/v1/apps/{app}/revisions/rev_00000000000000000000000000"),
        "/v1/nothing".to_owned(),
    ] {
        assert_eq!(server.get(&path).await.code(), Code::NotFound, "{path}");
    }
    assert_eq!(server.get(&format!("/v1/apps/{app}/files/none.txt")).await.code(), Code::FileNotFound);
    assert_eq!(server.get(&format!("/v1/apps/{app}/files/..%2Fx")).await.code(), Code::InvalidPath);
    let wrong = server.call("PUT", "/v1/apps", None).await;
    assert_eq!((wrong.status, wrong.code()), (StatusCode::METHOD_NOT_ALLOWED, Code::MethodNotAllowed));
}

#[tokio::test]
async fn profiles_without_a_command_are_refused() {
    let server = TestServer::start().await;
    let app = server.app().await;
    for profile in [
        json!({ "kind": "custom" }),
        json!({ "kind": "custom", "dev": [] }),
        json!({ "kind": "vite", "output": "../x" }),
    ] {
        let answer =
            server.call("PATCH", &format!("/v1/apps/{app}"), Some(json!({ "profile": profile }))).await;
        assert!(matches!(answer.code(), Code::InvalidProfile | Code::InvalidPath), "{profile}");
    }
}

fn zip_of(entries: &[(&str, &[u8])]) -> Vec<u8> {
    use std::io::Write as _;
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, content) in entries {
        zip.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        zip.write_all(content).unwrap();
    }
    zip.finish().unwrap().into_inner()
}

#[tokio::test]
async fn a_packed_body_is_not_unpacked_and_changes_nothing() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let before = server.draft(&app).await;
    for (path, method) in [(format!("/v1/apps/{app}/changes"), "POST"), ("/v1/sign-in".to_owned(), "POST")] {
        let request = Request::builder()
            .method(method)
            .uri(&path)
            .header("authorization", format!("Bearer {KEY}"))
            .header("content-type", "application/json")
            .header("content-encoding", "gzip")
            .body(Body::from(&b"\x1f\x8b\x08\x00"[..]))
            .unwrap();
        assert_eq!(server.send(request).await.code(), Code::UnsupportedMediaType, "{path}");
    }
    assert_eq!(server.draft(&app).await, before);
}

#[tokio::test]
async fn strangers_send_no_more_than_a_password_needs() {
    let server = TestServer::start().await;
    let body = format!(r#"{{"key":"{}"}}"#, "x".repeat(70_000));
    let request = Request::builder()
        .method("POST")
        .uri("/v1/sign-in")
        .header("content-type", "application/json")
        .body(Body::from(body))
        .unwrap();
    assert_eq!(server.send(request).await.code(), Code::BodyTooLarge);
}
