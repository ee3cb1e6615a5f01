//! Where a draft's files are: a base tree shared by content, and a row for each path that differs from it.
//!
//! An app that nobody has changed costs no row of its own here, a small change costs a few; past a threshold the whole
//! tree is written once and becomes the new base.

use std::sync::Arc;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, PaginatorTrait as _,
    QueryFilter as _,
};
use vitrine_model::change::Effects;
use vitrine_model::{FileEntry, FileMode, ProjectPath, Tree};

use crate::codec::{hash, hash_column, parsed_path, signed, unsigned};
use crate::drafts::ChangeCommit;
use crate::entity::{apps, draft_deltas};
use crate::error::StoreError;
use crate::store::Store;
use crate::trees::Packed;

/// Rows a draft may have. A cold read of a draft costs its base tree and these.
const MOST_DELTAS: i64 = 256;

/// A compaction waits for this many rows, so that it is paid for by as many changes.
const WORTH_COMPACTING: i64 = MOST_DELTAS / 2;

/// Where a draft's files are after a change.
pub(crate) struct Place {
    pub(crate) base_tree: Vec<u8>,
    pub(crate) delta_bound: i64,
}

impl Store {
    /// Writes what a change set did to the files.
    pub(crate) async fn write_files<C: ConnectionTrait>(
        &self,
        tx: &C,
        row: &apps::Model,
        commit: &ChangeCommit<'_>,
    ) -> Result<Place, StoreError> {
        let effects = commit.effects;
        let changed = signed((effects.put.len() + effects.removed.len()) as u64);
        let bound = row.delta_bound + changed;
        let delta_bound = match bound > MOST_DELTAS {
            false => bound,
            // The bound counts a file edited twice as two; the rows do not.
            true => match changed + count(tx, &row.id).await? {
                rows if rows > WORTH_COMPACTING => return self.compact(tx, row, &commit.tree).await,
                rows => rows,
            },
        };
        write(tx, &row.id, effects).await?;
        Ok(Place { base_tree: row.base_tree.clone(), delta_bound })
    }

    async fn compact<C: ConnectionTrait>(
        &self,
        tx: &C,
        row: &apps::Model,
        tree: &Tree,
    ) -> Result<Place, StoreError> {
        let packed = Packed::of(tree);
        let base_tree = hash_column(&packed.hash);
        self.write_tree(tx, packed).await?;
        let of_app = draft_deltas::Column::AppId.eq(&row.id);
        draft_deltas::Entity::delete_many().filter(of_app).exec(tx).await?;
        Ok(Place { base_tree, delta_bound: 0 })
    }
}

/// The files of a draft: its base tree with its rows applied.
pub(crate) async fn applied<C: ConnectionTrait>(
    db: &C,
    row: &apps::Model,
    base: Arc<Tree>,
) -> Result<Arc<Tree>, StoreError> {
    if row.delta_bound == 0 {
        return Ok(base);
    }
    let mut tree = base.as_ref().clone();
    let deltas = draft_deltas::Entity::find().filter(draft_deltas::Column::AppId.eq(&row.id)).all(db).await?;
    for delta in deltas {
        match &delta.sha256 {
            None => _ = tree.remove(&delta.path),
            Some(sha256) => {
                let mode = if delta.is_executable { FileMode::Executable } else { FileMode::Regular };
                let entry = FileEntry { sha256: hash(sha256)?, size: unsigned(delta.size)?, mode };
                tree.insert(parsed_path(&delta.path)?, entry);
            }
        }
    }
    Ok(Arc::new(tree))
}

async fn count<C: ConnectionTrait>(tx: &C, app: &str) -> Result<i64, StoreError> {
    let rows = draft_deltas::Entity::find().filter(draft_deltas::Column::AppId.eq(app));
    Ok(signed(rows.count(tx).await?))
}

async fn write<C: ConnectionTrait>(tx: &C, app: &str, effects: &Effects) -> Result<(), StoreError> {
    let delta = |path: &ProjectPath, entry: Option<&FileEntry>| draft_deltas::Model {
        app_id: app.to_owned(),
        path: path.to_string(),
        sha256: entry.map(|entry| hash_column(&entry.sha256)),
        size: entry.map_or(0, |entry| signed(entry.size)),
        is_executable: entry.is_some_and(|entry| entry.mode == FileMode::Executable),
    };
    let put = effects.put.iter().map(|(path, entry)| delta(path, Some(entry)));
    let removed = effects.removed.iter().map(|path| delta(path, None));
    let rows: Vec<_> = put.chain(removed).map(|row| row.into_active_model()).collect();
    if rows.is_empty() {
        return Ok(());
    }
    use draft_deltas::Column;
    let replace = OnConflict::columns([Column::AppId, Column::Path])
        .update_columns([Column::Sha256, Column::Size, Column::IsExecutable])
        .to_owned();
    // At most MOST_DELTAS rows: one statement.
    draft_deltas::Entity::insert_many(rows).on_conflict(replace).exec_without_returning(tx).await?;
    Ok(())
}
