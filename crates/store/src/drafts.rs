//! Drafts: a log of change sets with a tree, moved on by compare-and-set.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use bytes::Bytes;
use moka::future::Cache;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use vitrine_model::change::{Effects, TreeOp};
use vitrine_model::{AppId, ProjectPath, Sha256, Tree};

use crate::apps::{find_app, lock_app};
use crate::blob_staging::{STAGINGS, hashed};
use crate::codec::{corrupt, hash, pack, signed, unpack, unsigned};
use crate::deltas;
use crate::entity::{apps, change_sets};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use crate::trees::weight;
use crate::walks::{self, Walk};

/// Files in all cached drafts; drafts that nobody changed share their tree.
const CACHED_FILES: u64 = 300_000;

/// The most change sets read to say what changed; a client further behind reads the whole draft instead.
const MOST_CHANGES_READ: u64 = 500;

/// A draft at one version.
#[derive(Debug, Clone)]
pub struct Draft {
    /// Grows by one per change set, from 1.
    pub version: u64,
    /// Its files.
    pub tree: Arc<Tree>,
}

/// A change set that has been applied to a tree and is to be stored.
#[derive(Debug)]
pub struct ChangeCommit<'a> {
    /// The version it was applied to.
    pub expected_version: u64,
    /// The tree of that version with the change set applied; checked by its caller.
    pub tree: Arc<Tree>,
    /// How that tree differs from the one before.
    pub effects: &'a Effects,
    /// The operations, for the log.
    pub ops: &'a [TreeOp],
    /// Content that comes with it, stored in the same transaction.
    pub blobs: Vec<Bytes>,
    /// Why it happens.
    pub cause: ChangeCause,
}

/// Why a draft changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ChangeCause {
    /// A person, or a tool on their behalf.
    Person,
    /// An installation resolved a lockfile.
    Install,
    /// The draft goes back to a revision.
    Restore,
    /// Files come from an archive or a folder.
    Import,
    /// The draft is undone or redone, and stands here then.
    Walk(Walk),
}

impl ChangeCause {
    fn as_str(self) -> &'static str {
        match self {
            Self::Person => "person",
            Self::Install => "install",
            Self::Restore => "restore",
            Self::Import => "import",
            Self::Walk(_) => "walk",
        }
    }
}

/// A cache for drafts.
pub(crate) fn cache() -> Cache<AppId, Draft> {
    Cache::builder().max_capacity(CACHED_FILES).weigher(|_, draft: &Draft| weight(&draft.tree)).build()
}

impl Store {
    /// The draft as it is now: one look at its version when it is in memory.
    pub async fn draft(&self, scope: &Scope, app: &AppId) -> Result<Draft, StoreError> {
        let row = find_app(self.0.db.reader(), scope, app).await?;
        if let Some(draft) = self.cached_draft(app, &row).await? {
            return Ok(draft);
        }
        // Base tree and deltas of two moments make no draft.
        let snapshot = self.0.db.snapshot().await?;
        let row = find_app(&snapshot, scope, app).await?;
        let draft = self.load_draft(&snapshot, app, &row).await?;
        snapshot.commit().await?;
        Ok(draft)
    }

    /// Stores a change set: content, log, files and version in one transaction, durable when this returns the new version.
    /// [`StoreError::VersionConflict`] when the draft is not at the expected version; of several calls at once for one
    /// version exactly one succeeds. [`StoreError::MissingBlobs`] when a file's content is neither in the change set nor
    /// stored by the tenant before. After an error, everything is as it was.
    pub async fn commit_change(
        &self,
        scope: &Scope,
        app: &AppId,
        commit: ChangeCommit<'_>,
    ) -> Result<u64, StoreError> {
        let contents = hashed(&commit.blobs).await;
        for _ in 0..STAGINGS {
            match self.try_commit(scope, app, &commit, contents.clone()).await {
                Err(StoreError::ObjectLeaving) => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::ObjectLeaving)
    }

    async fn try_commit(
        &self,
        scope: &Scope,
        app: &AppId,
        commit: &ChangeCommit<'_>,
        contents: BTreeMap<Sha256, Bytes>,
    ) -> Result<u64, StoreError> {
        // Before anything is uploaded for a change that cannot succeed.
        check_version(&find_app(self.0.db.reader(), scope, app).await?, commit.expected_version)?;
        let mut staged = self.stage(contents).await?;
        self.require(scope, commit.effects.put.values().map(|entry| entry.sha256), &mut staged).await?;
        let ops = serde_json::to_vec(commit.ops).map_err(|_| corrupt("a change set"))?;

        let tx = self.begin().await?;
        let row = lock_app(&tx, scope, app).await?;
        check_version(&row, commit.expected_version)?;
        let version = commit.expected_version + 1;
        self.write_staged(&tx, scope, &staged).await?;
        let place = self.write_files(&tx, &row, commit).await?;
        self.write_log(&tx, scope, app, (version, commit.cause, &ops)).await?;
        if let ChangeCause::Walk(walk) = commit.cause {
            walks::stand(&tx, app, walk).await?;
        }
        apps::ActiveModel {
            version: Set(signed(version)),
            base_tree: Set(place.base_tree),
            delta_bound: Set(place.delta_bound),
            file_count: Set(signed(commit.tree.len() as u64)),
            size_bytes: Set(signed(commit.tree.size_bytes())),
            updated_at: Set(self.now().as_millis()),
            ..unchanged(&row)
        }
        .update_without_returning(&tx)
        .await?;
        tx.commit().await?;

        self.keep_staged(scope, staged).await;
        self.0.drafts.insert(app.clone(), Draft { version, tree: commit.tree.clone() }).await;
        Ok(version)
    }

    /// Every path that change sets after `version` touched. `None` when that cannot be told: the draft was never at
    /// `version`, or that is too long ago.
    pub async fn paths_changed_since(
        &self,
        scope: &Scope,
        app: &AppId,
        version: u64,
    ) -> Result<Option<BTreeSet<ProjectPath>>, StoreError> {
        let latest = unsigned(find_app(self.0.db.reader(), scope, app).await?.version)?;
        if version == 0 || version > latest || latest - version > MOST_CHANGES_READ {
            return Ok(None);
        }
        let rows: Vec<Vec<u8>> = change_sets::Entity::find()
            .select_only()
            .column(change_sets::Column::Ops)
            .filter(change_sets::Column::AppId.eq(app.as_str()))
            .filter(change_sets::Column::Version.gt(signed(version)))
            .order_by_asc(change_sets::Column::Version)
            .into_tuple()
            .all(self.0.db.reader())
            .await?;
        let mut paths = BTreeSet::new();
        for row in rows {
            let ops: Vec<TreeOp> =
                serde_json::from_slice(&unpack(&row)?).map_err(|_| corrupt("a change set"))?;
            paths.extend(ops.into_iter().flat_map(touched));
        }
        Ok(Some(paths))
    }

    /// The draft of a row read in the same transaction.
    pub(crate) async fn load_draft<C: ConnectionTrait>(
        &self,
        db: &C,
        app: &AppId,
        row: &apps::Model,
    ) -> Result<Draft, StoreError> {
        if let Some(draft) = self.cached_draft(app, row).await? {
            return Ok(draft);
        }
        let base = self.read_tree(db, &hash(&row.base_tree)?).await?;
        let tree = deltas::applied(db, row, base).await?;
        let draft = Draft { version: unsigned(row.version)?, tree };
        self.0.drafts.insert(app.clone(), draft.clone()).await;
        Ok(draft)
    }

    async fn cached_draft(&self, app: &AppId, row: &apps::Model) -> Result<Option<Draft>, StoreError> {
        let version = unsigned(row.version)?;
        Ok(self.0.drafts.get(app).await.filter(|draft| draft.version == version))
    }

    async fn write_log<C: ConnectionTrait>(
        &self,
        tx: &C,
        scope: &Scope,
        app: &AppId,
        (version, cause, ops): (u64, ChangeCause, &[u8]),
    ) -> Result<(), StoreError> {
        let row = change_sets::Model {
            app_id: app.to_string(),
            version: signed(version),
            user_id: scope.user.to_string(),
            cause: cause.as_str().to_owned(),
            ops: pack(ops),
            created_at: self.now().as_millis(),
        };
        change_sets::Entity::insert(row.into_active_model()).exec_without_returning(tx).await?;
        Ok(())
    }
}

fn check_version(row: &apps::Model, expected: u64) -> Result<(), StoreError> {
    match unsigned(row.version)? {
        latest if latest == expected => Ok(()),
        latest => Err(StoreError::VersionConflict { latest }),
    }
}

/// An update of the row that changes nothing yet.
fn unchanged(row: &apps::Model) -> apps::ActiveModel {
    row.clone().into_active_model()
}

fn touched(op: TreeOp) -> Vec<ProjectPath> {
    match op {
        TreeOp::Put { path, .. } | TreeOp::Delete { path } => vec![path],
        TreeOp::Rename { from, to } => vec![from, to],
    }
}
