//! Releases: the app's pointer to what visitors get, moved in one transaction, and the history of its moves.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, Set,
};
use vitrine_model::app::Page;
use vitrine_model::publish::{PublishTarget, Release, ReleaseCause};
use vitrine_model::{AppId, ArtifactId, ReleaseId, Timestamp};

use crate::apps::{DRAFT, PUBLISHED, find_app, lock_app};
use crate::artifacts::find_artifact;
use crate::codec::{of_word, parsed, unsigned, word};
use crate::cursor;
use crate::entity::apps;
use crate::entity_publishing::artifacts;
use crate::entity_publishing::releases::{self, Column};
use crate::error::StoreError;
use crate::publishes::supersede_waiting;
use crate::scope::Scope;
use crate::store::Store;

/// What a waiting publish is told when a person moves the pointer.
const MOVED: &str =
    "Somebody moved or withdrew the app's release after this publish was asked for. Publish again.";

impl Store {
    /// Makes an artifact of the app its release, whichever it is: an older one is a rollback. What was asked to be
    /// published before this call makes no release any more. [`StoreError::NotFound`] when the artifact is not the app's.
    pub async fn promote(
        &self,
        scope: &Scope,
        app: &AppId,
        artifact: &ArtifactId,
        id: ReleaseId,
    ) -> Result<Release, StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let mut row = lock_app(&tx, scope, app).await?;
        let made = find_artifact(&tx, app.as_str(), artifact).await?;
        supersede_waiting(&tx, app, PublishTarget::Hosting, MOVED, now).await?;
        row.release_epoch += 1;
        let to = Switch {
            id,
            cause: ReleaseCause::Promotion,
            publish: None,
            revision: &made.revision_id,
            build_seq: None,
            now,
        };
        let release = switch(&tx, row, &made, to).await?;
        tx.commit().await?;
        Ok(release)
    }

    /// Takes the app's release away: nothing is served for it any more, its permalinks and what it replaced included. The
    /// history stays. What was asked to be published before this call makes no release any more. [`StoreError::NotFound`], with nothing changed,
    /// when there is no release.
    pub async fn unpublish(&self, scope: &Scope, app: &AppId) -> Result<(), StoreError> {
        let now = self.now();
        let tx = self.begin().await?;
        let row = lock_app(&tx, scope, app).await?;
        if row.release_id.is_none() {
            return Err(StoreError::NotFound);
        }
        supersede_waiting(&tx, app, PublishTarget::Hosting, MOVED, now).await?;
        // What was withdrawn does not come back as the past of a later release.
        releases::Entity::update_many()
            .set(releases::ActiveModel { replaced_at: Set(None), ..Default::default() })
            .filter(Column::AppId.eq(app.as_str()))
            .filter(Column::ReplacedAt.is_not_null())
            .exec(&tx)
            .await?;
        let (epoch, version) = (row.release_epoch + 1, row.site_version + 1);
        let mut change = row.into_active_model();
        change.release_epoch = Set(epoch);
        change.site_version = Set(version);
        change.release_id = Set(None);
        change.status = Set(DRAFT.to_owned());
        change.updated_at = Set(now.as_millis());
        change.update_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    /// The app's releases, the last one first; `limit` at a time, from `cursor` on.
    pub async fn releases(
        &self,
        scope: &Scope,
        app: &AppId,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<Release>, StoreError> {
        let app_row = find_app(self.0.db.reader(), scope, app).await?;
        let rows = listed(app, limit, cursor)?.all(self.0.db.reader()).await?;
        let current = app_row.release_id.as_deref();
        cursor::page(rows, limit, |row| cursor::encode(row.number, ""), |row| release_of(row, current))
    }

    /// What visitors get now; `None` when the app is not published.
    pub async fn current_release(&self, scope: &Scope, app: &AppId) -> Result<Option<Release>, StoreError> {
        let app_row = find_app(self.0.db.reader(), scope, app).await?;
        let Some(id) = app_row.release_id else { return Ok(None) };
        // Between the two looks the pointer may move; a release that was current a moment ago is an answer.
        let row = releases::Entity::find_by_id(&id).one(self.0.db.reader()).await?;
        row.map(|row| release_of(row, Some(&id))).transpose()
    }
}

/// Where the pointer is to go.
pub(crate) struct Switch<'a> {
    /// The release to be made.
    pub(crate) id: ReleaseId,
    /// Why.
    pub(crate) cause: ReleaseCause,
    /// The publish that leads to it.
    pub(crate) publish: Option<&'a str>,
    /// The revision it shows.
    pub(crate) revision: &'a str,
    /// The publish's place in the app's sequence.
    pub(crate) build_seq: Option<i64>,
    /// Now.
    pub(crate) now: Timestamp,
}

/// Moves the pointer of an app whose row is locked; the row's other changes are written with it.
pub(crate) async fn switch<C: ConnectionTrait>(
    tx: &C,
    app: apps::Model,
    made: &artifacts::Model,
    to: Switch<'_>,
) -> Result<Release, StoreError> {
    if let Some(current) = &app.release_id {
        releases::Entity::update_many()
            .set(releases::ActiveModel { replaced_at: Set(Some(to.now.as_millis())), ..Default::default() })
            .filter(Column::Id.eq(current))
            .exec(tx)
            .await?;
    }
    let row = releases::Model {
        id: to.id.to_string(),
        app_id: app.id.clone(),
        number: app.release_number + 1,
        artifact_id: made.id.clone(),
        revision_id: to.revision.to_owned(),
        cause: word(&to.cause)?,
        publish_id: to.publish.map(str::to_owned),
        created_at: to.now.as_millis(),
        replaced_at: None,
    };
    releases::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    let changed = apps::Model {
        status: PUBLISHED.to_owned(),
        release_id: Some(row.id.clone()),
        release_number: row.number,
        released_build_seq: to.build_seq.unwrap_or(app.released_build_seq),
        site_version: app.site_version + 1,
        updated_at: to.now.as_millis(),
        ..app
    };
    changed.into_active_model().reset_all().update_without_returning(tx).await?;
    let current = row.id.clone();
    release_of(row, Some(&current))
}

/// One row more than `limit`, to tell whether there is a next page.
pub(crate) fn listed(
    app: &AppId,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Select<releases::Entity>, StoreError> {
    let mut query = releases::Entity::find().filter(Column::AppId.eq(app.as_str()));
    if let Some(cursor) = cursor {
        let (number, _) = cursor::decode(cursor)?;
        query = query.filter(Column::Number.lt(number));
    }
    Ok(query.order_by_desc(Column::Number).limit(u64::from(limit) + 1))
}

fn release_of(row: releases::Model, current: Option<&str>) -> Result<Release, StoreError> {
    Ok(Release {
        current: current == Some(row.id.as_str()),
        id: parsed(&row.id)?,
        app_id: parsed(&row.app_id)?,
        number: unsigned(row.number)?,
        artifact: parsed(&row.artifact_id)?,
        revision_id: parsed(&row.revision_id)?,
        cause: of_word(&row.cause)?,
        publish_id: row.publish_id.as_deref().map(parsed).transpose()?,
        created_at: Timestamp::from_millis(row.created_at),
    })
}
