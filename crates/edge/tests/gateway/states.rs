//! What a visitor sees while a session starts, sleeps, fails or restarts.

use std::sync::atomic::Ordering;
use std::time::Duration;

use crate::support::{Guest, World, code, header, starting, text, until};
use http::StatusCode;
use vitrine_edge::{Activity, PreviewState, WaitInfo};
use vitrine_model::problem::{Code, Problem};

/// A gateway that holds requests only as long as the test needs.
async fn impatient() -> World {
    World::with(|config| {
        config.limits.hold_navigation = Duration::from_millis(10);
        config.limits.hold_request = Duration::from_millis(10);
    })
    .await
}

#[tokio::test]
async fn a_starting_session_shows_the_waiting_page_and_then_the_app() {
    let world = impatient().await;
    world.targets.set(&world.session, starting());
    let page = world.send(world.navigate("/").await).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&page, "retry-after"), "1");
    assert_eq!(header(&page, "cache-control"), "no-store");
    let html = text(page).await;
    assert!(html.contains("<h1>Starting Lamp &lt;3</h1>") && html.contains("http-equiv=\"refresh\""));
    world.targets.set(&world.session, Guest::saying("the app").await.running());
    assert_eq!(text(world.send(world.navigate("/").await).await).await, "the app");
}

#[tokio::test]
async fn a_program_is_told_that_the_session_is_starting() {
    let world = impatient().await;
    world.targets.set(&world.session, starting());
    let answer = world.send(world.get("/src/main.tsx").await).await;
    assert_eq!(answer.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(header(&answer, "retry-after"), "1");
    assert_eq!(code(answer).await, "session_starting");
}

#[tokio::test]
async fn a_request_is_held_until_the_session_runs() {
    let world = World::with(|config| config.limits.hold_navigation = crate::support::DEADLINE).await;
    world.targets.set(&world.session, starting());
    let guest = Guest::saying("the app").await;
    let request = world.navigate("/").await;
    let (answer, ()) = tokio::join!(world.send(request), async {
        until("the request has arrived", || !world.targets.touched().is_empty()).await;
        world.targets.set(&world.session, guest.running());
    });
    assert_eq!(text(answer).await, "the app");
}

#[tokio::test]
async fn a_sleeping_session_is_woken_once_by_a_request() {
    let world = World::with(|config| config.limits.hold_navigation = crate::support::DEADLINE).await;
    world.targets.set(&world.session, PreviewState::Asleep(WaitInfo::default()));
    world.targets.when_woken(Guest::saying("awake").await.running());
    assert_eq!(text(world.send(world.navigate("/").await).await).await, "awake");
    assert_eq!(world.targets.wakes.load(Ordering::SeqCst), 1);
}

#[tokio::test]
async fn nobody_without_the_cookie_wakes_a_session() {
    let world = impatient().await;
    world.targets.set(&world.session, PreviewState::Asleep(WaitInfo::default()));
    let answer = world.send(world.bare(&world.session, "/")).await;
    assert_eq!(answer.status(), StatusCode::UNAUTHORIZED);
    assert_eq!(world.targets.wakes.load(Ordering::SeqCst), 0);
    assert!(world.targets.touched().is_empty());
}

#[tokio::test]
async fn a_dev_server_that_does_not_listen_yet_is_waited_for() {
    let world = impatient().await;
    let gone = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let guest = crate::support::Guest::at(gone);
    world.targets.set(&world.session, guest.running());
    let answer = world.send(world.get("/").await).await;
    assert_eq!(code(answer).await, "session_starting");
    assert!(guest.dials.load(Ordering::SeqCst) >= 2, "it is dialled again");
    let page = world.send(world.navigate("/").await).await;
    assert!(text(page).await.contains("Starting the preview"));
}

#[tokio::test]
async fn a_failed_session_shows_the_apps_own_words_escaped() {
    let world = impatient().await;
    let problem = Problem::new(Code::DevServerExited, "SyntaxError in <App>\n  at vite.config.ts:3");
    world.targets.set(&world.session, PreviewState::Failed(problem));
    let page = world.send(world.navigate("/").await).await;
    assert_eq!(page.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let html = text(page).await;
    assert!(html.contains("<pre>SyntaxError in &lt;App&gt;\n  at vite.config.ts:3</pre>"), "{html}");
    assert!(html.contains("comes from the app"));
    let answer = world.send(world.get("/src/main.tsx").await).await;
    assert_eq!(code(answer).await, "dev_server_exited");
}

#[tokio::test]
async fn a_fault_of_ours_names_the_request() {
    let world = impatient().await;
    let problem = Problem::new(Code::SandboxUnavailable, "No sandbox can be started now.");
    world.targets.set(&world.session, PreviewState::Failed(problem));
    let id = vitrine_model::RequestId::mint(
        world.clock.as_ref(),
        &vitrine_model::source::fixed::CountingEntropy::default(),
    );
    let mut request = world.navigate("/").await.body(crate::support::body("")).unwrap();
    request.extensions_mut().insert(id.clone());
    let page = world.gateway.handle(world.session.clone(), request).await;
    assert_eq!(page.status(), StatusCode::SERVICE_UNAVAILABLE);
    let html = http_body_util::BodyExt::collect(page.into_body()).await.unwrap().to_bytes();
    assert!(String::from_utf8_lossy(&html).contains(id.as_str()));
}

#[tokio::test]
async fn the_status_is_for_holders_of_the_cookie_and_is_no_use() {
    let world = impatient().await;
    world.targets.set(&world.session, starting());
    const PATH: &str = "/.vitrine/preview-status";
    let refused = world.send(world.bare(&world.session, PATH)).await;
    assert_eq!(refused.status(), StatusCode::UNAUTHORIZED);
    let status = async || {
        let answer = world.send(world.get(PATH).await).await;
        assert_eq!(answer.status(), StatusCode::OK);
        let document: serde_json::Value = serde_json::from_str(&text(answer).await).unwrap();
        document["status"].as_str().unwrap().to_owned()
    };
    assert_eq!(status().await, "starting");
    world.targets.set(&world.session, Guest::saying("hi").await.running());
    assert_eq!(status().await, "running");
    assert!(world.targets.touched().is_empty());
}

#[tokio::test]
async fn reserved_paths_never_reach_the_guest() {
    let world = World::running(&Guest::saying("from the guest").await).await;
    for path in ["/.vitrine", "/.vitrine/", "/.vitrine/anything?x"] {
        let answer = world.send(world.get(path).await).await;
        assert_eq!(answer.status(), StatusCode::NOT_FOUND, "{path}");
        assert_eq!(code(answer).await, "not_found");
    }
    assert_eq!(text(world.send(world.get("/.vitrinex").await).await).await, "from the guest");
}

#[tokio::test]
async fn requests_are_use_and_probes_are_not() {
    let world = World::running(&Guest::saying("hi").await).await;
    world.send(world.get("/__vite_ping").await).await;
    assert!(world.targets.touched().is_empty());
    world.send(world.get("/").await).await;
    assert_eq!(world.targets.touched(), [Activity::Request]);
}
