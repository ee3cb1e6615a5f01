//! Undo and redo: an app's draft going back and forth among its revisions.
//!
//! A revision has a parent: the one that the draft came from when it was taken. Undo goes to the parent, and what the draft held
//! is a revision before it goes. Redo goes the same way back, as long as the draft is as undo left it. Nothing is ever removed:
//! what was undone and then left behind stays in the list of revisions.

use std::sync::Arc;

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _,
};
use vitrine_model::{AppId, RevisionId, Sha256, Tree};

use crate::apps::lock_app;
use crate::codec::{hash, parsed};
use crate::entity::{revisions, walks};
use crate::error::StoreError;
use crate::revisions::{keep, newest_of};
use crate::scope::Scope;
use crate::store::Store;

/// Revisions that one step looks at: those of the same files are passed over, and redo looks for its way among the later ones.
const MOST_LOOKED_AT: u64 = 1_000;

/// Which way to go.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Direction {
    /// To what was before.
    Undo,
    /// Back to what was undone.
    Redo,
}

/// Where a step leads.
#[derive(Debug, Clone)]
pub struct Step {
    /// The revision.
    pub revision: RevisionId,
    /// Its files.
    pub tree: Arc<Tree>,
    /// Where the draft stands once it holds them; to be given to the change that makes it so.
    pub walk: Walk,
}

/// Where a draft stands among its revisions, by their numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct Walk {
    /// Here.
    at: i64,
    /// And redo leads back to here at most.
    tip: i64,
}

impl Store {
    /// Finds out where undo or redo leads, and keeps what the draft holds as a revision, if it is none. `None`, with nothing
    /// kept, when it leads nowhere. The draft itself is changed by [`Store::commit_change`], with the walk as its cause.
    pub async fn step(
        &self,
        scope: &Scope,
        app: &AppId,
        direction: Direction,
    ) -> Result<Option<Step>, StoreError> {
        let tx = self.begin().await?;
        let row = lock_app(&tx, scope, app).await?;
        let draft = self.load_draft(&tx, app, &row).await?;
        let place = Place::find(&tx, app, draft.tree.hash()).await?;
        let target = match direction {
            Direction::Undo => place.back(&tx).await?,
            Direction::Redo => place.forth(&tx).await?,
        };
        let Some(target) = target else { return Ok(None) };
        let tip = match (&place.stands_on, place.walk) {
            (Some(_), Some(walk)) => walk.tip,
            (Some(here), None) => here.number,
            (None, _) => keep(self, &tx, (app, &draft), None).await?.number,
        };
        let tree = self.read_tree(&tx, &hash(&target.tree)?).await?;
        let step = Step { revision: parsed(&target.id)?, tree, walk: Walk { at: target.number, tip } };
        tx.commit().await?;
        Ok(Some(step))
    }
}

/// Where a draft is when a step is asked for.
struct Place<'a> {
    app: &'a AppId,
    draft: Sha256,
    /// Where undo or redo left it; it may have been edited since.
    walk: Option<Walk>,
    /// The revision that it came from, or is.
    base: Option<revisions::Model>,
    /// The same one when the draft holds what it holds.
    stands_on: Option<revisions::Model>,
}

impl<'a> Place<'a> {
    async fn find<C: ConnectionTrait>(tx: &C, app: &'a AppId, draft: Sha256) -> Result<Self, StoreError> {
        let walk = walk_of(tx, app).await?;
        let base = match walk {
            Some(walk) => numbered(tx, app, walk.at).await?,
            None => newest_of(tx, app).await?,
        };
        let stands_on = match &base {
            Some(base) if hash(&base.tree)? == draft => Some(base.clone()),
            _ => None,
        };
        Ok(Self { app, draft, walk, base, stands_on })
    }

    /// The nearest earlier revision with other files.
    async fn back<C: ConnectionTrait>(&self, tx: &C) -> Result<Option<revisions::Model>, StoreError> {
        let mut next = match &self.stands_on {
            Some(here) => parent_of(tx, self.app, here).await?,
            None => self.base.clone(),
        };
        for _ in 0..MOST_LOOKED_AT {
            match next {
                Some(found) if hash(&found.tree)? == self.draft => {
                    next = parent_of(tx, self.app, &found).await?;
                }
                found => return Ok(found),
            }
        }
        Ok(None)
    }

    /// The nearest one with other files on the way back to where undo began.
    async fn forth<C: ConnectionTrait>(&self, tx: &C) -> Result<Option<revisions::Model>, StoreError> {
        let (Some(walk), Some(_)) = (self.walk, &self.stands_on) else { return Ok(None) };
        let later = revisions::Entity::find()
            .filter(revisions::Column::AppId.eq(self.app.as_str()))
            .filter(revisions::Column::Number.gt(walk.at))
            .filter(revisions::Column::Number.lte(walk.tip))
            .order_by_desc(revisions::Column::Number)
            .limit(MOST_LOOKED_AT)
            .all(tx)
            .await?;
        let (mut wanted, mut nearest) = (walk.tip, None);
        for row in later.into_iter() {
            if row.number != wanted {
                continue;
            }
            wanted = parent_number(&row);
            if hash(&row.tree)? != self.draft {
                nearest = Some(row);
            }
        }
        // A way that leads past here is another one.
        Ok(nearest.filter(|_| wanted == walk.at))
    }
}

/// Notes where the draft stands now, in the transaction that puts it there.
pub(crate) async fn stand<C: ConnectionTrait>(tx: &C, app: &AppId, walk: Walk) -> Result<(), StoreError> {
    if walk.at == walk.tip {
        return forget(tx, app).await;
    }
    let row = walks::Model { app_id: app.to_string(), at: walk.at, tip: walk.tip };
    let again = OnConflict::column(walks::Column::AppId)
        .update_columns([walks::Column::At, walks::Column::Tip])
        .to_owned();
    walks::Entity::insert(row.into_active_model()).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// Forgets where undo left a draft: something new came after it.
pub(crate) async fn forget<C: ConnectionTrait>(tx: &C, app: &AppId) -> Result<(), StoreError> {
    walks::Entity::delete_by_id(app.as_str()).exec(tx).await?;
    Ok(())
}

/// The revision that undo or redo left the draft at.
pub(crate) async fn standing_at<C: ConnectionTrait>(
    tx: &C,
    app: &AppId,
) -> Result<Option<revisions::Model>, StoreError> {
    match walk_of(tx, app).await? {
        Some(walk) => numbered(tx, app, walk.at).await,
        None => Ok(None),
    }
}

async fn walk_of<C: ConnectionTrait>(tx: &C, app: &AppId) -> Result<Option<Walk>, StoreError> {
    let row = walks::Entity::find_by_id(app.as_str()).one(tx).await?;
    Ok(row.map(|row| Walk { at: row.at, tip: row.tip }))
}

async fn numbered<C: ConnectionTrait>(
    tx: &C,
    app: &AppId,
    number: i64,
) -> Result<Option<revisions::Model>, StoreError> {
    let query = revisions::Entity::find().filter(revisions::Column::AppId.eq(app.as_str()));
    Ok(query.filter(revisions::Column::Number.eq(number)).one(tx).await?)
}

async fn parent_of<C: ConnectionTrait>(
    tx: &C,
    app: &AppId,
    row: &revisions::Model,
) -> Result<Option<revisions::Model>, StoreError> {
    numbered(tx, app, parent_number(row)).await
}

/// Those that were taken before parents were noted came one after the other.
fn parent_number(row: &revisions::Model) -> i64 {
    row.parent.unwrap_or(row.number - 1)
}
