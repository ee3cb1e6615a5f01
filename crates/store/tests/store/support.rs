//! A store in a temporary directory, and things to put into it.

use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use tempfile::TempDir;
use vitrine_model::app::App;
use vitrine_model::change::{self, TreeOp};
use vitrine_model::profile::{Profile, ProfileKind};
use vitrine_model::source::fixed::FixedClock;
use vitrine_model::source::{Clock as _, Entropy};
use vitrine_model::{AppId, FileEntry, FileMode, ProjectPath, Sha256, Timestamp, Tree};
use vitrine_store::{
    ChangeCause, ChangeCommit, DatabaseConfig, Draft, NewApp, ObjectsConfig, Scope, Store, StoreConfig,
    StoreError,
};

/// When every test begins.
pub(crate) const START_MILLIS: i64 = 1_763_718_000_000;

/// A store of its own, gone at the end of the test.
pub(crate) struct Fixture {
    pub(crate) dir: TempDir,
    pub(crate) clock: Arc<FixedClock>,
    pub(crate) entropy: Arc<Sequence>,
    pub(crate) store: Store,
    pub(crate) scope: Scope,
}

/// Bytes that never repeat, unlike a counter of one byte.
#[derive(Default)]
pub(crate) struct Sequence(AtomicU64);

impl Entropy for Sequence {
    fn fill(&self, bytes: &mut [u8]) {
        for chunk in bytes.chunks_mut(32) {
            let block = Sha256::of(&self.0.fetch_add(1, Ordering::Relaxed).to_be_bytes());
            chunk.copy_from_slice(&block.as_bytes()[..chunk.len()]);
        }
    }
}

impl Fixture {
    pub(crate) async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let clock = Arc::new(FixedClock::at_millis(START_MILLIS));
        let entropy = Arc::new(Sequence::default());
        let store = Store::open(config(&dir), clock.clone(), entropy.clone()).await.unwrap();
        let scope = store.default_scope().await.unwrap();
        Self { dir, clock, entropy, store, scope }
    }

    /// A second handle on the same files with nothing in memory, as after a restart.
    pub(crate) async fn reopened(&self) -> Store {
        self.try_reopen().await.unwrap()
    }

    pub(crate) async fn try_reopen(&self) -> Result<Store, StoreError> {
        Store::open(config(&self.dir), self.clock.clone(), self.entropy.clone()).await
    }

    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    pub(crate) async fn other_tenant(&self) -> Scope {
        self.store.named_scope("other", "owner").await.unwrap()
    }

    pub(crate) fn database(&self) -> PathBuf {
        self.dir.path().join("vitrine.db")
    }

    pub(crate) fn objects(&self) -> PathBuf {
        self.dir.path().join("objects")
    }

    /// An app with the given files.
    pub(crate) async fn app(&self, name: &str, files: &[(&str, &str)]) -> App {
        let contents = files.iter().map(|(_, text)| Bytes::copy_from_slice(text.as_bytes())).collect();
        self.store.put_blobs(&self.scope, contents).await.unwrap();
        self.store.create_app(&self.scope, new_app(name, tree(files))).await.unwrap()
    }

    /// Writes one file on top of what there is.
    pub(crate) async fn write(&self, app: &AppId, at: &str, text: &str) -> u64 {
        let draft = self.store.draft(&self.scope, app).await.unwrap();
        let ops = [put(at, text)];
        commit(&self.store, &self.scope, app, &draft, &ops, vec![Bytes::copy_from_slice(text.as_bytes())])
            .await
            .unwrap()
    }
}

fn config(dir: &TempDir) -> StoreConfig {
    StoreConfig {
        database: DatabaseConfig::Sqlite { path: dir.path().join("vitrine.db") },
        objects: ObjectsConfig::Local { dir: dir.path().join("objects") },
    }
}

/// Applies operations to a draft and stores the result.
pub(crate) async fn commit(
    store: &Store,
    scope: &Scope,
    app: &AppId,
    draft: &Draft,
    ops: &[TreeOp],
    blobs: Vec<Bytes>,
) -> Result<u64, StoreError> {
    let (next, effects) = change::apply(&draft.tree, ops).unwrap();
    let commit = ChangeCommit {
        expected_version: draft.version,
        tree: Arc::new(next),
        effects: &effects,
        ops,
        blobs,
        cause: ChangeCause::Person,
    };
    store.commit_change(scope, app, commit).await
}

pub(crate) fn new_app(name: &str, tree: Tree) -> NewApp {
    NewApp {
        name: name.to_owned(),
        slug: None,
        template: Some("chat-classic".to_owned()),
        profile: Profile::of(ProfileKind::Vite),
        profile_is_set: false,
        tree,
    }
}

pub(crate) fn path(text: &str) -> ProjectPath {
    ProjectPath::parse(text).unwrap()
}

pub(crate) fn entry(text: &str) -> FileEntry {
    FileEntry { sha256: Sha256::of(text.as_bytes()), size: text.len() as u64, mode: FileMode::Regular }
}

pub(crate) fn put(at: &str, text: &str) -> TreeOp {
    TreeOp::Put { path: path(at), entry: entry(text) }
}

pub(crate) fn tree(files: &[(&str, &str)]) -> Tree {
    files.iter().map(|(at, text)| (path(at), entry(text))).collect()
}

pub(crate) fn at_secs(secs: i64) -> Timestamp {
    Timestamp::from_millis(START_MILLIS).plus_secs(secs)
}
