//! The gateway in front of the fake driver: the way the server's own tests use both.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::support::{World, header, text};
use http::StatusCode;
use vitrine_edge::{PreviewState, SandboxUpstream};
use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
use vitrine_model::{FileMode, ProjectPath, SandboxId};
use vitrine_sandbox::driver::{
    Command, Driver, EndReason, Exit, FileBatch, FilePut, Limits, PROJECT_DIR, SandboxEvent, SandboxSpec,
    Started, Urgency,
};
use vitrine_sandbox::fake::{FakeDev, FakeDriver};

const PORT: u16 = 5173;

async fn start(driver: &FakeDriver) -> Started {
    let clock = FixedClock::at_millis(1_700_000_000_000);
    let spec = SandboxSpec {
        id: SandboxId::mint(&clock, &CountingEntropy::default()),
        mounts: Vec::new(),
        limits: Limits {
            memory_bytes: 0,
            cpu_millis: 0,
            pids: 0,
            disk_bytes: 0,
            open_files: 0,
            urgency: Urgency::Interactive,
        },
    };
    driver.start(spec).await.unwrap()
}

async fn spawn_dev(started: &Started) {
    let command = Command {
        argv: vec!["vite".to_owned()],
        env: BTreeMap::from([("PORT".to_owned(), PORT.to_string())]),
        cwd: PROJECT_DIR.to_owned(),
    };
    started.sandbox.spawn("dev", command).await.unwrap();
}

fn running(started: &Started) -> PreviewState {
    PreviewState::Running(Arc::new(SandboxUpstream {
        sandbox: started.sandbox.clone(),
        port: PORT,
        generation: 1,
    }))
}

#[tokio::test]
async fn the_page_and_its_modules_are_served_from_the_files_of_the_sandbox() {
    let started = start(&FakeDriver::new()).await;
    let put = FilePut {
        path: ProjectPath::parse("src/main.tsx").unwrap(),
        mode: FileMode::Regular,
        content: "export const a = 1".into(),
    };
    started.sandbox.apply(FileBatch { put: vec![put], removed: Vec::new() }).await.unwrap();
    spawn_dev(&started).await;
    let world = World::new().await;
    world.targets.set(&world.session, running(&started));
    let page = world.send(world.navigate("/").await).await;
    assert!(text(page).await.contains("src=\"/src/main.tsx\""));
    let module = world.send(world.get("/src/main.tsx").await.header("sec-fetch-dest", "script")).await;
    assert_eq!(header(&module, "content-type"), "text/javascript");
    assert_eq!(text(module).await, "export const a = 1");
    let missing = world.send(world.get("/src/gone.tsx").await).await;
    assert_eq!(missing.status(), StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_dev_server_that_exits_is_reported_and_refuses_connections() {
    let driver = FakeDriver::new();
    driver.script(|script| {
        script.dev = FakeDev::Exits(1);
        script.errors = vec!["no such config".to_owned()];
    });
    let mut started = start(&driver).await;
    spawn_dev(&started).await;
    let line = started.events.recv().await.unwrap();
    assert!(matches!(line, SandboxEvent::Output { is_stderr: true, .. }));
    let exit = started.events.recv().await.unwrap();
    assert_eq!(exit, SandboxEvent::Exited { name: "dev".to_owned(), exit: Exit::Code { code: 1 } });
    assert!(started.sandbox.dial(PORT).await.is_err());
}

#[tokio::test]
async fn an_ended_sandbox_is_counted_and_says_why() {
    let driver = FakeDriver::new();
    let mut started = start(&driver).await;
    spawn_dev(&started).await;
    assert_eq!((driver.starts(), driver.running().len()), (1, 1));
    driver.end(started.sandbox.id(), EndReason::OutOfMemory).await;
    let end = started.events.recv().await.unwrap();
    assert_eq!(end, SandboxEvent::Ended { reason: EndReason::OutOfMemory });
    assert_eq!((driver.stops(), driver.running().len()), (1, 0));
    assert!(started.sandbox.stop().await.is_ok());
}

#[tokio::test]
async fn a_log_nobody_reads_loses_lines_and_says_how_many() {
    let driver = FakeDriver::new();
    driver.script(|script| script.dev = FakeDev::Floods(5_000));
    let mut started = start(&driver).await;
    spawn_dev(&started).await;
    let sandbox = started.sandbox.clone();
    let stopped = tokio::spawn(async move { sandbox.stop().await });
    let (mut heard, mut dropped) = (0, 0);
    while let Some(event) = started.events.recv().await {
        match event {
            SandboxEvent::Output { .. } => heard += 1,
            SandboxEvent::OutputDropped { lines, .. } => dropped += lines,
            SandboxEvent::Ended { .. } => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(heard + dropped, 5_000);
    assert!(dropped > 0 && stopped.await.unwrap().is_ok());
}

#[tokio::test]
async fn a_driver_can_be_told_to_refuse() {
    let driver = FakeDriver::new();
    driver.script(|script| script.refuse_start = Some("no user namespaces".to_owned()));
    let clock = FixedClock::at_millis(0);
    let spec = SandboxSpec {
        id: SandboxId::mint(&clock, &CountingEntropy::default()),
        mounts: Vec::new(),
        limits: Limits {
            memory_bytes: 0,
            cpu_millis: 0,
            pids: 0,
            disk_bytes: 0,
            open_files: 0,
            urgency: Urgency::Interactive,
        },
    };
    assert!(driver.start(spec).await.is_err());
    assert_eq!(driver.starts(), 0);
}
