//! Drafts: change sets from their wire form to the store and, side by side, to the preview.

use std::collections::HashMap;
use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use moka::sync::Cache;
use vitrine_model::change::{self, ChangeError, EditError, Effects, Op, TreeOp};
use vitrine_model::tree::{FileEntry, FileMode};
use vitrine_model::{AppId, ProjectPath, RevisionId, Sha256, Tree};
use vitrine_store::{ChangeCause, ChangeCommit, Direction, Draft, Scope, Store, StoreError};

use crate::channels::{Author, Channels};
use crate::sessions::{Delivery, Sessions};

/// Applies change sets to drafts; one at a time per app.
#[derive(Clone)]
pub(crate) struct Drafts {
    store: Store,
    sessions: Sessions,
    /// Whoever has the app open is told of every change, wherever it comes from.
    channels: Channels,
    /// One lock per app that is being changed; an entry nobody holds costs nothing to lose.
    locks: Cache<AppId, Arc<tokio::sync::Mutex<()>>>,
}

/// How many apps can be changed at once before locks of idle ones are forgotten.
const LOCKS: u64 = 100_000;

/// A change set as a client sends it.
#[derive(Debug)]
pub(crate) struct ChangeRequest {
    /// The version that the client last saw; absent means "whatever there is".
    pub(crate) base_version: Option<u64>,
    /// Applied in order; all or none.
    pub(crate) ops: Vec<Op>,
    /// Who others are told it is from.
    pub(crate) author: Author,
}

/// What a change set did.
#[derive(Debug)]
pub(crate) struct Committed {
    /// The draft's version now.
    pub(crate) version: u64,
    /// How many files changed.
    pub(crate) applied: usize,
    /// Its way to the preview, when there is one.
    pub(crate) delivery: Option<Delivery>,
}

/// Why a change set was refused; the draft is as it was.
#[derive(Debug, thiserror::Error)]
pub(crate) enum DraftError {
    #[error("the draft is at version {latest}")]
    Conflict { latest: u64, paths: Vec<ProjectPath> },
    #[error("operation {index} on `{path}`: {reason}")]
    InvalidContent { index: usize, path: ProjectPath, reason: &'static str },
    #[error("`{path}` is not the file the edit was made for")]
    StaleEdit { path: ProjectPath },
    #[error("edit {index} of `{path}`: {error}")]
    BadEdit { path: ProjectPath, index: usize, error: EditError },
    #[error(transparent)]
    Change(#[from] ChangeError),
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl Drafts {
    pub(crate) fn new(store: Store, sessions: Sessions) -> Self {
        let channels = sessions.channels().clone();
        Self { store, sessions, channels, locks: Cache::new(LOCKS) }
    }

    /// The rooms of apps.
    pub(crate) fn channels(&self) -> &Channels {
        &self.channels
    }

    /// Applies what a client sent.
    pub(crate) async fn apply(
        &self,
        scope: &Scope,
        app: &AppId,
        request: ChangeRequest,
    ) -> Result<Committed, DraftError> {
        let ChangeRequest { base_version, ops, author } = request;
        let lock = self.locks.get_with(app.clone(), Arc::default);
        let _changing = lock.lock().await;
        let draft = self.store.draft(scope, app).await?;
        if base_version.is_some_and(|base| base != draft.version) {
            return Err(self.conflict(scope, app, base_version.unwrap_or(0), &draft).await?);
        }
        let resolved = self.resolve(scope, &draft.tree, ops).await?;
        let (next, effects) = change::apply(&draft.tree, &resolved.ops)?;
        let cause = ChangeCause::Person;
        let change = Change { ops: resolved.ops, next: Arc::new(next), effects, cause, author };
        self.commit(scope, app, &draft, change, resolved.contents).await
    }

    /// Replaces files with content of our own making, such as a lockfile that an installation resolved.
    pub(crate) async fn put_files(
        &self,
        scope: &Scope,
        app: &AppId,
        files: Vec<(ProjectPath, Bytes)>,
        cause: ChangeCause,
    ) -> Result<Committed, DraftError> {
        let lock = self.locks.get_with(app.clone(), Arc::default);
        let _changing = lock.lock().await;
        let draft = self.store.draft(scope, app).await?;
        let mut contents = Contents::new();
        let ops: Vec<_> =
            files.into_iter().map(|(path, bytes)| put_op(&mut contents, path, bytes, None)).collect();
        let (next, effects) = change::apply(&draft.tree, &ops)?;
        let change = Change { ops, next: Arc::new(next), effects, cause, author: Author::default() };
        self.commit(scope, app, &draft, change, contents).await
    }

    /// Makes the draft hold exactly `tree`, whose content is stored already. What it held stays a revision.
    pub(crate) async fn replace_tree(
        &self,
        scope: &Scope,
        app: &AppId,
        tree: &Tree,
        (cause, author): (ChangeCause, Author),
    ) -> Result<Committed, DraftError> {
        let lock = self.locks.get_with(app.clone(), Arc::default);
        let _changing = lock.lock().await;
        // Going back loses nothing: what the draft holds can be gone back to.
        self.store.create_revision(scope, app, None).await?;
        self.put_tree(scope, app, tree, (cause, author)).await
    }

    /// Goes a step back or forth among the app's revisions; `None` when that leads nowhere. What the draft held stays a revision.
    pub(crate) async fn walk(
        &self,
        scope: &Scope,
        app: &AppId,
        direction: Direction,
        author: Author,
    ) -> Result<Option<(Committed, RevisionId)>, DraftError> {
        let lock = self.locks.get_with(app.clone(), Arc::default);
        let _changing = lock.lock().await;
        let Some(step) = self.store.step(scope, app, direction).await? else { return Ok(None) };
        let cause = ChangeCause::Walk(step.walk);
        let done = self.put_tree(scope, app, &step.tree, (cause, author)).await?;
        Ok(Some((done, step.revision)))
    }

    /// For whoever holds the app's lock.
    async fn put_tree(
        &self,
        scope: &Scope,
        app: &AppId,
        tree: &Tree,
        (cause, author): (ChangeCause, Author),
    ) -> Result<Committed, DraftError> {
        let draft = self.store.draft(scope, app).await?;
        let diff = tree.diff(&draft.tree);
        let removals = diff.removed.into_iter().map(|path| TreeOp::Delete { path });
        let puts = diff.put.into_iter().filter_map(|path| {
            let entry = *tree.get(path.as_str())?;
            Some(TreeOp::Put { path, entry })
        });
        let ops: Vec<_> = removals.chain(puts).collect();
        if ops.is_empty() {
            return Ok(Committed { version: draft.version, applied: 0, delivery: None });
        }
        let (next, effects) = change::apply(&draft.tree, &ops)?;
        let change = Change { ops, next: Arc::new(next), effects, cause, author };
        self.commit(scope, app, &draft, change, Contents::new()).await
    }

    /// Delivery to the preview starts before the commit and does not wait for it. Should the commit fail, the preview is
    /// told what the draft really holds, and goes back to that.
    async fn commit(
        &self,
        scope: &Scope,
        app: &AppId,
        draft: &Draft,
        change: Change,
        contents: Contents,
    ) -> Result<Committed, DraftError> {
        if change.effects.is_empty() {
            return Ok(Committed { version: draft.version, applied: 0, delivery: None });
        }
        let applied = change.effects.put.len() + change.effects.removed.len();
        let next = Draft { version: draft.version + 1, tree: change.next.clone() };
        let is_install = matches!(change.cause, ChangeCause::Install);
        let delivery = self.sessions.deliver(app, next, contents.clone(), is_install);
        let blobs = contents.into_values().collect();
        let commit = ChangeCommit {
            expected_version: draft.version,
            tree: change.next,
            effects: &change.effects,
            ops: &change.ops,
            blobs,
            cause: change.cause,
        };
        match self.store.commit_change(scope, app, commit).await {
            Ok(version) => {
                self.channels.drafted(app, version, &change.effects, change.author);
                Ok(Committed { version, applied, delivery })
            }
            Err(error) => {
                if let Ok(actual) = self.store.draft(scope, app).await {
                    self.sessions.deliver(app, actual, Contents::new(), is_install);
                }
                Err(error.into())
            }
        }
    }

    async fn conflict(
        &self,
        scope: &Scope,
        app: &AppId,
        base: u64,
        draft: &Draft,
    ) -> Result<DraftError, StoreError> {
        let paths = self.store.paths_changed_since(scope, app, base).await?;
        let paths = paths.map(|paths| paths.into_iter().collect()).unwrap_or_default();
        Ok(DraftError::Conflict { latest: draft.version, paths })
    }

    /// Turns wire operations into tree operations. Edits and writes of one file in one change set build on each other.
    async fn resolve(&self, scope: &Scope, tree: &Tree, ops: Vec<Op>) -> Result<Resolved, DraftError> {
        let mut resolved = Resolved::default();
        let mut shadow = tree.clone();
        for (index, op) in ops.into_iter().enumerate() {
            let op = match op {
                Op::Delete { path } => TreeOp::Delete { path },
                Op::Rename { from, to } => TreeOp::Rename { from, to },
                Op::Edit { path, sha256, edits } => {
                    let bytes =
                        self.edited(scope, &shadow, &resolved.contents, &path, (sha256, &edits)).await?;
                    let mode = shadow.get(path.as_str()).map(|entry| entry.mode);
                    put_op(&mut resolved.contents, path, bytes, mode)
                }
                Op::Write { path, text, base64, sha256, mode } => {
                    let mode = mode.or_else(|| shadow.get(path.as_str()).map(|entry| entry.mode));
                    match decode(index, &path, text, base64, sha256)? {
                        Content::Bytes(bytes) => put_op(&mut resolved.contents, path, bytes, mode),
                        Content::Hash(hash) => {
                            let size = self.known_size(scope, tree, &hash).await?;
                            let entry = FileEntry { sha256: hash, size, mode: mode.unwrap_or_default() };
                            TreeOp::Put { path, entry }
                        }
                    }
                }
            };
            shadow_op(&mut shadow, &op);
            resolved.ops.push(op);
        }
        Ok(resolved)
    }

    async fn edited(
        &self,
        scope: &Scope,
        tree: &Tree,
        contents: &Contents,
        path: &ProjectPath,
        (expected, edits): (Sha256, &[change::TextEdit]),
    ) -> Result<Bytes, DraftError> {
        let current = tree.get(path.as_str()).filter(|entry| entry.sha256 == expected);
        let hash = current.ok_or_else(|| DraftError::StaleEdit { path: path.clone() })?.sha256;
        let bytes = match contents.get(&hash) {
            Some(bytes) => bytes.clone(),
            None => self.store.blob(scope, &hash).await?,
        };
        let invalid =
            DraftError::InvalidContent { index: 0, path: path.clone(), reason: "the file is not text" };
        let text = std::str::from_utf8(&bytes).map_err(|_| invalid)?;
        let edited = change::apply_edits(text, edits);
        edited.map(Bytes::from).map_err(|(index, error)| DraftError::BadEdit {
            path: path.clone(),
            index,
            error,
        })
    }

    async fn known_size(&self, scope: &Scope, tree: &Tree, hash: &Sha256) -> Result<u64, StoreError> {
        match tree.iter().find(|(_, entry)| entry.sha256 == *hash) {
            Some((_, entry)) => Ok(entry.size),
            None => self.store.blob_size(scope, hash).await,
        }
    }
}

/// Content that comes with a change set, by hash.
pub(crate) type Contents = HashMap<Sha256, Bytes>;

struct Change {
    ops: Vec<TreeOp>,
    next: Arc<Tree>,
    effects: Effects,
    cause: ChangeCause,
    author: Author,
}

#[derive(Default)]
struct Resolved {
    ops: Vec<TreeOp>,
    contents: Contents,
}

enum Content {
    Bytes(Bytes),
    Hash(Sha256),
}

fn decode(
    index: usize,
    path: &ProjectPath,
    text: Option<String>,
    base64: Option<String>,
    sha256: Option<Sha256>,
) -> Result<Content, DraftError> {
    let invalid = |reason| DraftError::InvalidContent { index, path: path.clone(), reason };
    match (text, base64, sha256) {
        (Some(text), None, None) => Ok(Content::Bytes(text.into())),
        (None, Some(base64), None) => {
            let bytes = STANDARD.decode(base64).map_err(|_| invalid("`base64` is not standard base 64"))?;
            Ok(Content::Bytes(bytes.into()))
        }
        (None, None, Some(hash)) => Ok(Content::Hash(hash)),
        _ => Err(invalid("give exactly one of `text`, `base64` and `sha256`")),
    }
}

fn put_op(contents: &mut Contents, path: ProjectPath, bytes: Bytes, mode: Option<FileMode>) -> TreeOp {
    let sha256 = Sha256::of(&bytes);
    let entry = FileEntry { sha256, size: bytes.len() as u64, mode: mode.unwrap_or_default() };
    contents.insert(sha256, bytes);
    TreeOp::Put { path, entry }
}

/// Follows the operations far enough to know what a later edit is made against; [`change::apply`] is what judges them.
fn shadow_op(tree: &mut Tree, op: &TreeOp) {
    match op {
        TreeOp::Put { path, entry } => {
            tree.insert(path.clone(), *entry);
        }
        TreeOp::Delete { path } => {
            tree.remove(path.as_str());
        }
        TreeOp::Rename { from, to } => {
            if let Some(entry) = tree.remove(from.as_str()) {
                tree.insert(to.clone(), entry);
            }
        }
    }
}
