//! Apps: made whole, listed by their last change, deleted with everything that hangs on them.

use std::collections::BTreeMap;

use bytes::Bytes;
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, Set,
};
use vitrine_model::app::{App, AppStatus, Page};
use vitrine_model::profile::Profile;
use vitrine_model::quota::Quota;
use vitrine_model::{AppId, Sha256, Timestamp, Tree};

use crate::blob_staging::{STAGINGS, Staged, hashed};
use crate::codec::{corrupt, hash_column, parsed, signed, unsigned};
use crate::cursor;
use crate::entity::apps;
use crate::error::{StoreError, found, is_unique_violation};
use crate::scope::Scope;
use crate::slugs::free_slug;
use crate::store::Store;
use crate::tenant_usage::{add_storage, artifact_bytes};
use crate::trees::Packed;

/// Attempts to make an app whose slug is ours to choose, when others take our choice at the same moment.
const SLUG_ATTEMPTS: u32 = 5;

/// The status column of an app without a current release.
pub(crate) const DRAFT: &str = "draft";

/// The status column of an app with one.
pub(crate) const PUBLISHED: &str = "published";

/// A new app.
#[derive(Debug, Clone)]
pub struct NewApp {
    /// Its name, for people.
    pub name: String,
    /// Its slug, checked by [`vitrine_model::app::check_slug`]; absent makes a free one from the name.
    pub slug: Option<String>,
    /// The template it is made from.
    pub template: Option<String>,
    /// How it runs.
    pub profile: Profile,
    /// True when a person chose the profile; false when it was detected.
    pub profile_is_set: bool,
    /// Its files, checked by [`Tree::check`].
    pub tree: Tree,
}

/// What to change of an app; absent fields stay.
#[derive(Debug, Clone, Default)]
pub struct AppPatch {
    /// A new name.
    pub name: Option<String>,
    /// A new slug, checked by [`vitrine_model::app::check_slug`].
    pub slug: Option<String>,
    /// `Some(Some(_))` sets the profile; `Some(None)` forgets that it was set, so that it is detected again.
    pub profile: Option<Option<Profile>>,
}

impl Store {
    /// As [`Store::create_app_of`], of content that the tenant has stored before.
    pub async fn create_app(&self, scope: &Scope, new: NewApp) -> Result<App, StoreError> {
        self.create_app_of(scope, new, Vec::new()).await
    }

    /// Makes an app with its draft at version 1 and stores the content it comes with, or does neither: a refused app uses no
    /// storage up. [`StoreError::SlugTaken`] when a given slug is; [`StoreError::MissingBlobs`] when content of the tree is
    /// neither in `contents` nor stored by the tenant before; [`StoreError::QuotaExceeded`] when it has as many apps, or as
    /// much content, as it may have.
    pub async fn create_app_of(
        &self,
        scope: &Scope,
        new: NewApp,
        contents: Vec<Bytes>,
    ) -> Result<App, StoreError> {
        let contents = hashed(&contents).await;
        for _ in 0..STAGINGS {
            match self.try_create(scope, &new, contents.clone()).await {
                Err(StoreError::ObjectLeaving) => {}
                outcome => return outcome,
            }
        }
        Err(StoreError::ObjectLeaving)
    }

    async fn try_create(
        &self,
        scope: &Scope,
        new: &NewApp,
        contents: BTreeMap<Sha256, Bytes>,
    ) -> Result<App, StoreError> {
        // Before anything is uploaded for an app that cannot be.
        self.require_room(self.0.db.reader(), &scope.tenant, Quota::Apps).await?;
        let mut staged = self.stage(contents).await?;
        self.require(scope, new.tree.iter().map(|(_, entry)| entry.sha256), &mut staged).await?;
        let app = self.insert_app(scope, new, &staged).await?;
        self.keep_staged(scope, staged).await;
        Ok(app)
    }

    async fn insert_app(&self, scope: &Scope, new: &NewApp, staged: &Staged) -> Result<App, StoreError> {
        let packed = Packed::of(&new.tree);
        let mut row = self.new_row(scope, new, &packed)?;
        let mut attempts = if new.slug.is_some() { 1 } else { SLUG_ATTEMPTS };
        loop {
            attempts -= 1;
            let tx = self.begin().await?;
            self.require_room(&tx, &scope.tenant, Quota::Apps).await?;
            row.slug = match &new.slug {
                Some(slug) => slug.clone(),
                None => free_slug(&tx, self.0.entropy.as_ref(), &new.name).await?,
            };
            self.write_staged(&tx, scope, staged).await?;
            self.write_tree(&tx, packed.clone()).await?;
            match apps::Entity::insert(row.clone().into_active_model()).exec_without_returning(&tx).await {
                Ok(_) => tx.commit().await?,
                Err(error) if is_unique_violation(&error) && attempts == 0 => {
                    return Err(StoreError::SlugTaken);
                }
                Err(error) if is_unique_violation(&error) => continue,
                Err(error) => return Err(error.into()),
            }
            return app_of(row);
        }
    }

    fn new_row(&self, scope: &Scope, new: &NewApp, packed: &Packed) -> Result<apps::Model, StoreError> {
        let now = self.now().as_millis();
        Ok(apps::Model {
            id: AppId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref()).into(),
            tenant_id: scope.tenant.to_string(),
            created_by: scope.user.to_string(),
            name: new.name.clone(),
            slug: String::new(),
            status: DRAFT.to_owned(),
            template: new.template.clone(),
            profile: profile_column(&new.profile)?,
            profile_is_set: new.profile_is_set,
            version: 1,
            base_tree: hash_column(&packed.hash),
            delta_bound: 0,
            file_count: signed(new.tree.len() as u64),
            size_bytes: signed(new.tree.size_bytes()),
            created_at: now,
            updated_at: now,
            build_seq: 0,
            released_build_seq: 0,
            release_epoch: 0,
            release_number: 0,
            release_id: None,
            site_version: 0,
            hosting: None,
        })
    }

    /// One app.
    pub async fn app(&self, scope: &Scope, app: &AppId) -> Result<App, StoreError> {
        app_of(find_app(self.0.db.reader(), scope, app).await?)
    }

    /// The profile that a person set for the app; `None` when it is to be detected.
    pub async fn owner_profile(&self, scope: &Scope, app: &AppId) -> Result<Option<Profile>, StoreError> {
        let row = find_app(self.0.db.reader(), scope, app).await?;
        match row.profile_is_set {
            true => profile_of(&row).map(Some),
            false => Ok(None),
        }
    }

    /// Apps of the tenant, the last changed first; `limit` at a time, from `cursor` on. An app that changes while
    /// somebody pages moves to the front; the others keep their places. Costs what the page has, not what the tenant has.
    pub async fn list_apps(
        &self,
        scope: &Scope,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<App>, StoreError> {
        let rows = listed(scope, limit, cursor)?.all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.updated_at, &row.id), app_of)
    }

    /// As [`Store::list_apps`], of these apps alone; those of other tenants are left out.
    pub async fn list_apps_among(
        &self,
        scope: &Scope,
        only: &[AppId],
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<App>, StoreError> {
        let named = apps::Column::Id.is_in(only.iter().map(AppId::as_str));
        let rows = listed(scope, limit, cursor)?.filter(named).all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.updated_at, &row.id), app_of)
    }

    /// Changes an app. [`StoreError::SlugTaken`] when the new slug is another app's.
    pub async fn update_app(&self, scope: &Scope, app: &AppId, patch: AppPatch) -> Result<App, StoreError> {
        let tx = self.begin().await?;
        let row = lock_app(&tx, scope, app).await?;
        let site_version = row.site_version + 1;
        let mut change = row.into_active_model();
        // The name and the slug show in the hosted site.
        change.site_version = Set(site_version);
        if let Some(name) = patch.name {
            change.name = Set(name);
        }
        if let Some(slug) = patch.slug {
            change.slug = Set(slug);
        }
        match patch.profile {
            Some(Some(profile)) => {
                change.profile = Set(profile_column(&profile)?);
                change.profile_is_set = Set(true);
            }
            Some(None) => change.profile_is_set = Set(false),
            None => {}
        }
        change.updated_at = Set(self.now().as_millis());
        let row = change.update(&tx).await.map_err(|error| match is_unique_violation(&error) {
            true => StoreError::SlugTaken,
            false => error.into(),
        })?;
        tx.commit().await?;
        app_of(row)
    }

    /// Notes the profile that was detected for an app, for people to see. Does nothing when a person set one.
    pub async fn set_detected_profile(
        &self,
        scope: &Scope,
        app: &AppId,
        profile: &Profile,
    ) -> Result<(), StoreError> {
        let row = find_app(self.0.db.reader(), scope, app).await?;
        let column = profile_column(profile)?;
        if row.profile_is_set || row.profile == column {
            return Ok(());
        }
        let tx = self.begin().await?;
        apps::Entity::update_many()
            .set(apps::ActiveModel { profile: Set(column), ..Default::default() })
            .filter(apps::Column::Id.eq(app.as_str()))
            .filter(apps::Column::TenantId.eq(scope.tenant.as_str()))
            .filter(apps::Column::ProfileIsSet.eq(false))
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Deletes an app with everything that hangs on it: draft, change sets, revisions, sessions, publishes, artifacts,
    /// releases. A publish that runs loses its lease; the site is gone at once. The second time it is
    /// [`StoreError::NotFound`]. Content and trees stay until they are collected.
    pub async fn delete_app(&self, scope: &Scope, app: &AppId) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let artifact_bytes = artifact_bytes(&tx, app).await?;
        let deleted = apps::Entity::delete_many()
            .filter(apps::Column::Id.eq(app.as_str()))
            .filter(apps::Column::TenantId.eq(scope.tenant.as_str()))
            .exec(&tx)
            .await?;
        if deleted.rows_affected > 0 {
            add_storage(&tx, scope.tenant.as_str(), -artifact_bytes).await?;
        }
        tx.commit().await?;
        self.0.drafts.invalidate(app).await;
        found(deleted.rows_affected)
    }
}

/// The row of an app of this tenant.
pub(crate) async fn find_app<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    app: &AppId,
) -> Result<apps::Model, StoreError> {
    let query =
        apps::Entity::find_by_id(app.as_str()).filter(apps::Column::TenantId.eq(scope.tenant.as_str()));
    query.one(db).await?.ok_or(StoreError::NotFound)
}

/// As [`find_app`], and nobody else changes the app until the transaction ends.
pub(crate) async fn lock_app<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    app: &AppId,
) -> Result<apps::Model, StoreError> {
    let query =
        apps::Entity::find_by_id(app.as_str()).filter(apps::Column::TenantId.eq(scope.tenant.as_str()));
    query.lock_exclusive().one(tx).await?.ok_or(StoreError::NotFound)
}

/// One row more than `limit`, to tell whether there is a next page.
pub(crate) fn listed(
    scope: &Scope,
    limit: u32,
    cursor: Option<&str>,
) -> Result<Select<apps::Entity>, StoreError> {
    let mut query = apps::Entity::find().filter(apps::Column::TenantId.eq(scope.tenant.as_str()));
    if let Some(cursor) = cursor {
        let (updated_at, id) = cursor::decode(cursor)?;
        // The first condition alone says where to start in the index; the second drops ties already shown.
        let is_after =
            Condition::any().add(apps::Column::UpdatedAt.lt(updated_at)).add(apps::Column::Id.lt(id));
        query = query.filter(apps::Column::UpdatedAt.lte(updated_at)).filter(is_after);
    }
    let newest_first = query.order_by_desc(apps::Column::UpdatedAt).order_by_desc(apps::Column::Id);
    Ok(newest_first.limit(u64::from(limit) + 1))
}

fn profile_column(profile: &Profile) -> Result<String, StoreError> {
    serde_json::to_string(profile).map_err(|_| corrupt("a profile"))
}

fn profile_of(row: &apps::Model) -> Result<Profile, StoreError> {
    serde_json::from_str(&row.profile).map_err(|_| corrupt("a profile"))
}

fn app_of(row: apps::Model) -> Result<App, StoreError> {
    Ok(App {
        id: parsed(&row.id)?,
        status: match row.status.as_str() {
            DRAFT => AppStatus::Draft,
            PUBLISHED => AppStatus::Published,
            _ => return Err(corrupt("a status")),
        },
        profile: profile_of(&row)?,
        version: unsigned(row.version)?,
        created_at: Timestamp::from_millis(row.created_at),
        updated_at: Timestamp::from_millis(row.updated_at),
        name: row.name,
        slug: row.slug,
        template: row.template,
    })
}
