//! Links that show an app's preview to whoever has them. The secret in their URL is kept as its hash.

use sea_orm::sea_query::{Expr, ExprTrait as _};
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};
use vitrine_model::preview_link::PreviewLink;
use vitrine_model::{AppId, LinkId, RevisionId, Sha256, TenantId, Timestamp};

use crate::apps::{find_app, lock_app};
use crate::codec::{hash_column, parsed, unsigned};
use crate::entity::revisions;
use crate::entity_links::preview_links::{self, Column};
use crate::error::{StoreError, found};
use crate::scope::Scope;
use crate::store::Store;
use crate::tenants::is_suspended;

/// Links of one app: what a person can keep in view. A link that has expired counts until it is removed.
pub const MOST_LINKS: usize = 100;

/// Expired links are shown this long, so that their maker sees why a visitor was refused.
const KEPT_SECS: i64 = 30 * 24 * 3_600;

/// A link to be.
#[derive(Debug, Clone)]
pub struct NewPreviewLink {
    /// What its maker calls it.
    pub label: Option<String>,
    /// The revision it shows; absent for the live draft.
    pub revision: Option<RevisionId>,
    /// The hash of the secret that opens it, which nothing else is opened by.
    pub secret_hash: Sha256,
    /// The hash of its password, if it has one.
    pub password_hash: Option<String>,
    /// From when on it opens nothing.
    pub expires_at: Timestamp,
}

/// A link with what is needed to open it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoredLink {
    /// The link.
    pub link: PreviewLink,
    /// What it shows.
    pub app: AppId,
    /// In whose name.
    pub scope: Scope,
    /// The hash of its password.
    pub password_hash: Option<String>,
}

impl Store {
    /// Makes a link. [`StoreError::NotFound`] when the revision is not the app's; [`StoreError::TooManyLinks`] when the app
    /// has [`MOST_LINKS`].
    pub async fn create_preview_link(
        &self,
        scope: &Scope,
        app: &AppId,
        new: NewPreviewLink,
    ) -> Result<PreviewLink, StoreError> {
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        if let Some(revision) = &new.revision {
            let found = revisions::Entity::find_by_id(revision.as_str())
                .filter(revisions::Column::AppId.eq(app.as_str()))
                .one(&tx)
                .await?;
            found.ok_or(StoreError::NotFound)?;
        }
        if of_app(app).all(&tx).await?.len() >= MOST_LINKS {
            return Err(StoreError::TooManyLinks);
        }
        let row = preview_links::Model {
            id: LinkId::mint(self.0.clock.as_ref(), self.0.entropy.as_ref()).into(),
            app_id: app.to_string(),
            tenant_id: scope.tenant.to_string(),
            user_id: scope.user.to_string(),
            label: new.label,
            revision_id: new.revision.map(String::from),
            secret_hash: hash_column(&new.secret_hash),
            password_hash: new.password_hash,
            created_at: self.now().as_millis(),
            expires_at: new.expires_at.as_millis(),
            visits: 0,
            last_visit_at: None,
        };
        preview_links::Entity::insert(row.clone().into_active_model()).exec_without_returning(&tx).await?;
        tx.commit().await?;
        link_of(&row)
    }

    /// The app's links, the last made first; expired ones too, for a month.
    pub async fn preview_links(&self, scope: &Scope, app: &AppId) -> Result<Vec<PreviewLink>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        of_app(app).all(self.0.db.reader()).await?.iter().map(link_of).collect()
    }

    /// Removes a link: it opens nothing any more. [`StoreError::NotFound`] the second time.
    pub async fn delete_preview_link(
        &self,
        scope: &Scope,
        app: &AppId,
        link: &LinkId,
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let deleted = preview_links::Entity::delete_many()
            .filter(Column::Id.eq(link.as_str()))
            .filter(Column::AppId.eq(app.as_str()))
            .filter(Column::TenantId.eq(scope.tenant.as_str()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        found(deleted.rows_affected)
    }

    /// The link that a secret opens, expired or not; `None` while its tenant is suspended. For the server itself: knowing
    /// the secret is the right to ask.
    pub async fn preview_link_by_secret(&self, secret: &Sha256) -> Result<Option<StoredLink>, StoreError> {
        self.unless_suspended(by_secret(secret).one(self.0.db.reader()).await?).await
    }

    /// A link by its id alone; `None` while its tenant is suspended. For the preview gateway, which was shown a cookie that
    /// names it.
    pub async fn preview_link(&self, link: &LinkId) -> Result<Option<StoredLink>, StoreError> {
        let found = preview_links::Entity::find_by_id(link.as_str()).one(self.0.db.reader()).await?;
        self.unless_suspended(found).await
    }

    /// All links of a tenant. For the server itself, when the tenant is suspended or brought back.
    pub async fn preview_links_of_tenant(&self, tenant: &TenantId) -> Result<Vec<LinkId>, StoreError> {
        let of_tenant = preview_links::Entity::find().filter(Column::TenantId.eq(tenant.as_str()));
        let ids = of_tenant.select_only().column(Column::Id).into_tuple::<String>();
        ids.all(self.0.db.reader()).await?.iter().map(|id| parsed(id)).collect()
    }

    async fn unless_suspended(
        &self,
        found: Option<preview_links::Model>,
    ) -> Result<Option<StoredLink>, StoreError> {
        let Some(row) = found else { return Ok(None) };
        match is_suspended(self.0.db.reader(), &row.tenant_id).await? {
            true => Ok(None),
            false => stored_of(&row).map(Some),
        }
    }

    /// Counts a visit. [`StoreError::NotFound`] when the link was removed meanwhile. For the server itself.
    pub async fn count_link_visit(&self, link: &LinkId) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let counted = preview_links::Entity::update_many()
            .col_expr(Column::Visits, Expr::col(Column::Visits).add(1))
            .col_expr(Column::LastVisitAt, Expr::value(self.now().as_millis()))
            .filter(Column::Id.eq(link.as_str()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        found(counted.rows_affected)
    }

    /// Removes links that expired long ago, and returns how many. For the server's timer.
    pub async fn collect_preview_links(&self) -> Result<u64, StoreError> {
        let oldest = self.now().plus_secs(-KEPT_SECS).as_millis();
        let tx = self.begin().await?;
        let expired = preview_links::Entity::delete_many().filter(Column::ExpiresAt.lte(oldest));
        let removed = expired.exec(&tx).await?.rows_affected;
        tx.commit().await?;
        Ok(removed)
    }
}

pub(crate) fn of_app(app: &AppId) -> Select<preview_links::Entity> {
    preview_links::Entity::find()
        .filter(Column::AppId.eq(app.as_str()))
        .order_by_desc(Column::CreatedAt)
        .order_by_desc(Column::Id)
        .limit(MOST_LINKS as u64)
}

pub(crate) fn by_secret(secret: &Sha256) -> Select<preview_links::Entity> {
    preview_links::Entity::find().filter(Column::SecretHash.eq(hash_column(secret)))
}

fn stored_of(row: &preview_links::Model) -> Result<StoredLink, StoreError> {
    Ok(StoredLink {
        link: link_of(row)?,
        app: parsed(&row.app_id)?,
        scope: Scope { tenant: parsed(&row.tenant_id)?, user: parsed(&row.user_id)? },
        password_hash: row.password_hash.clone(),
    })
}

fn link_of(row: &preview_links::Model) -> Result<PreviewLink, StoreError> {
    Ok(PreviewLink {
        id: parsed(&row.id)?,
        label: row.label.clone(),
        revision: row.revision_id.as_deref().map(parsed).transpose()?,
        created_by: parsed(&row.user_id)?,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: Timestamp::from_millis(row.expires_at),
        visits: unsigned(row.visits)?,
        last_visit_at: row.last_visit_at.map(Timestamp::from_millis),
        has_password: row.password_hash.is_some(),
    })
}
