//! Builds with a scripted sandbox: what is made of each way a command can end.

use std::sync::Mutex;

use bytes::Bytes;
use vitrine_model::SandboxId;
use vitrine_model::problem::Code;
use vitrine_model::publish::BuildMode;
use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
use vitrine_sandbox::driver::Exit;
use vitrine_sandbox::fake::{FakeBuild, FakeDriver};

use super::*;
use crate::guard::Guard;

fn request(limits: BuildLimits) -> BuildRequest {
    BuildRequest {
        sandbox_id: SandboxId::mint(&FixedClock::at_millis(0), &CountingEntropy::default()),
        plan: BuildPlan {
            command: vec!["make".to_owned()],
            output: "dist".to_owned(),
            mode: BuildMode::Production,
            profile: ProfileKind::Custom,
        },
        files: Vec::new(),
        toolchain: "/".into(),
        node_modules: None,
        compile_cache: None,
        environment: BTreeMap::new(),
        guard: Default::default(),
        limits,
    }
}

async fn outcome(driver: &FakeDriver, limits: BuildLimits) -> (Result<Built, BuildError>, Vec<String>) {
    let lines = Mutex::new(Vec::new());
    let log = |_: bool, text: &str| lines.lock().unwrap().push(text.to_owned());
    let mut outcome = build(driver, request(limits), &log, CancellationToken::new()).await;
    if let Ok(built) = &mut outcome {
        built.ended().await;
    }
    assert!(driver.running().is_empty(), "nothing outlives a build");
    (outcome, lines.into_inner().unwrap())
}

fn scripted(exit: Option<Exit>, errors: &[&str]) -> FakeDriver {
    let driver = FakeDriver::new();
    let page = ("dist/index.html".parse().unwrap(), Bytes::from("<img src=gone.png>"));
    let errors = errors.iter().map(|&line| line.to_owned()).collect();
    driver.script(|script| script.build = FakeBuild { exit, errors, leaves: vec![page], output: Vec::new() });
    driver
}

fn limits() -> BuildLimits {
    BuildLimits::of(ProfileKind::Custom)
}

#[tokio::test]
async fn a_build_that_ends_well_is_taken_out_and_its_warnings_are_said() {
    let (built, lines) = outcome(&scripted(Some(Exit::Code { code: 0 }), &["working"]), limits()).await;
    assert_eq!(built.unwrap().inspection.warnings.len(), 1);
    assert_eq!(lines[0], "working");
    assert!(lines[1].starts_with("warning: `index.html` asks for the file `gone.png`"));
}

#[tokio::test]
async fn lack_of_memory_is_tried_once_more_and_then_said() {
    let driver = scripted(Some(Exit::OutOfMemory), &[]);
    let (built, lines) = outcome(&driver, limits()).await;
    assert_eq!(driver.starts(), 2);
    assert!(matches!(built, Err(BuildError::Limit(ReachedLimit::Memory(bytes))) if bytes == 2 << 30));
    assert!(lines[0].contains("starts anew with 2048 MiB"));
    let at_ceiling = BuildLimits { memory_bytes: 4 << 30, ..limits() };
    let driver = scripted(Some(Exit::OutOfMemory), &[]);
    outcome(&driver, at_ceiling).await.0.unwrap_err();
    assert_eq!(driver.starts(), 1);
}

#[tokio::test]
async fn what_a_tool_says_of_limits_is_understood() {
    let failed = Some(Exit::Code { code: 1 });
    let code = |error: BuildError| error.problem().code;
    for words in [
        "ENOSPC: no space left on device, write",
        "spawn node EAGAIN",
        "FATAL ERROR: JavaScript heap out of memory",
    ] {
        let error = outcome(&scripted(failed, &[words]), limits()).await.0.unwrap_err();
        assert_eq!(code(error), Code::SandboxLimit, "{words}");
    }
    let error = outcome(&scripted(failed, &["something else"]), limits()).await.0.unwrap_err();
    assert!(error.problem().detail.ends_with("something else"));
}

#[tokio::test]
async fn a_build_without_end_times_out() {
    let brief = std::time::Duration::from_millis(20);
    let (outcome, _) = outcome(&scripted(None, &[]), BuildLimits { wall: brief, ..limits() }).await;
    assert!(matches!(outcome, Err(BuildError::TimedOut(time)) if time == brief));
}

#[tokio::test]
async fn a_build_is_cancelled_before_it_begins_and_while_it_runs() {
    let driver = scripted(None, &["begun"]);
    let cancel = CancellationToken::new();
    let stop = cancel.clone();
    let log = move |_: bool, _: &str| stop.cancel();
    let cancelled = build(&driver, request(limits()), &log, cancel.clone()).await;
    assert!(matches!(cancelled, Err(BuildError::Cancelled)) && driver.starts() == 1);
    let again = build(&driver, request(limits()), &log, cancel).await;
    assert!(matches!(again, Err(BuildError::Cancelled)) && driver.starts() == 1);
    assert!(driver.running().is_empty());
}

#[tokio::test]
async fn a_sandbox_that_cannot_be_made_is_our_fault() {
    let driver = FakeDriver::new();
    driver.script(|script| script.refuse_start = Some("no user namespaces".to_owned()));
    let error = outcome(&driver, limits()).await.0.unwrap_err();
    assert!(error.is_ours() && error.problem().code == Code::SandboxUnavailable);
}

fn guarded(secrets: &[(&str, &str)]) -> BuildRequest {
    let secrets: BTreeMap<_, _> = secrets
        .iter()
        .map(|(name, value)| ((*name).to_owned(), SecretValue::new((*value).to_owned())))
        .collect();
    let guard = Guard::new(secrets.iter().map(|(name, value)| (name.as_str(), value)));
    BuildRequest { environment: secrets, guard: Arc::new(guard), ..request(limits()) }
}

#[tokio::test]
async fn a_build_that_bundles_a_secret_fails_by_file_and_name_and_without_the_value() {
    let driver = scripted(Some(Exit::Code { code: 0 }), &["using sk-live-1234567890"]);
    let script = ("dist/a.js".parse().unwrap(), Bytes::from("fetch(u,{headers:{key:'sk-live-1234567890'}})"));
    driver.script(|script_of| script_of.build.leaves.push(script));
    let lines = Mutex::new(Vec::new());
    let log = |_: bool, text: &str| lines.lock().unwrap().push(text.to_owned());
    let request = guarded(&[("API_KEY", "sk-live-1234567890")]);
    let error = build(&driver, request, &log, CancellationToken::new()).await.unwrap_err();
    assert!(
        driver.running().is_empty(),
        "nothing outlives a build that fails, also after its sandbox was done"
    );
    let problem = error.problem();
    assert_eq!(problem.code, Code::SecretInArtifact);
    assert_eq!(problem.errors[0].path.as_deref(), Some("a.js"));
    assert!(problem.detail.contains("`a.js`") && problem.detail.contains("`API_KEY`"), "{}", problem.detail);
    assert_eq!(lines.lock().unwrap()[0], "using [hidden]");
    let all = format!("{problem:?} {error:?} {error} {:?}", lines.lock().unwrap());
    assert!(!all.contains("sk-live"), "{all}");
    let unrelated = guarded(&[("API_KEY", "another-value")]);
    assert!(build(&driver, unrelated, &log, CancellationToken::new()).await.is_ok());
}

#[tokio::test]
async fn what_a_failed_build_said_last_holds_no_secret() {
    let driver = scripted(Some(Exit::Code { code: 1 }), &["Error: bad key sk-live-1234567890"]);
    let request = guarded(&[("API_KEY", "sk-live-1234567890")]);
    let error = build(&driver, request, &|_: bool, _: &str| {}, CancellationToken::new()).await.unwrap_err();
    assert!(error.problem().detail.ends_with("Error: bad key [hidden]"), "{}", error.problem().detail);
}
