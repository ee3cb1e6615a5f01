//! A tenant's rules about packages: what is written holds from then on, and for that tenant.

use axum::http::StatusCode;
use serde_json::json;
use vitrine_model::AppId;
use vitrine_model::problem::Code;

use super::harness::TestServer;

const PATH: &str = "/v1/package-policy";

/// A project that has the package.
async fn app_with(server: &TestServer, package: &str) -> AppId {
    let app = server.app().await;
    let dependencies = json!({ package: "^1.0.0", "vite": "^8.0.0" });
    let locked = |version: &str| json!({ "version": version, "integrity": "sha512-AAAA" });
    let manifest = json!({ "name": "x", "dependencies": dependencies });
    let lock = json!({
        "name": "x", "lockfileVersion": 3,
        "packages": {
            "": { "name": "x", "dependencies": dependencies },
            format!("node_modules/{package}"): locked("1.0.0"),
            "node_modules/vite": locked("8.0.0"),
        },
    });
    let write = |path: &str, text: String| json!({ "op": "write", "path": path, "text": text });
    let ops =
        json!([write("package.json", manifest.to_string()), write("package-lock.json", lock.to_string())]);
    let answer = server.change(&app, ops).await;
    assert_eq!(answer.status, StatusCode::OK, "{answer:?}");
    app
}

async fn faults(server: &TestServer, app: &AppId) -> String {
    let report = server.post(&format!("/v1/apps/{app}/validate"), json!({})).await;
    assert_eq!(report.status, StatusCode::OK, "{report:?}");
    report.json()["faults"].to_string()
}

#[tokio::test]
async fn a_tenants_policy_holds_until_it_is_reset() {
    let server = TestServer::start().await;
    let app = app_with(&server, "left-pad").await;
    assert!(!faults(&server, &app).await.contains("package_denied"));
    let policy = json!({ "mode": "custom", "deny": ["left-*"], "min_age_secs": 0 });
    assert_eq!(server.call("PUT", PATH, Some(policy.clone())).await.status, StatusCode::NO_CONTENT);
    assert!(faults(&server, &app).await.contains("package_denied"));
    let holding = server.get(PATH).await.json();
    assert_eq!((&holding["source"], &holding["policy"]["deny"]), (&json!("tenant"), &policy["deny"]));
    for _ in 0..2 {
        assert_eq!(server.call("DELETE", PATH, None).await.status, StatusCode::NO_CONTENT);
    }
    assert!(!faults(&server, &app).await.contains("package_denied"));
    assert_eq!(server.get(PATH).await.json()["source"], "server");
}

#[tokio::test]
async fn a_policy_that_means_nothing_changes_nothing() {
    let server = TestServer::start().await;
    for bad in [
        json!({ "mode": "custom", "allow": ["a*b"] }),
        json!({ "mode": "strict", "catalogue": { "react": "newest" } }),
        json!({ "mode": "loose" }),
    ] {
        let answer = server.call("PUT", PATH, Some(bad.clone())).await;
        assert!(answer.status.is_client_error(), "{bad}: {answer:?}");
        assert!([Code::InvalidRequest, Code::InvalidJson].contains(&answer.code()), "{bad}");
    }
    assert_eq!(server.get(PATH).await.json()["source"], "server");
}
