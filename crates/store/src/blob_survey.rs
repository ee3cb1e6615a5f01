//! What a collection of content would take, without taking anything.

use sea_orm::{
    ColumnTrait as _, EntityTrait as _, JoinType, QueryFilter as _, QuerySelect as _, RelationDef, Select,
};
use vitrine_model::Timestamp;

use crate::blob_collection::Amount;
use crate::blob_transits::UNNEEDED;
use crate::codec::unsigned;
use crate::entity::blobs;
use crate::entity_collection::blob_transits::{self, Column};
use crate::error::StoreError;
use crate::store::Store;

/// What nothing names.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct ContentSurvey {
    /// What a collection would take now.
    pub due: Amount,
    /// What waits for its grace.
    pub later: Amount,
    /// True when everything was looked at; otherwise another call goes on.
    pub is_done: bool,
}

impl Store {
    /// Says what [`Store::collect_content`] would take. As that one does, it counts what trees name and notes what nothing does, a
    /// bounded part of it with each call; it removes nothing. What only a tree names that nothing refers to is counted once the
    /// tree has gone.
    pub async fn survey_content(
        &self,
        holder: &str,
        older_than: Timestamp,
    ) -> Result<ContentSurvey, StoreError> {
        let Ok(_alone) = self.0.collecting_content.try_lock() else {
            return Ok(ContentSurvey::default());
        };
        let Some(mut collection) = self.begin_content_collection(holder).await? else {
            return Ok(ContentSurvey::default());
        };
        let is_counted = collection.count().await?;
        let is_done = is_counted && collection.walk_blobs().await?;
        collection.release().await?;
        let old = Column::Since.lte(older_than.as_millis());
        let due = self.amount(unneeded().filter(old)).await?;
        let later = self.amount(unneeded().filter(Column::Since.gt(older_than.as_millis()))).await?;
        Ok(ContentSurvey { due, later, is_done })
    }

    async fn amount(&self, query: Select<blob_transits::Entity>) -> Result<Amount, StoreError> {
        let query = query
            .select_only()
            .column_as(Column::Sha256.count(), "count")
            .column_as(blobs::Column::Size.sum(), "bytes");
        let found: Option<(i64, Option<i64>)> = query.into_tuple().one(self.0.db.reader()).await?;
        let (count, bytes) = found.unwrap_or((0, None));
        Ok(Amount { count: unsigned(count)?, bytes: unsigned(bytes.unwrap_or(0))? })
    }
}

fn unneeded() -> Select<blob_transits::Entity> {
    let content: RelationDef = blob_transits::Entity::belongs_to(blobs::Entity)
        .from(Column::Sha256)
        .to(blobs::Column::Sha256)
        .into();
    blob_transits::Entity::find().join(JoinType::InnerJoin, content).filter(Column::State.eq(UNNEEDED))
}
