//! Revisions: names for trees, taken of drafts, never changed.

use std::sync::Arc;

use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use vitrine_model::app::{Page, Revision};
use vitrine_model::{AppId, RevisionId, Timestamp, Tree};

use crate::apps::{find_app, lock_app};
use crate::codec::{hash, hash_column, parsed, signed, unsigned};
use crate::cursor;
use crate::drafts::Draft;
use crate::entity::revisions;
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use crate::trees::Packed;
use crate::walks::{forget, standing_at};

impl Store {
    /// Takes a snapshot of the draft. When the draft's files are those of the newest revision, or of the one that undo left it
    /// at, that one is returned as it is and nothing is written.
    pub async fn create_revision(
        &self,
        scope: &Scope,
        app: &AppId,
        label: Option<String>,
    ) -> Result<Revision, StoreError> {
        let tx = self.begin().await?;
        let app_row = lock_app(&tx, scope, app).await?;
        let draft = self.load_draft(&tx, app, &app_row).await?;
        let row = keep(self, &tx, (app, &draft), label).await?;
        tx.commit().await?;
        revision_of(row)
    }

    /// The app's revisions, newest first; `limit` at a time, from `cursor` on.
    pub async fn list_revisions(
        &self,
        scope: &Scope,
        app: &AppId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Revision>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let mut query = revisions::Entity::find().filter(revisions::Column::AppId.eq(app.as_str()));
        if let Some(cursor) = cursor {
            let (number, _) = cursor::decode(cursor)?;
            query = query.filter(revisions::Column::Number.lt(number));
        }
        let query = query.order_by_desc(revisions::Column::Number).limit(u64::from(limit) + 1);
        let rows = query.all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.number, ""), revision_of)
    }

    /// One revision of the app.
    pub async fn revision(
        &self,
        scope: &Scope,
        app: &AppId,
        revision: &RevisionId,
    ) -> Result<Revision, StoreError> {
        revision_of(self.revision_row(scope, app, revision).await?)
    }

    /// The files of a revision.
    pub async fn revision_tree(
        &self,
        scope: &Scope,
        app: &AppId,
        revision: &RevisionId,
    ) -> Result<Tree, StoreError> {
        let row = self.revision_row(scope, app, revision).await?;
        let tree = self.read_tree(self.0.db.reader(), &hash(&row.tree)?).await?;
        Ok(Arc::unwrap_or_clone(tree))
    }

    async fn revision_row(
        &self,
        scope: &Scope,
        app: &AppId,
        revision: &RevisionId,
    ) -> Result<revisions::Model, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let query = revisions::Entity::find_by_id(revision.as_str());
        let row = query.filter(revisions::Column::AppId.eq(app.as_str())).one(self.0.db.reader()).await?;
        row.ok_or(StoreError::NotFound)
    }
}

/// Makes sure that a revision holds what the draft holds, and returns it.
pub(crate) async fn keep<C: ConnectionTrait>(
    store: &Store,
    tx: &C,
    (app, draft): (&AppId, &Draft),
    label: Option<String>,
) -> Result<revisions::Model, StoreError> {
    let packed = Packed::of(&draft.tree);
    let base = standing_at(tx, app).await?;
    if let Some(base) = &base
        && hash(&base.tree)? == packed.hash
    {
        return Ok(base.clone());
    }
    let newest = newest_of(tx, app).await?;
    // Whatever it is, it came after what was undone.
    forget(tx, app).await?;
    if let Some(newest) = &newest
        && hash(&newest.tree)? == packed.hash
    {
        return Ok(newest.clone());
    }
    let number = newest.map_or(0, |newest| newest.number);
    let row = revisions::Model {
        id: RevisionId::mint(store.0.clock.as_ref(), store.0.entropy.as_ref()).into(),
        app_id: app.to_string(),
        number: number + 1,
        draft_version: signed(draft.version),
        tree: hash_column(&packed.hash),
        label,
        file_count: signed(draft.tree.len() as u64),
        size_bytes: signed(draft.tree.size_bytes()),
        created_at: store.now().as_millis(),
        parent: Some(base.map_or(number, |base| base.number)),
    };
    store.write_tree(tx, packed).await?;
    revisions::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    Ok(row)
}

pub(crate) async fn newest_of<C: ConnectionTrait>(
    tx: &C,
    app: &AppId,
) -> Result<Option<revisions::Model>, StoreError> {
    let query = revisions::Entity::find().filter(revisions::Column::AppId.eq(app.as_str()));
    Ok(query.order_by_desc(revisions::Column::Number).one(tx).await?)
}

fn revision_of(row: revisions::Model) -> Result<Revision, StoreError> {
    Ok(Revision {
        id: parsed(&row.id)?,
        app_id: parsed(&row.app_id)?,
        draft_version: unsigned(row.draft_version)?,
        tree: hash(&row.tree)?,
        label: row.label,
        file_count: unsigned(row.file_count)?,
        size_bytes: unsigned(row.size_bytes)?,
        created_at: Timestamp::from_millis(row.created_at),
    })
}
