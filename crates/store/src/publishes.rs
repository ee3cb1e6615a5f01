//! Publishes as people see them: asked for, listed, cancelled. A later publish of the same kind takes the place of one
//! that still waits; what workers do with them is in [`crate::publish_queue`] and [`crate::publish_ends`].

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, Set,
};
use vitrine_model::app::Page;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::publish::{BuildMode, Publish, PublishStep, PublishTarget};
use vitrine_model::quota::Quota;
use vitrine_model::secret::Environment;
use vitrine_model::{AppId, ArtifactId, PublishId, RevisionId, Timestamp};

use crate::apps::{find_app, lock_app};
use crate::codec::word;
use crate::cursor;
use crate::entity::{apps, revisions};
use crate::entity_publishing::publishes::{self, Column};
use crate::error::StoreError;
use crate::publish_row::{CANCELLED, QUEUED, SUPERSEDED, end, publish_of, status_of, steps_column, write};
use crate::scope::Scope;
use crate::store::Store;

/// A publish to be.
#[derive(Debug, Clone)]
pub struct NewPublish {
    /// The publish; minted by the caller.
    pub id: PublishId,
    /// What to build; a revision of the app.
    pub revision: RevisionId,
    /// How.
    pub mode: BuildMode,
    /// What for.
    pub target: PublishTarget,
    /// Whose secrets and variables the build is given.
    pub environment: Environment,
    /// For a verification: the artifact to compare with.
    pub artifact: Option<ArtifactId>,
    /// Its steps, all to be done yet.
    pub steps: Vec<PublishStep>,
    /// How many workers may try before it is given up.
    pub attempts_max: u32,
    /// When it must have ended, the time in the queue included.
    pub deadline: Timestamp,
}

impl Store {
    /// Puts a publish into the queue. It gets the app's next `build_seq`, which is never used again, and takes the place
    /// of one of the same target that still waits. A release that a person moves from now on wins over it.
    /// [`StoreError::NotFound`] when the revision is not the app's; [`StoreError::QuotaExceeded`] when the tenant has stored, or
    /// its apps have sent this month, as much as they may.
    pub async fn enqueue_publish(
        &self,
        scope: &Scope,
        app: &AppId,
        new: NewPublish,
    ) -> Result<Publish, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let app_row = lock_app(&tx, scope, app).await?;
        self.require_room(&tx, &scope.tenant, Quota::StorageBytes).await?;
        self.require_room(&tx, &scope.tenant, Quota::EgressBytes).await?;
        let revision = revisions::Entity::find_by_id(new.revision.as_str())
            .filter(revisions::Column::AppId.eq(app.as_str()))
            .one(&tx)
            .await?;
        revision.ok_or(StoreError::NotFound)?;
        let why = "A later publish of this app took its place in the queue.";
        supersede_waiting(&tx, app, new.target, why, now).await?;
        let row = queued_row(scope, &app_row, &new, now)?;
        let mut change = app_row.into_active_model();
        change.build_seq = Set(row.build_seq);
        change.update_without_returning(&tx).await?;
        publishes::Entity::insert(row.clone().into_active_model()).exec_without_returning(&tx).await?;
        tx.commit().await?;
        publish_of(row)
    }

    /// The app's publishes, the last one first; `limit` at a time, from `cursor` on.
    pub async fn publishes(
        &self,
        scope: &Scope,
        app: &AppId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Publish>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let rows = listed(app, limit, cursor)?.all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.build_seq, ""), publish_of)
    }

    /// One publish of the app.
    pub async fn publish(
        &self,
        scope: &Scope,
        app: &AppId,
        publish: &PublishId,
    ) -> Result<Publish, StoreError> {
        let row = one(scope, app, publish).one(self.0.db.reader()).await?;
        publish_of(row.ok_or(StoreError::NotFound)?)
    }

    /// The publish of the app that runs, or else the last one that waits.
    pub async fn active_publish(&self, scope: &Scope, app: &AppId) -> Result<Option<Publish>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let mut rows = active(app).all(self.0.db.reader()).await?;
        let running = rows.iter().position(|row| row.lease_until.is_some()).unwrap_or(0);
        match rows.is_empty() {
            true => Ok(None),
            false => publish_of(rows.swap_remove(running)).map(Some),
        }
    }

    /// Cancels a publish: at once while it waits, by asking its worker while it runs. Asking twice is asking once. From
    /// this call on it makes no release any more. [`StoreError::PublishOver`] when it has ended.
    pub async fn cancel_publish(
        &self,
        scope: &Scope,
        app: &AppId,
        publish: &PublishId,
    ) -> Result<Publish, StoreError> {
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        let row = one(scope, app, publish).lock_exclusive().one(&tx).await?;
        let mut row = row.ok_or(StoreError::NotFound)?;
        match status_of(&row)? {
            status if status.is_over() => return Err(StoreError::PublishOver),
            _ if row.queued_at.is_some() => end(&mut row, CANCELLED, None, self.now())?,
            _ => row.cancel_requested = true,
        }
        write(&tx, row.clone()).await?;
        tx.commit().await?;
        publish_of(row)
    }
}

/// A publish of this tenant's app.
pub(crate) fn one(scope: &Scope, app: &AppId, publish: &PublishId) -> Select<publishes::Entity> {
    publishes::Entity::find_by_id(publish.as_str())
        .filter(Column::AppId.eq(app.as_str()))
        .filter(Column::TenantId.eq(scope.tenant.as_str()))
}

/// Ends the publish of this target that waits, if one does, for the reason given.
pub(crate) async fn supersede_waiting<C: ConnectionTrait>(
    tx: &C,
    app: &AppId,
    target: PublishTarget,
    why: &str,
    now: Timestamp,
) -> Result<(), StoreError> {
    if let Some(mut row) = waiting(app, &word(&target)?).lock_exclusive().one(tx).await? {
        end(&mut row, SUPERSEDED, Some(&Problem::new(Code::Superseded, why)), now)?;
        write(tx, row).await?;
    }
    Ok(())
}

fn queued_row(
    scope: &Scope,
    app: &apps::Model,
    new: &NewPublish,
    now: Timestamp,
) -> Result<publishes::Model, StoreError> {
    Ok(publishes::Model {
        id: new.id.to_string(),
        app_id: app.id.clone(),
        tenant_id: scope.tenant.to_string(),
        user_id: scope.user.to_string(),
        status: QUEUED.to_owned(),
        build_seq: app.build_seq + 1,
        release_epoch: app.release_epoch,
        revision_id: new.revision.to_string(),
        mode: word(&new.mode)?,
        target: word(&new.target)?,
        steps: steps_column(&new.steps)?,
        attempt: 0,
        attempts_max: i64::from(new.attempts_max),
        reused: false,
        artifact_id: new.artifact.as_ref().map(ToString::to_string),
        release_id: None,
        error: None,
        cancel_requested: false,
        fence: 0,
        worker: None,
        queued_at: Some(now.as_millis()),
        lease_until: None,
        due_at: Some(new.deadline.as_millis()),
        created_at: now.as_millis(),
        started_at: None,
        finished_at: None,
        log_lines: 0,
        log_head_lines: 0,
        log_head_bytes: 0,
        log_tail_from: None,
        log_tail_bytes: 0,
        environment: new.environment.as_str().to_owned(),
    })
}

/// One row more than `limit`, to tell whether there is a next page.
pub(crate) fn listed(
    app: &AppId,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Select<publishes::Entity>, StoreError> {
    let mut query = publishes::Entity::find().filter(Column::AppId.eq(app.as_str()));
    if let Some(cursor) = cursor {
        let (build_seq, _) = cursor::decode(cursor)?;
        query = query.filter(Column::BuildSeq.lt(build_seq));
    }
    Ok(query.order_by_desc(Column::BuildSeq).limit(u64::from(limit) + 1))
}

/// What is not over, the last one first.
pub(crate) fn active(app: &AppId) -> Select<publishes::Entity> {
    publishes::Entity::find()
        .filter(Column::AppId.eq(app.as_str()))
        .filter(Column::DueAt.is_not_null())
        .order_by_desc(Column::BuildSeq)
}

/// What waits: at most one.
pub(crate) fn waiting(app: &AppId, target: &str) -> Select<publishes::Entity> {
    publishes::Entity::find()
        .filter(Column::AppId.eq(app.as_str()))
        .filter(Column::Target.eq(target))
        .filter(Column::QueuedAt.is_not_null())
}
