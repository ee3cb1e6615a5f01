//! What visitors get: the site behind a slug or a permalink. No [`Scope`] here, for visitors belong to no tenant; a slug
//! and an artifact's id are public names.

use std::time::Duration;

use sea_orm::sea_query::{Expr, ExprTrait as _, Query};
use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Select, Set,
};
use vitrine_model::hosting::HostingSettings;
use vitrine_model::{AppId, ArtifactId, Manifest, RevisionId, TenantId, Timestamp};

use crate::apps::{find_app, lock_app};
use crate::artifacts::{find_artifact, manifest_of};
use crate::codec::{after, json, of_json, parsed, unsigned};
use crate::entity::apps;
use crate::entity_publishing::{artifacts, releases};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;

/// Characters of a slug that fit into a permalink's host beside the artifact: a DNS label has 63, the artifact's part 26,
/// and two hyphens stand between them.
pub const PERMALINK_SLUG_CHARS: usize = 63 - 26 - 2;

/// Earlier artifacts whose files a site still answers with; a person who publishes more often reloads sooner.
const MOST_EARLIER: usize = 5;

/// Replaced releases looked at to find them: one artifact may have been released several times.
const MOST_REPLACED_READ: u64 = 20;

/// Apps asked for in one query.
const APPS_PER_QUERY: usize = 400;

/// How a permalink names an app.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SlugName<'a> {
    /// The whole slug.
    Whole(&'a str),
    /// What fits of a slug that is longer than [`PERMALINK_SLUG_CHARS`], without hyphens at the end.
    Cut(&'a str),
}

/// A site as the edge needs it.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteRow {
    /// The app.
    pub app: AppId,
    /// Whose it is.
    pub tenant: TenantId,
    /// Its name, for people.
    pub name: String,
    /// Its slug now.
    pub slug: String,
    /// Grows with everything a visitor could notice: pointer, settings, name, slug.
    pub version: u64,
    /// What is served; `None` when the app is not published.
    pub current: Option<SiteRelease>,
    /// The files of artifacts that were current a short time ago, the last one first: open tabs ask for them. Without
    /// the current artifact.
    pub earlier: Vec<Manifest>,
    /// How it is served.
    pub settings: HostingSettings,
}

/// What a site serves.
#[derive(Debug, Clone, PartialEq)]
pub struct SiteRelease {
    /// The artifact.
    pub artifact: ArtifactId,
    /// Its files.
    pub manifest: Manifest,
    /// The revision it shows.
    pub revision: RevisionId,
    /// When it was made current last. `None` when it is not public: never released, or withdrawn since; only a permalink
    /// leads to such a one, and only its owner may see it.
    pub released_at: Option<Timestamp>,
}

impl Store {
    /// The site of a slug; `None` when no app has it. `grace` is for how long after its replacement a release's files are
    /// still among the earlier ones.
    pub async fn site_by_slug(&self, slug: &str, grace: Duration) -> Result<Option<SiteRow>, StoreError> {
        // Pointer, releases and manifests of one moment.
        let snapshot = self.0.db.snapshot().await?;
        let Some(app) = apps::Entity::find().filter(apps::Column::Slug.eq(slug)).one(&snapshot).await? else {
            return Ok(None);
        };
        let current = match &app.release_id {
            Some(id) => Some(current_of(&snapshot, &app, id).await?),
            None => None,
        };
        let earlier = match &current {
            Some(current) => self.earlier_of(&snapshot, &app, &current.artifact, grace).await?,
            None => Vec::new(),
        };
        snapshot.commit().await?;
        site_of(app, current, earlier).map(Some)
    }

    /// The site that shows one artifact of an app, whether or not it is current; `None` when no app whose slug is named has
    /// it, or when several have: nobody's site is shown in the place of another.
    pub async fn site_by_artifact(
        &self,
        artifact: &ArtifactId,
        slug: SlugName<'_>,
    ) -> Result<Option<SiteRow>, StoreError> {
        let snapshot = self.0.db.snapshot().await?;
        let found = having_artifact(artifact, slug).limit(2).all(&snapshot).await?;
        let Ok([app]) = <[apps::Model; 1]>::try_from(found) else { return Ok(None) };
        let made = find_artifact(&snapshot, &app.id, artifact).await?;
        let released = public_release(&app, artifact).one(&snapshot).await?;
        snapshot.commit().await?;
        let revision = released.as_ref().map_or(&made.revision_id, |release| &release.revision_id);
        let shown = SiteRelease {
            artifact: artifact.clone(),
            manifest: manifest_of(&made.manifest, &made.manifest_sha256)?,
            revision: parsed(revision)?,
            released_at: released.map(|release| Timestamp::from_millis(release.created_at)),
        };
        site_of(app, Some(shown), Vec::new()).map(Some)
    }

    /// The versions of the sites of these apps, without those that are gone. For whoever keeps sites in memory.
    pub async fn site_versions(&self, apps: &[AppId]) -> Result<Vec<(AppId, u64)>, StoreError> {
        let mut versions = Vec::with_capacity(apps.len());
        for chunk in apps.chunks(APPS_PER_QUERY) {
            let rows: Vec<(String, i64)> = apps::Entity::find()
                .select_only()
                .column(apps::Column::Id)
                .column(apps::Column::SiteVersion)
                .filter(apps::Column::Id.is_in(chunk.iter().map(AppId::as_str)))
                .into_tuple()
                .all(self.0.db.reader())
                .await?;
            for (id, version) in rows {
                versions.push((parsed(&id)?, unsigned(version)?));
            }
        }
        Ok(versions)
    }

    /// How the app is served.
    pub async fn hosting_settings(&self, scope: &Scope, app: &AppId) -> Result<HostingSettings, StoreError> {
        settings_of(&find_app(self.0.db.reader(), scope, app).await?)
    }

    /// Sets how the app is served, as a whole.
    pub async fn set_hosting_settings(
        &self,
        scope: &Scope,
        app: &AppId,
        settings: &HostingSettings,
    ) -> Result<(), StoreError> {
        let column = json(settings)?;
        let tx = self.begin().await?;
        let row = lock_app(&tx, scope, app).await?;
        let version = row.site_version + 1;
        let mut change = row.into_active_model();
        change.hosting = Set(Some(column));
        change.site_version = Set(version);
        change.update_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }

    async fn earlier_of<C: ConnectionTrait>(
        &self,
        db: &C,
        app: &apps::Model,
        current: &ArtifactId,
        grace: Duration,
    ) -> Result<Vec<Manifest>, StoreError> {
        let now = self.now();
        let age = after(Timestamp::from_millis(0), grace).as_millis();
        let since = Timestamp::from_millis(now.as_millis().saturating_sub(age));
        let mut seen = vec![current.to_string()];
        let mut earlier = Vec::new();
        for release in replaced_since(&app.id, since).all(db).await? {
            if seen.contains(&release.artifact_id) || earlier.len() == MOST_EARLIER {
                continue;
            }
            let made = find_artifact(db, &app.id, &parsed(&release.artifact_id)?).await?;
            earlier.push(manifest_of(&made.manifest, &made.manifest_sha256)?);
            seen.push(release.artifact_id);
        }
        Ok(earlier)
    }
}

async fn current_of<C: ConnectionTrait>(
    db: &C,
    app: &apps::Model,
    release: &str,
) -> Result<SiteRelease, StoreError> {
    let row = releases::Entity::find_by_id(release).one(db).await?;
    let row = row.ok_or_else(|| StoreError::Corrupt(format!("release {release} is missing")))?;
    let artifact = parsed(&row.artifact_id)?;
    let made = find_artifact(db, &app.id, &artifact).await?;
    Ok(SiteRelease {
        artifact,
        manifest: manifest_of(&made.manifest, &made.manifest_sha256)?,
        revision: parsed(&row.revision_id)?,
        released_at: Some(Timestamp::from_millis(row.created_at)),
    })
}

/// Releases of an app that were replaced after `since`, the last replaced first.
pub(crate) fn replaced_since(app: &str, since: Timestamp) -> Select<releases::Entity> {
    releases::Entity::find()
        .filter(releases::Column::AppId.eq(app))
        .filter(releases::Column::ReplacedAt.is_not_null())
        .filter(releases::Column::ReplacedAt.gt(since.as_millis()))
        .order_by_desc(releases::Column::ReplacedAt)
        .limit(MOST_REPLACED_READ)
}

/// The app that a permalink names.
pub(crate) fn having_artifact(artifact: &ArtifactId, slug: SlugName<'_>) -> Select<apps::Entity> {
    // By slug first: one artifact of a template may be thousands of apps'.
    let has_it = Query::select()
        .expr(Expr::value(1))
        .from(artifacts::Entity)
        .and_where(
            Expr::col((artifacts::Entity, artifacts::Column::AppId))
                .eq(Expr::col((apps::Entity, apps::Column::Id))),
        )
        .and_where(Expr::col((artifacts::Entity, artifacts::Column::Id)).eq(artifact.as_str()))
        .take();
    let query = apps::Entity::find().filter(Expr::exists(has_it));
    let prefix = match slug {
        SlugName::Whole(slug) => return query.filter(apps::Column::Slug.eq(slug)),
        SlugName::Cut(prefix) => prefix,
    };
    // Slugs are compared byte by byte, and `~` is above every character of a slug: a range, which an index can answer.
    query
        .filter(apps::Column::Slug.gte(prefix))
        .filter(apps::Column::Slug.lt(format!("{prefix}~")))
        .order_by_asc(apps::Column::Slug)
}

/// The last release of an artifact that is public: current now, or replaced and not withdrawn.
pub(crate) fn public_release(app: &apps::Model, artifact: &ArtifactId) -> Select<releases::Entity> {
    let mut is_public = Condition::any().add(releases::Column::ReplacedAt.is_not_null());
    if let Some(current) = &app.release_id {
        is_public = is_public.add(releases::Column::Id.eq(current));
    }
    releases::Entity::find()
        .filter(releases::Column::AppId.eq(&app.id))
        .filter(releases::Column::ArtifactId.eq(artifact.as_str()))
        .filter(is_public)
        .order_by_desc(releases::Column::Number)
}

fn settings_of(app: &apps::Model) -> Result<HostingSettings, StoreError> {
    app.hosting.as_deref().map_or_else(|| Ok(HostingSettings::default()), of_json)
}

fn site_of(
    app: apps::Model,
    current: Option<SiteRelease>,
    earlier: Vec<Manifest>,
) -> Result<SiteRow, StoreError> {
    Ok(SiteRow {
        settings: settings_of(&app)?,
        app: parsed(&app.id)?,
        tenant: parsed(&app.tenant_id)?,
        version: unsigned(app.site_version)?,
        name: app.name,
        slug: app.slug,
        current,
        earlier,
    })
}
