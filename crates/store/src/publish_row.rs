//! A publish as it is stored, and the only ways its row moves from one state to another.

use std::time::Duration;

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QuerySelect as _,
};
use vitrine_model::problem::Problem;
use vitrine_model::publish::{Publish, PublishStatus, PublishStep};
use vitrine_model::{PublishId, Timestamp};

use crate::codec::{after, corrupt, json, of_json, of_word, parsed, unsigned};
use crate::entity_publishing::publishes::{self, Column, Model};
use crate::error::StoreError;

/// The statuses as their column has them.
pub(crate) const QUEUED: &str = "queued";
pub(crate) const RUNNING: &str = "running";
pub(crate) const SUCCEEDED: &str = "succeeded";
pub(crate) const FAILED: &str = "failed";
pub(crate) const CANCELLED: &str = "cancelled";
pub(crate) const SUPERSEDED: &str = "superseded";

/// Gives a waiting or abandoned publish to a worker.
pub(crate) fn give(row: &mut Model, worker: &str, now: Timestamp, lease: Duration) {
    row.status = RUNNING.to_owned();
    row.worker = Some(worker.to_owned());
    row.attempt += 1;
    row.fence += 1;
    row.queued_at = None;
    row.lease_until = Some(after(now, lease).as_millis());
    row.started_at = row.started_at.or(Some(now.as_millis()));
}

/// Puts a running publish back where it stood in the queue; the attempt does not count.
pub(crate) fn give_back(row: &mut Model) {
    row.status = QUEUED.to_owned();
    row.worker = None;
    row.attempt -= 1;
    row.queued_at = Some(row.created_at);
    row.lease_until = None;
}

/// Ends a publish, for good.
pub(crate) fn end(
    row: &mut Model,
    status: &str,
    problem: Option<&Problem>,
    now: Timestamp,
) -> Result<(), StoreError> {
    row.status = status.to_owned();
    row.error = problem.map(json).transpose()?;
    row.worker = None;
    row.queued_at = None;
    row.lease_until = None;
    row.due_at = None;
    row.finished_at = Some(now.as_millis());
    Ok(())
}

/// Writes a row that was read under lock in the same transaction.
pub(crate) async fn write<C: ConnectionTrait>(tx: &C, row: Model) -> Result<(), StoreError> {
    row.into_active_model().reset_all().update_without_returning(tx).await?;
    Ok(())
}

/// The row of a publish that runs under this fence, locked. [`StoreError::LeaseLost`] when it does not: another worker has
/// it, it has ended, or its app is gone.
pub(crate) async fn held<C: ConnectionTrait>(
    tx: &C,
    publish: &PublishId,
    fence: u64,
) -> Result<Model, StoreError> {
    let fence = i64::try_from(fence).map_err(|_| StoreError::LeaseLost)?;
    publishes::Entity::find_by_id(publish.as_str())
        .filter(Column::Fence.eq(fence))
        .filter(Column::Status.eq(RUNNING))
        .lock_exclusive()
        .one(tx)
        .await?
        .ok_or(StoreError::LeaseLost)
}

/// Steps for their column.
pub(crate) fn steps_column(steps: &[PublishStep]) -> Result<String, StoreError> {
    json(steps)
}

/// A publish from its row.
pub(crate) fn publish_of(row: Model) -> Result<Publish, StoreError> {
    Ok(Publish {
        id: parsed(&row.id)?,
        app_id: parsed(&row.app_id)?,
        status: status_of(&row)?,
        build_seq: unsigned(row.build_seq)?,
        revision_id: parsed(&row.revision_id)?,
        mode: of_word(&row.mode)?,
        target: of_word(&row.target)?,
        environment: of_word(&row.environment)?,
        steps: of_json(&row.steps)?,
        attempt: u32::try_from(row.attempt).map_err(|_| corrupt("an attempt"))?,
        reused: row.reused,
        artifact: row.artifact_id.as_deref().map(parsed).transpose()?,
        release: row.release_id.as_deref().map(parsed).transpose()?,
        error: row.error.as_deref().map(of_json).transpose()?,
        created_at: Timestamp::from_millis(row.created_at),
        started_at: row.started_at.map(Timestamp::from_millis),
        finished_at: row.finished_at.map(Timestamp::from_millis),
    })
}

/// The status of a row.
pub(crate) fn status_of(row: &Model) -> Result<PublishStatus, StoreError> {
    of_word(&row.status)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::codec::word;

    #[test]
    fn the_words_of_the_columns_are_those_of_the_wire() {
        use PublishStatus as S;
        let words = [
            (S::Queued, QUEUED),
            (S::Running, RUNNING),
            (S::Succeeded, SUCCEEDED),
            (S::Failed, FAILED),
            (S::Cancelled, CANCELLED),
            (S::Superseded, SUPERSEDED),
        ];
        for (status, column) in words {
            assert_eq!(word(&status).unwrap(), column);
        }
    }
}
