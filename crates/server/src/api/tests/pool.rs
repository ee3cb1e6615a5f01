//! Starts that are served from the warm pool, with a scripted sandbox.

use std::collections::BTreeSet;
use std::time::Duration;

use axum::http::StatusCode;
use serde_json::{Value, json};
use vitrine_model::AppId;
use vitrine_sandbox::Sandbox;

use super::harness::TestServer;
use crate::config::PoolConfig;

async fn server_with(floor: usize) -> TestServer {
    let pool = PoolConfig { floor, ceiling: 3, ..PoolConfig::default() };
    TestServer::start_with(|config| config.pool = pool).await
}

async fn running(server: &TestServer, app: &AppId) -> Value {
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await;
    server.session_is(app, "running").await
}

fn came_from_the_pool(session: &Value) -> bool {
    let steps = session["timings"]["steps"].as_array().unwrap();
    steps.iter().any(|step| step["detail"] == "one that runs already")
}

/// Waits until so many can be claimed.
async fn warm(server: &TestServer, count: usize) {
    let waiting = async {
        while server.services.sessions.warm_count() != count {
            tokio::time::sleep(Duration::from_millis(2)).await;
        }
    };
    let arrived = tokio::time::timeout(Duration::from_secs(10), waiting).await;
    assert!(arrived.is_ok(), "not {count} but {}", server.services.sessions.warm_count());
}

/// An app that has started, and a pool that has noticed that somebody wants its template.
async fn first_app(server: &TestServer, pooled: usize) -> AppId {
    let app = server.app().await;
    assert!(!came_from_the_pool(&running(server, &app).await), "nothing is there before it was asked for");
    warm(server, pooled).await;
    app
}

/// What somebody sees who opens the app's preview.
async fn seen(server: &TestServer, app: &AppId, path: &str) -> (StatusCode, String) {
    let url =
        server.call("PUT", &format!("/v1/apps/{app}/session"), None).await.json()["preview_url"].clone();
    let url = url.as_str().unwrap();
    let cookie = server.preview(url, "").await.cookie();
    let answer = server.preview(&format!("{}/{path}", url.split_once("/?").unwrap().0), &cookie).await;
    (answer.status, answer.text().to_owned())
}

#[tokio::test]
async fn the_second_app_of_a_template_gets_a_dev_server_that_runs_already() {
    let server = server_with(1).await;
    first_app(&server, 1).await;
    let second = server.app().await;
    server
        .change(
            &second,
            json!([{ "op": "write", "path": "src/main.tsx", "text": "export const text = 'mine';\n" }]),
        )
        .await;
    assert!(came_from_the_pool(&running(&server, &second).await));
    assert_eq!(seen(&server, &second, "src/main.tsx").await.1, "export const text = 'mine';\n");
    // As many are kept as were asked for lately.
    warm(&server, 2).await;
}

#[tokio::test]
async fn a_claimed_sandbox_is_never_given_to_another_app() {
    let server = server_with(1).await;
    first_app(&server, 1).await;
    let mut used = BTreeSet::new();
    for round in 0..4 {
        let app = server.app().await;
        let secret = format!("only of {app}");
        server.change(&app, json!([{ "op": "write", "path": "public/secret.txt", "text": secret }])).await;
        assert!(came_from_the_pool(&running(&server, &app).await));
        assert_eq!(seen(&server, &app, "public/secret.txt").await.1, secret);
        let before: BTreeSet<_> = server.driver.running().iter().map(|s| s.id().to_string()).collect();
        server.call("DELETE", &format!("/v1/apps/{app}"), None).await;
        let after: BTreeSet<_> = server.driver.running().iter().map(|s| s.id().to_string()).collect();
        let gone: Vec<_> = before.difference(&after).cloned().collect();
        assert_eq!(gone.len(), 1, "its sandbox goes with it");
        assert!(used.insert(gone[0].clone()));
        warm(&server, (round + 2).min(3)).await;
    }
}

#[tokio::test]
async fn apps_that_come_at_once_get_one_each() {
    let server = server_with(2).await;
    first_app(&server, 2).await;
    let apps = futures::future::join_all((0..4).map(|_| server.app())).await;
    let sessions = futures::future::join_all(apps.iter().map(|app| running(&server, app))).await;
    assert_eq!(sessions.iter().filter(|session| came_from_the_pool(session)).count(), 2);
    for app in &apps {
        server
            .change(app, json!([{ "op": "write", "path": "public/who.txt", "text": app.to_string() }]))
            .await;
    }
    for app in &apps {
        assert_eq!(seen(&server, app, "public/who.txt").await.1, app.to_string());
    }
}

#[tokio::test]
async fn what_a_dev_server_reads_once_and_what_it_is_given_need_one_of_their_own() {
    let server = server_with(1).await;
    first_app(&server, 1).await;
    let other = server.app().await;
    server
        .change(&other, json!([{ "op": "write", "path": "vite.config.ts", "text": "export default {}" }]))
        .await;
    assert!(!came_from_the_pool(&running(&server, &other).await));
    let given = server.app().await;
    let variable = json!({ "value": "1", "targets": ["dev"] });
    let path = format!("/v1/apps/{given}/environments/development/variables/VITE_X");
    assert!(server.call("PUT", &path, Some(variable)).await.status.is_success());
    assert!(!came_from_the_pool(&running(&server, &given).await));
}

#[tokio::test]
async fn what_somebody_made_of_their_own_is_never_run_ahead() {
    let server = server_with(1).await;
    first_app(&server, 1).await;
    let own = server.app().await;
    let command = json!({ "profile": { "kind": "custom", "dev": ["node", "mine.js"] } });
    let changed = server.call("PATCH", &format!("/v1/apps/{own}"), Some(command)).await;
    assert_eq!(changed.status, StatusCode::OK, "{changed:?}");
    assert!(!came_from_the_pool(&running(&server, &own).await));
    let next = server.app().await;
    assert!(came_from_the_pool(&running(&server, &next).await), "nobody else's start pays for it");
    assert_eq!(
        server.driver.spawned("dev").iter().filter(|dev| dev.argv.contains(&"mine.js".to_owned())).count(),
        1
    );
}

#[tokio::test]
async fn one_whose_dev_server_ended_in_the_pool_costs_nobody_a_page() {
    let server = server_with(1).await;
    first_app(&server, 1).await;
    for sandbox in server.driver.running() {
        sandbox.exit("dev", vitrine_sandbox::driver::Exit::Signal { signal: 9 }).await;
    }
    let next = server.app().await;
    let session = running(&server, &next).await;
    assert!(!came_from_the_pool(&session) || session["restarts"] == 0);
    assert_eq!(seen(&server, &next, "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn one_that_died_in_the_pool_costs_nobody_a_page() {
    let server = server_with(1).await;
    first_app(&server, 1).await;
    for sandbox in server.driver.running() {
        server.driver.end(sandbox.id(), vitrine_sandbox::driver::EndReason::OutOfMemory).await;
    }
    let next = server.app().await;
    assert!(!came_from_the_pool(&running(&server, &next).await));
    assert_eq!(seen(&server, &next, "").await.0, StatusCode::OK);
}

#[tokio::test]
async fn what_nobody_asks_for_is_not_kept_and_nothing_is_left_at_the_end() {
    let pool = PoolConfig { keep_secs: 0, ..PoolConfig::default() };
    let server = TestServer::start_with(|config| config.pool = pool).await;
    let app = server.app().await;
    running(&server, &app).await;
    server.services.sessions.sweep().await.unwrap();
    server.session_runs(1).await;

    let server = server_with(2).await;
    first_app(&server, 2).await;
    server.services.sessions.shut_down().await;
    assert!(server.driver.running().is_empty());
    tokio::time::timeout(Duration::from_secs(5), server.session_runs(0)).await.unwrap();
}
