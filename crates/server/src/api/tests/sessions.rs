//! Sessions over HTTP, with a scripted sandbox.

use axum::http::StatusCode;
use serde_json::json;
use vitrine_model::AppId;
use vitrine_model::problem::Code;
use vitrine_sandbox::driver::EndReason;
use vitrine_sandbox::fake::FakeDev;

use super::harness::TestServer;

async fn ensure(server: &TestServer, app: &AppId) -> super::harness::Answer {
    server.call("PUT", &format!("/v1/apps/{app}/session"), None).await
}

#[tokio::test]
async fn ensuring_is_idempotent_and_measured() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let first = ensure(&server, &app).await;
    assert_eq!(first.status, StatusCode::ACCEPTED);
    let running = server.session_is(&app, "running").await;
    let second = ensure(&server, &app).await;
    assert_eq!((second.status, &second.json()["id"]), (StatusCode::OK, &first.json()["id"]));
    assert_eq!(server.driver.starts(), 1);
    let steps = running["timings"]["steps"].as_array().unwrap();
    let names: Vec<_> = steps.iter().map(|step| step["name"].as_str().unwrap()).collect();
    assert_eq!(names, ["files", "toolchain", "layer", "sandbox", "dev_server"]);
    assert!(steps.iter().all(|step| step["status"] == "done" && step["duration_ms"].is_number()));
    assert!(running["timings"]["total_ms"].is_number());
}

#[tokio::test]
async fn many_ensures_at_once_start_one_sandbox() {
    let server = TestServer::start().await;
    let app = server.app().await;
    let all = futures::future::join_all((0..20).map(|_| ensure(&server, &app))).await;
    let first = all[0].json()["id"].clone();
    assert!(all.iter().all(|answer| answer.json()["id"] == first));
    server.session_is(&app, "running").await;
    assert_eq!(server.driver.starts(), 1);
}

#[tokio::test]
async fn stopping_removes_the_sandbox_and_a_second_stop_is_not_found() {
    let server = TestServer::start().await;
    let app = server.app().await;
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
    let path = format!("/v1/apps/{app}/session");
    assert_eq!(server.call("DELETE", &path, None).await.status, StatusCode::NO_CONTENT);
    assert_eq!(server.driver.running().len(), 0);
    assert_eq!(server.get(&path).await.json()["status"], "stopped");
    assert_eq!(server.call("DELETE", &path, None).await.code(), Code::NotFound);
    let next = ensure(&server, &app).await.json();
    server.session_is(&app, "running").await;
    assert!(next["preview_url"].as_str().unwrap().contains("preview.localhost"));
}

#[tokio::test]
async fn a_dev_command_that_exits_is_an_error_with_its_last_words() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.driver.script(|script| {
        script.dev = FakeDev::Exits(3);
        script.errors = vec!["Error: no such plugin".to_owned()];
    });
    ensure(&server, &app).await;
    let session = server.session_is(&app, "error").await;
    assert_eq!(session["error"]["code"], "dev_server_exited");
    let detail = session["error"]["detail"].as_str().unwrap();
    assert!(detail.contains("exit code 3") && detail.contains("no such plugin"), "{detail}");

    server.driver.script(|script| *script = Default::default());
    server.change(&app, json!([{ "op": "write", "path": "mended.txt", "text": "" }])).await;
    server.session_is(&app, "running").await;
}

#[tokio::test]
async fn packages_that_do_not_install_are_an_error_in_the_tools_words() {
    let server = TestServer::start().await;
    let app = server.app().await;
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
    let manifest = r#"{"dependencies":{"no-such-pkg":"1.0.0"},"devDependencies":{"vite":"8.0.0"}}"#;
    server.change(&app, json!([{ "op": "write", "path": "package.json", "text": manifest }])).await;
    let failed = async {
        loop {
            let session = server.get(&format!("/v1/apps/{app}/session")).await.json();
            if session["error"]["code"] == "install_failed" {
                return session;
            }
            tokio::task::yield_now().await;
        }
    };
    let session = tokio::time::timeout(std::time::Duration::from_secs(10), failed).await.unwrap();
    assert_eq!(session["status"], "running", "the old dev server answers on: {session}");
    assert!(session["error"]["detail"].as_str().unwrap().contains("404"));
    assert_eq!(server.driver.running().len(), 1);
}

#[tokio::test]
async fn a_broken_package_json_is_reported_beside_the_running_preview() {
    let server = TestServer::start().await;
    let app = server.app().await;
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
    server.change(&app, json!([{ "op": "write", "path": "package.json", "text": "{ \"name\": " }])).await;
    let session = server.session_is(&app, "running").await;
    assert_eq!(session["error"]["code"], "invalid_package_json");
    assert_eq!(server.driver.starts(), 1);
}

#[tokio::test]
async fn a_lost_sandbox_comes_back_and_one_that_keeps_dying_is_given_up() {
    let server = TestServer::start().await;
    let app = server.app().await;
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
    let id = vitrine_sandbox::Sandbox::id(server.driver.running()[0].as_ref()).clone();
    server.driver.end(&id, EndReason::OutOfMemory).await;
    let back = async {
        loop {
            let session = server.get(&format!("/v1/apps/{app}/session")).await.json();
            if session["restarts"] == 1 && session["status"] == "running" {
                return;
            }
            tokio::time::sleep(std::time::Duration::from_millis(2)).await;
        }
    };
    tokio::time::timeout(std::time::Duration::from_secs(10), back).await.expect("it comes back");
    assert_eq!(server.driver.starts(), 2);
}

#[tokio::test]
async fn idle_and_expired_sessions_are_swept() {
    let server = TestServer::start().await;
    let app = server.app().await;
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
    server.clock.advance_secs(1_700);
    assert_eq!(server.services.sessions.sweep().await.unwrap(), 0);
    // A heartbeat moves the expiry and is no use.
    server.post(&format!("/v1/apps/{app}/session/heartbeat"), json!({})).await;
    server.clock.advance_secs(200);
    assert_eq!(server.services.sessions.sweep().await.unwrap(), 1);
    server.session_is(&app, "hibernated").await;
    assert_eq!(server.driver.running().len(), 0);
    server.clock.advance_secs(7_200);
    assert_eq!(server.services.sessions.sweep().await.unwrap(), 1);
    server.session_is(&app, "expired").await;
}

#[tokio::test]
async fn a_guest_that_stalls_keeps_no_session_from_ending() {
    let server = TestServer::start().await;
    let apps = [server.app().await, server.app().await];
    for app in &apps {
        ensure(&server, app).await;
        server.session_is(app, "running").await;
    }
    server.driver.script(|script| script.stalls = true);
    server.change(&apps[0], json!([{ "op": "write", "path": "stalls.txt", "text": "x" }])).await;
    server.clock.advance_secs(1_900);
    let swept = tokio::time::timeout(std::time::Duration::from_secs(20), server.services.sessions.sweep());
    assert_eq!(swept.await.expect("nobody waits for the guest").unwrap(), 2);
    assert_eq!(server.driver.running().len(), 0);
}

#[tokio::test]
async fn deleting_an_app_takes_its_sandbox_down() {
    let server = TestServer::start().await;
    let app = server.app().await;
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
    server.call("DELETE", &format!("/v1/apps/{app}"), None).await;
    assert_eq!(server.driver.running().len(), 0);
}

#[tokio::test]
async fn a_flood_of_output_is_bounded() {
    let server = TestServer::start().await;
    let app = server.app().await;
    server.driver.script(|script| script.dev = FakeDev::Floods(50_000));
    ensure(&server, &app).await;
    server.session_is(&app, "running").await;
}
