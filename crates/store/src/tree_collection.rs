//! Trees that nothing refers to go, and what trees name is counted.
//!
//! A tree is immutable text, so what it names cannot be asked of the database. It is counted once instead: `blob_refs` says in how
//! many *slices* of counted trees a piece of content is named, a slice being the distinct content of [`SLICE_ENTRIES`] entries in
//! the order of their paths. Writers do not count. A tree is written as uncounted; a collection counts it later, slice after
//! slice, and takes the slices back, last first, before it removes the tree. Counting a slice and noting that it is counted are one
//! transaction, so nothing is ever lost or counted twice, wherever a collection is broken off.
//!
//! *Why counts and not marks.* A pass that marks has to read every tree there is each time; most never change again. With counts a
//! collection reads what came and what goes, however much is there.

use std::collections::{BTreeSet, VecDeque};

use sea_orm::sea_query::{Expr, ExprTrait as _, OnConflict, Query};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select, Set,
};
use vitrine_model::{Sha256, Timestamp, Tree};

use crate::blob_collection::Amount;
use crate::codec::{hash, hash_column, signed};
use crate::entity::trees::{self, Column};
use crate::entity::{apps, revisions};
use crate::entity_collection::blob_refs;
use crate::error::StoreError;
use crate::store::Store;
use crate::trees::unpacked;

/// Entries of a tree whose content is counted by one statement.
const SLICE_ENTRIES: usize = 400;

/// Entries counted in one transaction: writers wait for a collection some milliseconds, not for the largest tree.
const ENTRIES_AT_ONCE: usize = 4 * SLICE_ENTRIES;

/// What the row of a tree costs beside its entries, in entries.
const ROW_ENTRIES: usize = 20;

/// Uncounted trees read at once.
const UNCOUNTED_AT_ONCE: u64 = 50;

/// Trees looked at in one step.
pub(crate) const TREES_PER_PAGE: u64 = 500;

/// What became of a tree that was to go.
enum LettingGo {
    /// It has gone; so many bytes.
    Gone(u64),
    /// Something refers to it again, or it is gone already.
    Over,
    /// Some of its slices are still counted.
    Begun,
}

impl Store {
    /// Counts a bounded part of what uncounted trees name; true when no tree is left uncounted, as this transaction sees it.
    pub(crate) async fn count_trees<C: ConnectionTrait>(&self, tx: &C) -> Result<bool, StoreError> {
        let rows = uncounted().limit(UNCOUNTED_AT_ONCE).all(tx).await?;
        let is_last_page = (rows.len() as u64) < UNCOUNTED_AT_ONCE;
        let mut left = ENTRIES_AT_ONCE;
        for row in rows {
            if left == 0 {
                return Ok(false);
            }
            let slices = slices_of(&row)?;
            let mut to = counted_of(&row, slices.len());
            while to < slices.len() && left > 0 {
                add(tx, &slices[to]).await?;
                left = left.saturating_sub(slices[to].len());
                to += 1;
            }
            left = left.saturating_sub(ROW_ENTRIES);
            let is_whole = to == slices.len();
            note_counted(tx, row.hash, (!is_whole).then_some(to)).await?;
            if !is_whole {
                return Ok(false);
            }
        }
        Ok(is_last_page)
    }

    /// Removes the trees of a page that are older than `oldest` and that nothing refers to; says how many and the last one of
    /// the page, if there is a next.
    pub(crate) async fn collect_trees(
        &self,
        after: &[u8],
        oldest: Timestamp,
    ) -> Result<(Amount, Option<Vec<u8>>), StoreError> {
        let page: Vec<Vec<u8>> = page_after(after).into_tuple().all(self.0.db.reader()).await?;
        let Some(last) = page.last() else { return Ok((Amount::default(), None)) };
        let unneeded: Vec<Vec<u8>> = trees::Entity::find()
            .select_only()
            .column(Column::Hash)
            .filter(Column::Hash.gt(after))
            .filter(Column::Hash.lte(last.clone()))
            .filter(is_unreferenced())
            .filter(Column::CreatedAt.lte(oldest.as_millis()))
            .into_tuple()
            .all(self.0.db.reader())
            .await?;
        let removed = self.let_go(unneeded.into()).await?;
        let has_next = page.len() as u64 == TREES_PER_PAGE;
        Ok((removed, has_next.then(|| last.clone())))
    }

    async fn let_go(&self, mut unneeded: VecDeque<Vec<u8>>) -> Result<Amount, StoreError> {
        let mut removed = Amount::default();
        while !unneeded.is_empty() {
            let tx = self.begin().await?;
            let (mut left, mut gone) = (ENTRIES_AT_ONCE, Vec::new());
            while let Some(column) = unneeded.front()
                && left > 0
            {
                match let_go_of(&tx, column, &mut left).await? {
                    LettingGo::Begun => break,
                    LettingGo::Over => _ = unneeded.pop_front(),
                    LettingGo::Gone(bytes) => {
                        removed.add(bytes);
                        gone.extend(unneeded.pop_front());
                    }
                }
            }
            tx.commit().await?;
            for column in gone {
                self.0.trees.invalidate(&hash(&column)?).await;
            }
        }
        Ok(removed)
    }
}

/// Takes back counts of a tree, of about `left` entries, and removes it when none is left.
async fn let_go_of<C: ConnectionTrait>(
    tx: &C,
    column: &[u8],
    left: &mut usize,
) -> Result<LettingGo, StoreError> {
    let query = trees::Entity::find_by_id(column).filter(is_unreferenced());
    let Some(row) = query.one(tx).await? else { return Ok(LettingGo::Over) };
    let slices = slices_of(&row)?;
    let counted = counted_of(&row, slices.len());
    let mut to = counted;
    while to > 0 && *left > 0 {
        to -= 1;
        subtract(tx, &slices[to]).await?;
        *left = left.saturating_sub(slices[to].len());
    }
    *left = left.saturating_sub(ROW_ENTRIES);
    if to > 0 {
        note_counted(tx, row.hash, Some(to)).await?;
        return Ok(LettingGo::Begun);
    }
    trees::Entity::delete_by_id(row.hash).exec(tx).await?;
    Ok(LettingGo::Gone(row.manifest.len() as u64))
}

fn slices_of(row: &trees::Model) -> Result<Vec<BTreeSet<Sha256>>, StoreError> {
    Ok(slices(&unpacked(&hash(&row.hash)?, &row.manifest)?))
}

fn slices(tree: &Tree) -> Vec<BTreeSet<Sha256>> {
    let named: Vec<Sha256> = tree.iter().map(|(_, entry)| entry.sha256).collect();
    named.chunks(SLICE_ENTRIES).map(|entries| entries.iter().copied().collect()).collect()
}

fn counted_of(row: &trees::Model, slices: usize) -> usize {
    match row.slices_counted {
        None => slices,
        Some(counted) => usize::try_from(counted).unwrap_or(0).min(slices),
    }
}

async fn note_counted<C: ConnectionTrait>(
    tx: &C,
    tree: Vec<u8>,
    slices: Option<usize>,
) -> Result<(), StoreError> {
    let counted = slices.map(|slices| signed(slices as u64));
    trees::Entity::update_many()
        .set(trees::ActiveModel { slices_counted: Set(counted), ..trees::ActiveModel::default() })
        .filter(Column::Hash.eq(tree))
        .exec(tx)
        .await?;
    Ok(())
}

async fn add<C: ConnectionTrait>(tx: &C, slice: &BTreeSet<Sha256>) -> Result<(), StoreError> {
    use blob_refs::{Column, Entity, Model};
    let rows: Vec<_> =
        slice.iter().map(|hash| Model { sha256: hash_column(hash), slices: 1 }.into_active_model()).collect();
    let more = Expr::col((Entity, Column::Slices)).add(1);
    let again = OnConflict::column(Column::Sha256).value(Column::Slices, more).to_owned();
    Entity::insert_many(rows).on_conflict(again).exec_without_returning(tx).await?;
    Ok(())
}

/// What was counted too rarely would be left with a row that is not zero: kept for ever rather than removed while it is named.
async fn subtract<C: ConnectionTrait>(tx: &C, slice: &BTreeSet<Sha256>) -> Result<(), StoreError> {
    use blob_refs::{Column, Entity};
    let named: Vec<_> = slice.iter().map(hash_column).collect();
    Entity::update_many()
        .col_expr(Column::Slices, Expr::col(Column::Slices).sub(1))
        .filter(Column::Sha256.is_in(named.clone()))
        .exec(tx)
        .await?;
    Entity::delete_many().filter(Column::Sha256.is_in(named)).filter(Column::Slices.eq(0)).exec(tx).await?;
    Ok(())
}

pub(crate) fn uncounted() -> Select<trees::Entity> {
    trees::Entity::find().filter(Column::SlicesCounted.is_not_null())
}

pub(crate) fn page_after(after: &[u8]) -> Select<trees::Entity> {
    trees::Entity::find()
        .select_only()
        .column(Column::Hash)
        .filter(Column::Hash.gt(after))
        .order_by_asc(Column::Hash)
        .limit(TREES_PER_PAGE)
}

fn is_unreferenced() -> Expr {
    let tree = || Expr::col((trees::Entity, Column::Hash));
    let app = Query::select()
        .expr(Expr::value(1))
        .from(apps::Entity)
        .and_where(Expr::col((apps::Entity, apps::Column::BaseTree)).eq(tree()))
        .take();
    let revision = Query::select()
        .expr(Expr::value(1))
        .from(revisions::Entity)
        .and_where(Expr::col((revisions::Entity, revisions::Column::Tree)).eq(tree()))
        .take();
    Expr::not_exists(app).and(Expr::not_exists(revision))
}
