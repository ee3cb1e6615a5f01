//! When versions were published: asked of the registry through the host's npm, and remembered for ever, because it
//! never changes.

use std::collections::{BTreeMap, HashMap};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::AsyncReadExt;
use tokio::sync::Semaphore;
use vitrine_model::{Sha256, Timestamp};

use super::Policy;
use super::lock::Lock;
use crate::profile::DetectedProfile;
use crate::registry::host_npm_env;
use crate::validate::packages::is_package_name;
use crate::{Files, RegistrySettings};

/// Questions to the registry at once; each is a process of npm.
const CONCURRENT: usize = 3;

/// How long one question may take.
const ANSWER: Duration = Duration::from_secs(20);

/// How long all questions of one project may take together; what is not known by then stays unknown.
const ALL: Duration = Duration::from_secs(60);

/// The largest answer: the times of every version of the most-published packages are a tenth of it.
const MAX_ANSWER_BYTES: u64 = 4 * 1024 * 1024;

/// Packages that one project may ask about; direct dependencies beyond it stay unknown.
const MAX_QUESTIONS: usize = 200;

/// Whether it is known when a version was published.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Published {
    /// At this time.
    Known(Timestamp),
    /// The registry was not asked or did not tell.
    Unknown,
}

/// What is known about packages; gathered before the check, which performs no IO.
pub trait PackageFacts: Sync {
    /// When this version was published.
    fn published_at(&self, name: &str, version: &str) -> Published;
    /// The time that ages are counted to.
    fn as_of(&self) -> Timestamp;
}

/// Facts about the packages of one project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GatheredFacts {
    as_of: Timestamp,
    times: HashMap<String, BTreeMap<String, Timestamp>>,
}

impl GatheredFacts {
    /// Nothing is known; every direct dependency's age is then told to be unknown.
    pub fn nothing(as_of: Timestamp) -> Self {
        Self { as_of, times: HashMap::new() }
    }
}

impl PackageFacts for GatheredFacts {
    fn published_at(&self, name: &str, version: &str) -> Published {
        let time = self.times.get(name).and_then(|versions| versions.get(version));
        time.map_or(Published::Unknown, |time| Published::Known(*time))
    }

    fn as_of(&self) -> Timestamp {
        self.as_of
    }
}

/// Why the store cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum FactError {
    /// Its directory cannot be made.
    #[error("the directory for package facts cannot be made: {0}")]
    Io(#[from] std::io::Error),
}

/// Asks the registry, and remembers its answers in a directory. Safe to use by several servers at once.
#[derive(Debug)]
pub struct FactStore {
    dir: PathBuf,
    npm: PathBuf,
    registry: RegistrySettings,
    turns: Semaphore,
}

/// One package's answer on disk. The name stands in it because the file is named by a hash.
#[derive(Serialize, Deserialize)]
struct Remembered {
    name: String,
    times: BTreeMap<String, Timestamp>,
}

impl FactStore {
    /// Remembers in `dir`, which is made; asks through the program `npm` of the host.
    pub fn open(
        dir: impl Into<PathBuf>,
        npm: impl Into<PathBuf>,
        registry: RegistrySettings,
    ) -> Result<Self, FactError> {
        let dir = dir.into();
        std::fs::create_dir_all(&dir)?;
        Ok(Self { dir, npm: npm.into(), registry, turns: Semaphore::new(CONCURRENT) })
    }

    /// What the policy needs to know about a project's packages. The registry is asked about direct dependencies that
    /// are not remembered; for all others, what earlier projects taught is used. Never fails: what cannot be found out
    /// stays unknown, and the log says why.
    pub async fn gather(
        &self,
        files: &Files,
        profile: &DetectedProfile,
        policy: &Policy,
        now: Timestamp,
    ) -> GatheredFacts {
        let nothing = GatheredFacts::nothing(now);
        let lock = profile.lockfile.as_ref().and_then(|path| Lock::read(path, files.get(path)?).ok());
        let Some(lock) = lock.filter(|_| policy.min_age_secs().is_some()) else {
            return nothing;
        };
        let dir = self.dir.clone();
        let names: Vec<String> = lock.packages.iter().map(|package| package.name.clone()).collect();
        let remembered = tokio::task::spawn_blocking(move || recall(&dir, names)).await;
        let mut facts = GatheredFacts { times: remembered.unwrap_or_default(), ..nothing };
        let direct =
            lock.direct.values().filter_map(|one| Some((one.name.as_str(), one.version.as_deref()?)));
        let missing =
            direct.filter(|(name, version)| facts.published_at(name, version) == Published::Unknown);
        let mut names: Vec<String> =
            missing.map(|(name, _)| name.to_owned()).filter(|name| is_package_name(name)).collect();
        names.sort_unstable();
        names.dedup();
        names.truncate(MAX_QUESTIONS);
        facts.times.extend(self.ask_all(names).await);
        facts
    }

    async fn ask_all(&self, names: Vec<String>) -> Vec<(String, BTreeMap<String, Timestamp>)> {
        let mut answers = Vec::new();
        let asking = async {
            // A chunk at a time: npm is a heavy process, and there is seldom more than a handful to ask.
            for chunk in names.chunks(CONCURRENT) {
                let questions = chunk.iter().map(|name| self.ask_and_remember(name));
                for (name, outcome) in chunk.iter().zip(crate::toolchain::join_all(questions).await) {
                    match outcome {
                        Ok(times) => answers.push((name.clone(), times)),
                        Err(reason) => {
                            tracing::warn!(package = name, reason, "publication times not found out")
                        }
                    }
                }
            }
        };
        if tokio::time::timeout(ALL, asking).await.is_err() {
            tracing::warn!("the registry took too long to tell publication times");
        }
        answers
    }

    async fn ask_and_remember(&self, name: &str) -> Result<BTreeMap<String, Timestamp>, String> {
        let _turn = self.turns.acquire().await.map_err(|error| error.to_string())?;
        let asked = tokio::time::timeout(ANSWER, self.ask(name)).await;
        let times = asked.map_err(|_| format!("no answer within {ANSWER:?}"))??;
        let (dir, name, kept) = (self.dir.clone(), name.to_owned(), times.clone());
        let remembered = tokio::task::spawn_blocking(move || remember(&dir, name, kept)).await;
        // An answer that cannot be kept is still an answer.
        if let Ok(Err(error)) = remembered {
            tracing::warn!(%error, "publication times could not be kept");
        }
        Ok(times)
    }

    /// Runs `npm view` in `/`, where no project's configuration lies. The name is a package's name and nothing else, so
    /// that npm cannot take it for an option, an address or a path.
    async fn ask(&self, name: &str) -> Result<BTreeMap<String, Timestamp>, String> {
        let mut command = tokio::process::Command::new(&self.npm);
        command.args([
            "view",
            "--json",
            "--loglevel=error",
            "--registry",
            &self.registry.url,
            "--",
            name,
            "time",
        ]);
        command.current_dir("/").env_clear().envs(host_npm_env());
        if let Some(bundle) = &self.registry.ca_bundle {
            command.env("NODE_EXTRA_CA_CERTS", bundle);
        }
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::null()).kill_on_drop(true);
        let mut child = command.spawn().map_err(|error| format!("npm could not be started: {error}"))?;
        let mut answer = Vec::new();
        if let Some(stdout) = child.stdout.take() {
            let read = stdout.take(MAX_ANSWER_BYTES).read_to_end(&mut answer).await;
            read.map_err(|error| error.to_string())?;
        }
        let status = child.wait().await.map_err(|error| error.to_string())?;
        match status.success() {
            true => parse_times(&answer),
            false => Err(format!("npm ended with {status}")),
        }
    }
}

/// npm's `time`: versions, and `created` and `modified` beside them.
fn parse_times(answer: &[u8]) -> Result<BTreeMap<String, Timestamp>, String> {
    let mut all: BTreeMap<String, serde_json::Value> =
        serde_json::from_slice(answer).map_err(|error| format!("npm's answer is not understood: {error}"))?;
    all.retain(|version, _| !matches!(version.as_str(), "created" | "modified" | "unpublished"));
    Ok(all
        .into_iter()
        .filter_map(|(version, time)| Some((version, serde_json::from_value(time).ok()?)))
        .collect())
}

fn file_of(dir: &Path, name: &str) -> PathBuf {
    dir.join(format!("{}.json", Sha256::of(name.as_bytes())))
}

fn recall(dir: &Path, names: Vec<String>) -> HashMap<String, BTreeMap<String, Timestamp>> {
    let read = |name: &str| {
        let content = std::fs::read(file_of(dir, name)).ok()?;
        let remembered: Remembered = serde_json::from_slice(&content).ok()?;
        (remembered.name == name).then_some(remembered.times)
    };
    names
        .into_iter()
        .filter_map(|name| Some((read(&name)?, name)))
        .map(|(times, name)| (name, times))
        .collect()
}

/// In place at once or not at all.
fn remember(dir: &Path, name: String, times: BTreeMap<String, Timestamp>) -> std::io::Result<()> {
    let path = file_of(dir, &name);
    let content = serde_json::to_vec(&Remembered { name, times })?;
    let mut file = tempfile::NamedTempFile::new_in(dir)?;
    std::io::Write::write_all(&mut file, &content)?;
    file.persist(path).map_err(|error| error.error)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use super::*;
    use crate::profile::detect;
    use vitrine_model::ProjectPath;

    const TIMES: &str = r#"{"created":"2020-01-01T00:00:00.000Z","modified":"2026-01-01T00:00:00.000Z","1.0.0":"2026-01-02T03:04:05.000Z"}"#;

    fn project() -> (Files, DetectedProfile) {
        let lock = r#"{"packages":{"":{"dependencies":{"a":"1.0.0"}},"node_modules/a":{"version":"1.0.0"},"node_modules/b":{"version":"1.0.0"}}}"#;
        let texts = [
            ("package.json", r#"{"dependencies":{"a":"1.0.0"},"scripts":{"dev":"x"}}"#),
            ("package-lock.json", lock),
        ];
        let files: Files =
            texts.into_iter().map(|(path, text)| (ProjectPath::parse(path).unwrap(), text.into())).collect();
        let profile = detect(&files, None).unwrap();
        (files, profile)
    }

    /// A program that answers as npm does and counts how often it is asked.
    fn fake_npm(dir: &Path, answer: &str, code: u8) -> PathBuf {
        let path = dir.join("npm");
        let log = dir.join("asked");
        std::fs::write(
            &path,
            format!("#!/bin/sh\necho \"$7\" >> {}\necho '{answer}'\nexit {code}\n", log.display()),
        )
        .unwrap();
        std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755)).unwrap();
        path
    }

    #[tokio::test]
    async fn direct_dependencies_are_asked_about_once_and_for_ever() {
        let dir = tempfile::tempdir().unwrap();
        let npm = fake_npm(dir.path(), TIMES, 0);
        let registry = RegistrySettings::parse("https://registry.example/").unwrap();
        let (files, profile) = project();
        let now = Timestamp::from_millis(0);
        for _ in 0..2 {
            let store = FactStore::open(dir.path().join("facts"), &npm, registry.clone()).unwrap();
            let facts = store.gather(&files, &profile, &Policy::default(), now).await;
            assert!(matches!(facts.published_at("a", "1.0.0"), Published::Known(_)));
            assert_eq!(facts.published_at("b", "1.0.0"), Published::Unknown);
        }
        assert_eq!(std::fs::read_to_string(dir.path().join("asked")).unwrap(), "a\n");
    }

    #[tokio::test]
    async fn what_cannot_be_found_out_is_unknown() {
        let dir = tempfile::tempdir().unwrap();
        let registry = RegistrySettings::parse("https://registry.example/").unwrap();
        let (files, profile) = project();
        for npm in [fake_npm(dir.path(), "{}", 1), dir.path().join("none")] {
            let store = FactStore::open(dir.path().join("facts"), npm, registry.clone()).unwrap();
            let facts = store.gather(&files, &profile, &Policy::default(), Timestamp::from_millis(0)).await;
            assert_eq!(facts.published_at("a", "1.0.0"), Published::Unknown);
        }
    }

    #[tokio::test]
    async fn strict_mode_asks_nobody() {
        let dir = tempfile::tempdir().unwrap();
        let npm = fake_npm(dir.path(), TIMES, 0);
        let registry = RegistrySettings::parse("https://registry.example/").unwrap();
        let (files, profile) = project();
        let store = FactStore::open(dir.path().join("facts"), npm, registry).unwrap();
        store.gather(&files, &profile, &Policy::Strict { catalogue: None }, Timestamp::from_millis(0)).await;
        assert!(!dir.path().join("asked").exists());
    }
}
