//! Builds for real: the templates as they are, and projects that want to break out of their build or break it.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use crate::support::{Fixture, TestEntropy, files, fixture, make};
use tokio_util::sync::CancellationToken;
use vitrine_build::Files;
use vitrine_build::guard::Guard;
use vitrine_build::layers::Layer;
use vitrine_build::pipeline::compare::compare;
use vitrine_build::pipeline::pack::{Effort, Packed, pack};
use vitrine_build::pipeline::{
    BuildError, BuildLimits, BuildPlan, BuildRequest, Built, ReachedLimit, build, plan,
};
use vitrine_build::profile::detect;
use vitrine_model::problem::Code;
use vitrine_model::profile::ProfileKind;
use vitrine_model::publish::BuildMode;
use vitrine_model::secret::SecretValue;
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::{Encoding, FileMode, ProjectPath, SandboxId, Sha256, Variant};
use vitrine_sandbox::Driver;
use vitrine_sandbox::driver::{CollectLimits, FilePut, OrphanReport, RefusalReason};

/// Puts whatever a build prints into one list.
type Lines = Arc<Mutex<Vec<String>>>;

async fn run(driver: &dyn Driver, request: BuildRequest) -> (Result<Built, BuildError>, Vec<String>) {
    let lines = Lines::default();
    let kept = lines.clone();
    let log = move |_: bool, text: &str| kept.lock().unwrap().push(text.to_owned());
    let mut outcome = build(driver, request, &log, CancellationToken::new()).await;
    if let Ok(built) = &mut outcome {
        built.ended().await;
    }
    let lines = lines.lock().unwrap().clone();
    (outcome, lines)
}

fn puts(files: &Files) -> Vec<FilePut> {
    let put = |(path, content): (&ProjectPath, &bytes::Bytes)| FilePut {
        path: path.clone(),
        mode: FileMode::Regular,
        content: content.clone(),
    };
    files.iter().map(put).collect()
}

fn fresh_id() -> SandboxId {
    SandboxId::mint(&FixedClock::at_millis(1), &TestEntropy)
}

// ── The templates ──────────────────────────────────────────────────────────────────────────────────────────────────

fn template(name: &str) -> Files {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../templates").join(name).join("project");
    let (mut files, mut folders) = (Files::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(Result::unwrap) {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
                continue;
            }
            let inside = entry.path().strip_prefix(&root).unwrap().to_str().unwrap().to_owned();
            if let Ok(path) = inside.parse() {
                files.insert(path, std::fs::read(entry.path()).unwrap().into());
            }
        }
    }
    files
}

async fn request(fixture: &Fixture, layer: &Layer, files: &Files, mode: BuildMode) -> BuildRequest {
    let detected = detect(files, None).unwrap();
    let plan = plan(&detected, files, mode).unwrap();
    BuildRequest {
        sandbox_id: fresh_id(),
        limits: BuildLimits::of(plan.profile),
        plan,
        files: puts(files),
        toolchain: fixture.store.toolchain(&detected).await.unwrap().dir,
        node_modules: Some(layer.node_modules.clone()),
        compile_cache: None,
        environment: BTreeMap::new(),
        guard: Default::default(),
    }
}

async fn packed(built: &Built) -> Packed {
    let nothing: BTreeMap<Sha256, BTreeMap<Encoding, Variant>> = BTreeMap::new();
    pack(&built.files, &built.inspection, &nothing, Effort::Quick).await.unwrap()
}

/// One after the other, so that the packages are installed once.
#[tokio::test(flavor = "multi_thread")]
async fn templates_build_and_their_faults_are_named() {
    let fixture = fixture().await;
    templates_build_to_the_same_artifact_every_time(&fixture).await;
    a_development_build_is_readable_and_a_type_error_stops_nothing(&fixture).await;
    a_broken_project_says_where(&fixture).await;
    assert_eq!(fixture.driver.remove_orphans().await.unwrap(), OrphanReport::default());
}

async fn templates_build_to_the_same_artifact_every_time(fixture: &Fixture) {
    for name in ["foundation", "baseline-landing"] {
        let files = template(name);
        let layer = fixture.layer(&files).await;
        let request = request(fixture, &layer, &files, BuildMode::Production).await;
        let (first, lines) = run(fixture.driver.as_ref(), request.clone()).await;
        let first = first.unwrap_or_else(|error| panic!("{name}: {error:?}\n{}", lines.join("\n")));
        assert!(first.inspection.warnings.is_empty(), "{name}: {:?}", first.inspection.warnings);
        let (second, lines) =
            run(fixture.driver.as_ref(), with_compile_cache(fixture, &layer, &files, request).await).await;
        let is_used = lines.iter().any(|line| line.contains("cache for") && line.contains("was accepted"));
        assert!(is_used, "{name}: {lines:?}");
        let (first_packed, second_packed) = (packed(&first).await, packed(&second.unwrap()).await);
        assert_eq!(compare(&first_packed.manifest, &second_packed.manifest), []);
        assert_eq!(first_packed.manifest, second_packed.manifest);
        let script = first_packed.manifest.files.iter().find(|(path, _)| path.extension() == Some("css"));
        assert_eq!(script.unwrap().1.variants.len(), 3);
        assert!(first.usage.cpu_micros > 0 && first.duration > Duration::ZERO);
    }
}

/// The same with the compiled tools, which Node.js is asked to tell of.
async fn with_compile_cache(
    fixture: &Fixture,
    layer: &Layer,
    files: &Files,
    request: BuildRequest,
) -> BuildRequest {
    let toolchain = fixture.store.toolchain(&detect(files, None).unwrap()).await.unwrap();
    fixture.store.make_compile_cache(layer, &toolchain).await.unwrap();
    let environment = [("NODE_DEBUG_NATIVE".to_owned(), SecretValue::new("COMPILE_CACHE".to_owned()))].into();
    let compile_cache = fixture.store.compile_cache_dir(layer, &toolchain);
    BuildRequest { compile_cache, environment, ..request }
}

async fn a_development_build_is_readable_and_a_type_error_stops_nothing(fixture: &Fixture) {
    let mut files = template("foundation");
    let layer = fixture.layer(&files).await;
    let wrong = "export const wrong: number = 'text';\nexport function veryReadableName() { return wrong; }\nconsole.log(veryReadableName());\n";
    let main: ProjectPath = "src/main.tsx".parse().unwrap();
    let with_error = [wrong.as_bytes(), &files[&main]].concat();
    files.insert(main, with_error.into());
    let vite = request(fixture, &layer, &files, BuildMode::Development).await;
    let (built, lines) = run(fixture.driver.as_ref(), vite).await;
    let built = built.unwrap_or_else(|error| panic!("{error:?}\n{}", lines.join("\n")));
    let script = built.files.iter().find(|(path, _)| path.extension() == Some("js")).unwrap();
    let text = String::from_utf8_lossy(script.1);
    assert!(text.contains("veryReadableName") && text.lines().count() > 1_000);
    assert!(built.files.keys().any(|path| path.as_str().ends_with(".js.map")));
    let files = template("baseline-landing");
    let layer = fixture.layer(&files).await;
    let astro = request(fixture, &layer, &files, BuildMode::Development).await;
    let (built, lines) = run(fixture.driver.as_ref(), astro).await;
    assert!(built.is_ok(), "{}", lines.join("\n"));
}

async fn a_broken_project_says_where(fixture: &Fixture) {
    let mut files = template("foundation");
    let layer = fixture.layer(&files).await;
    files.insert("src/App.tsx".parse().unwrap(), "export function App() {\n  return <div>\n}\n".into());
    let broken = request(fixture, &layer, &files, BuildMode::Production).await;
    let (outcome, lines) = run(fixture.driver.as_ref(), broken).await;
    let problem = outcome.unwrap_err().problem();
    assert_eq!(problem.code, Code::BuildFailed, "{problem:?}");
    assert_eq!(problem.errors[0].path.as_deref(), Some("src/App.tsx"), "{problem:?}\n{}", lines.join("\n"));
    assert!(problem.errors[0].line.is_some());

    files = template("foundation");
    files.insert(
        "src/App.tsx".parse().unwrap(),
        "import x from 'not-installed';\nexport const App = () => x;\n".into(),
    );
    let broken = request(fixture, &layer, &files, BuildMode::Production).await;
    let problem = run(fixture.driver.as_ref(), broken).await.0.unwrap_err().problem();
    assert!(problem.detail.contains("not-installed"), "{problem:?}");
    let mut without = request(fixture, &layer, &template("foundation"), BuildMode::Production).await;
    without.node_modules = None;
    let error = run(fixture.driver.as_ref(), without).await.0.unwrap_err();
    assert!(matches!(error, BuildError::ToolMissing { package } if package == "vite"));
}

// ── Projects that mean no good ─────────────────────────────────────────────────────────────────────────────────────

/// A driver and a toolchain with nothing in it: these builds are shell scripts.
struct Yard {
    dir: tempfile::TempDir,
    driver: Arc<dyn Driver>,
    toolchain: PathBuf,
}

impl Yard {
    async fn open() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let driver = make(dir.path());
        driver.remove_orphans().await.unwrap();
        let toolchain = dir.path().join("toolchain");
        std::fs::create_dir(&toolchain).unwrap();
        Self { dir, driver, toolchain }
    }

    fn request(&self, script: &str) -> BuildRequest {
        let command = ["sh", "-c", script].map(str::to_owned).to_vec();
        BuildRequest {
            sandbox_id: fresh_id(),
            plan: BuildPlan {
                command,
                output: "dist".to_owned(),
                mode: BuildMode::Production,
                profile: ProfileKind::Custom,
            },
            files: puts(&files(&[("package.json", "{}"), ("src/main.js", "1")])),
            toolchain: self.toolchain.clone(),
            node_modules: None,
            compile_cache: None,
            environment: BTreeMap::new(),
            guard: Default::default(),
            limits: BuildLimits {
                memory_bytes: 128 << 20,
                memory_max_bytes: 128 << 20,
                pids: 64,
                disk_bytes: 32 << 20,
                wall: Duration::from_secs(20),
                output: CollectLimits { files: 100, file_bytes: 1 << 20, total_bytes: 4 << 20 },
                ..BuildLimits::of(ProfileKind::Custom)
            },
        }
    }

    async fn run(&self, script: &str) -> (Result<Built, BuildError>, Vec<String>) {
        run(self.driver.as_ref(), self.request(script)).await
    }

    async fn refuses(&self, script: &str) -> BuildError {
        let (outcome, lines) = self.run(script).await;
        outcome.err().unwrap_or_else(|| panic!("{script}\n{}", lines.join("\n")))
    }

    /// Nothing is left: no process, no control group, no directory.
    async fn is_clean(&self) {
        assert_eq!(self.driver.remove_orphans().await.unwrap(), OrphanReport::default());
        assert!(self.dir.path().exists());
    }
}

/// Gives a secret to a build.
fn give(request: &mut BuildRequest, name: &str, value: &str) {
    let value = SecretValue::new(value.to_owned());
    request.guard = Arc::new(Guard::new([(name, &value)]));
    request.environment = BTreeMap::from([(name.to_owned(), value)]);
}

const SITE: &str = "mkdir -p dist && echo '<p>hi' > dist/index.html";

#[tokio::test(flavor = "multi_thread")]
async fn a_build_sees_what_it_is_given_and_nothing_else() {
    let yard = Yard::open().await;
    let mut request =
        yard.request(&format!("{SITE} && env | sort && ls -A /opt/toolchain && cat src/main.js"));
    give(&mut request, "VITE_KEY", "secret-value");
    let (built, lines) = run(yard.driver.as_ref(), request).await;
    let built = built.unwrap();
    assert_eq!(built.files.keys().map(ProjectPath::as_str).collect::<Vec<_>>(), ["index.html"]);
    let names: Vec<_> = lines.iter().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    let expected = [
        "ASTRO_TELEMETRY_DISABLED",
        "CI",
        "DO_NOT_TRACK",
        "FORCE_COLOR",
        "HOME",
        "LANG",
        "NEXT_TELEMETRY_DISABLED",
        "NODE_DISABLE_COMPILE_CACHE",
        "NODE_ENV",
        "NODE_OPTIONS",
        "NO_COLOR",
        "PATH",
        "PWD",
        "SOURCE_DATE_EPOCH",
        "TMPDIR",
        "TZ",
        "VITE_KEY",
        "npm_config_cache",
        "npm_config_update_notifier",
    ];
    assert_eq!(names, expected);
    assert!(lines.contains(&"VITE_KEY=[hidden]".to_owned()));
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_real_build_may_use_its_secret_and_neither_print_nor_bundle_it() {
    const VALUE: &str = "sk-live-5f2c9e81d7";
    let yard = Yard::open().await;
    for (script, leaks) in [
        ("test ${#API_KEY} = 18 && echo key $API_KEY", None),
        ("echo \"key='$API_KEY'\" > dist/app.js", Some("app.js")),
        (
            "mkdir dist/a && echo \"{\\\"sources\\\":[\\\"k=$API_KEY\\\"]}\" > dist/a/app.js.map",
            Some("a/app.js.map"),
        ),
    ] {
        let mut request = yard.request(&format!("{SITE} && {script}"));
        give(&mut request, "API_KEY", VALUE);
        let (outcome, lines) = run(yard.driver.as_ref(), request).await;
        match (outcome, leaks) {
            (Ok(_), None) => assert_eq!(lines, ["key [hidden]"]),
            (Err(BuildError::SecretInOutput { leaks }), Some(path)) => assert_eq!(leaks[0].path, path),
            (outcome, _) => panic!("{script}: {:?} {lines:?}", outcome.err()),
        }
    }
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn success_without_a_site_is_no_success() {
    let yard = Yard::open().await;
    assert!(matches!(yard.refuses("true").await, BuildError::NoPage { .. }));
    assert!(matches!(yard.refuses("mkdir dist").await, BuildError::NoPage { elsewhere: None, .. }));
    let elsewhere = yard.refuses("mkdir -p dist/client; echo > dist/client/index.html").await;
    assert!(elsewhere.problem().detail.contains("`dist/client`"));
    let missing =
        yard.refuses("mkdir dist; echo '<script src=/assets/a.js></script>' > dist/index.html").await;
    let problem = missing.problem();
    assert_eq!((problem.code, problem.errors.len()), (Code::BuildIncomplete, 1));
    let failed = yard.refuses(&format!("{SITE}; echo 'src/main.js:1:1: error: no' >&2; exit 3")).await;
    assert_eq!(failed.problem().errors[0].path.as_deref(), Some("src/main.js"));
    let unknown = {
        let mut request = yard.request("");
        request.plan.command = vec!["no-such-tool".to_owned()];
        run(yard.driver.as_ref(), request).await.0.unwrap_err()
    };
    assert!(unknown.problem().detail.contains("no-such-tool"), "{unknown:?}");
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn output_that_is_not_plain_files_is_refused_by_name() {
    let yard = Yard::open().await;
    for (script, path, reason) in [
        ("ln -s /etc/passwd dist/passwd", "dist/passwd", Some(RefusalReason::Link)),
        ("ln -s index.html dist/copy.html", "dist/copy.html", Some(RefusalReason::Link)),
        ("mv dist other; ln -s other dist", "dist", Some(RefusalReason::Link)),
        ("mkdir dist/a; ln -s /proc dist/a/proc", "dist/a/proc", Some(RefusalReason::Link)),
        ("echo > 'dist/two\nlines'", "dist/two\u{fffd}lines", None),
        ("head -c 2000000 /dev/zero > dist/large", "dist/large", Some(RefusalReason::FileTooLarge(1 << 20))),
        (
            "for n in 1 2 3 4 5; do head -c 1000000 /dev/zero > dist/$n; done",
            "dist",
            Some(RefusalReason::TooManyBytes(4 << 20)),
        ),
    ] {
        let error = yard.refuses(&format!("{SITE}; {script}")).await;
        let BuildError::OutputRefused { refused } = &error else { panic!("{script}: {error:?}") };
        assert_eq!((refused.len(), refused[0].path.as_str()), (1, path), "{script}");
        assert!(reason.is_none_or(|reason| reason == refused[0].reason), "{script}: {refused:?}");
        assert_eq!(error.problem().code, Code::BuildOutputRefused);
    }
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_without_end_is_ended_with_everything_it_started() {
    let yard = Yard::open().await;
    let mut request = yard.request("(trap '' TERM; sleep 1000) & while :; do :; done");
    request.limits.wall = Duration::from_millis(300);
    let error = run(yard.driver.as_ref(), request).await.0.unwrap_err();
    assert_eq!(error.problem().code, Code::PublishTimedOut);
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_cancelled_build_is_gone_when_that_is_answered() {
    let yard = Yard::open().await;
    let (begun, has_begun) = tokio::sync::oneshot::channel();
    let begun = Mutex::new(Some(begun));
    let log = move |_: bool, _: &str| {
        let _ = begun.lock().unwrap().take().map(|begun| begun.send(()));
    };
    let cancel = CancellationToken::new();
    let request = yard.request("echo begun; sleep 1000 & sleep 1000");
    let id = request.sandbox_id.clone();
    let building = build(yard.driver.as_ref(), request, &log, cancel.clone());
    let (outcome, ()) = tokio::join!(building, async {
        has_begun.await.unwrap();
        cancel.cancel();
    });
    assert!(matches!(outcome, Err(BuildError::Cancelled)));
    yard.is_clean().await;
    // Its name is free.
    let request = BuildRequest { sandbox_id: id, ..yard.request(SITE) };
    assert!(run(yard.driver.as_ref(), request).await.0.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn limits_are_told_apart_and_hold() {
    let yard = Yard::open().await;
    let full = yard.refuses("mkdir dist; head -c 100000000 /dev/zero > dist/big || exit 1").await;
    assert!(matches!(full, BuildError::Limit(ReachedLimit::Disk(_))), "{full:?}");
    let bomb = yard.refuses("b() { b | b & b; }; b; wait; exit 1").await;
    assert!(matches!(bomb, BuildError::Limit(ReachedLimit::Processes(64))), "{bomb:?}");
    let hog = yard.refuses("exec tail /dev/zero").await;
    assert!(matches!(hog, BuildError::Limit(ReachedLimit::Memory(_))), "{hog:?}");
    assert_eq!(hog.problem().code, Code::SandboxLimit);
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_build_that_needs_more_memory_gets_it_once() {
    let yard = Yard::open().await;
    let mut request =
        yard.request(&format!("head -c 200000000 /dev/zero | tail -c 180000000 > /dev/null && {SITE}"));
    request.limits.memory_max_bytes = 512 << 20;
    request.limits.memory_bytes = 256 << 20;
    let mut small = request.clone();
    small.limits.memory_bytes = 128 << 20;
    small.limits.memory_max_bytes = 256 << 20;
    let (built, lines) = run(yard.driver.as_ref(), small).await;
    assert_eq!(built.unwrap().needed_memory_bytes, Some(256 << 20), "{lines:?}");
    assert!(lines.iter().any(|line| line.contains("it starts anew with 256 MiB")));
    let (built, _) = run(yard.driver.as_ref(), request).await;
    assert_eq!(built.unwrap().needed_memory_bytes, None);
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_flood_of_output_costs_nothing_but_its_own_log() {
    let yard = Yard::open().await;
    let script =
        format!("{SITE}; head -c 50000000 /dev/zero | tr '\\0' 'x'; yes | head -n 3000000; echo the end");
    let (built, lines) = yard.run(&script).await;
    assert!(built.is_ok());
    let bytes: usize = lines.iter().map(String::len).sum();
    assert!(bytes < 2 << 20, "{bytes}");
    assert!(lines.iter().any(|line| line.contains("lines are left out")));
    yard.is_clean().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn there_is_no_network() {
    let yard = Yard::open().await;
    let interfaces = format!(
        "{SITE}; cat /proc/net/dev /proc/net/route | grep -v '|' | grep -v Iface | grep -v lo: && exit 9; true"
    );
    let (built, lines) = yard.run(&interfaces).await;
    assert!(built.is_ok(), "{lines:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn static_files_are_published_as_they_are_but_for_the_tools_own() {
    let yard = Yard::open().await;
    let site = files(&[
        ("index.html", "<img src=pic.png>"),
        ("pic.png", "x"),
        ("package.json", "{}"),
        ("package-lock.json", "{}"),
        (".env", "KEY=1"),
        (".github/workflows/x.yml", ""),
        (".well-known/security.txt", "x"),
        ("docs/package.json", "{}"),
    ]);
    let detected = detect(&site, None).unwrap();
    let request = BuildRequest {
        plan: plan(&detected, &site, BuildMode::Production).unwrap(),
        files: puts(&site),
        ..yard.request("")
    };
    let built = run(yard.driver.as_ref(), request).await.0.unwrap();
    let names: Vec<_> = built.files.keys().map(ProjectPath::as_str).collect();
    assert_eq!(names, [".well-known/security.txt", "docs/package.json", "index.html", "pic.png"]);
}
