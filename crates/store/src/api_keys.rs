//! API keys: kept as the hash of their secret, narrowed to a role and to apps, over when they expire or are revoked.

use sea_orm::{
    ActiveModelTrait as _, ColumnTrait as _, Condition, ConnectionTrait, EntityTrait as _,
    IntoActiveModel as _, QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
};
use vitrine_model::app::Page;
use vitrine_model::identity::{Actor, ApiKey};
use vitrine_model::{AppId, KeyId, Role, Sha256, Timestamp, UserId};

use crate::apps::find_app;
use crate::authority::Authority;
use crate::codec::{hash, hash_column, json, of_json, of_word, parsed, word};
use crate::cursor;
use crate::entity_identity::api_keys::{self, Column};
use crate::error::StoreError;
use crate::members::find_member;
use crate::scope::Scope;
use crate::standing::{Standing, standing_in};
use crate::store::Store;

/// A key's use is written down again after this long.
const USE_WRITTEN_EVERY_SECS: i64 = 60;

/// A new key, for the tenant and the user of a scope.
#[derive(Debug, Clone)]
pub struct NewKey {
    /// The key.
    pub id: KeyId,
    /// Its name, for people.
    pub name: String,
    /// How it begins.
    pub prefix: String,
    /// The hash of its secret.
    pub secret: Sha256,
    /// What it may do at most.
    pub role: Role,
    /// The apps it is for; absent means all.
    pub apps: Option<Vec<AppId>>,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
}

/// What is on record about a key that somebody presents.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KeyRecord {
    /// The hash of its secret: whoever presents the key has to know what it was made of.
    pub secret: Sha256,
    /// What it may do at most.
    pub role: Role,
    /// The apps it is for; absent means all.
    pub apps: Option<Vec<AppId>>,
    /// Until when it works.
    pub expires_at: Option<Timestamp>,
    /// Where the member it acts for stands.
    pub standing: Standing,
}

impl Store {
    /// Makes a key that acts for the user of the scope. [`StoreError::NotFound`] when an app is not the tenant's, or the
    /// user is no member; [`StoreError::Forbidden`] when `by` does not manage the key's role at this moment.
    pub async fn create_key(&self, scope: &Scope, new: NewKey, by: &Actor) -> Result<ApiKey, StoreError> {
        let tx = self.begin().await?;
        Authority::of(&tx, scope, by, self.now()).await?.manages(new.role)?;
        find_member(&tx, scope, &scope.user).await?;
        for app in new.apps.iter().flatten() {
            find_app(&tx, scope, app).await?;
        }
        let key = insert_key(&tx, scope, new, self.now()).await?;
        tx.commit().await?;
        Ok(key)
    }

    /// The tenant's keys, revoked and expired ones included, the newest first; `limit` at a time, from `cursor` on.
    pub async fn list_keys(
        &self,
        scope: &Scope,
        limit: u32,
        cursor: Option<&str>,
    ) -> Result<Page<ApiKey>, StoreError> {
        let mut query = api_keys::Entity::find().filter(Column::TenantId.eq(scope.tenant.as_str()));
        if let Some(cursor) = cursor {
            let (created_at, id) = cursor::decode(cursor)?;
            let is_after = Condition::any().add(Column::CreatedAt.lt(created_at)).add(Column::Id.lt(id));
            query = query.filter(Column::CreatedAt.lte(created_at)).filter(is_after);
        }
        let query = query.order_by_desc(Column::CreatedAt).order_by_desc(Column::Id);
        let rows = query.limit(u64::from(limit) + 1).all(self.0.db.reader()).await?;
        cursor::page(rows, limit, |row| cursor::encode(row.created_at, &row.id), key_of)
    }

    /// One key of the tenant.
    pub async fn key(&self, scope: &Scope, key: &KeyId) -> Result<ApiKey, StoreError> {
        key_of(find_key(self.0.db.reader(), scope, key).await?)
    }

    /// Revokes a key for good. Revoking it again keeps the time of the first. [`StoreError::Forbidden`] when `by` does not
    /// manage the key's role at this moment.
    pub async fn revoke_key(&self, scope: &Scope, key: &KeyId, by: &Actor) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        let authority = Authority::of(&tx, scope, by, self.now()).await?;
        let row = find_key(&tx, scope, key).await?;
        authority.manages(of_word(&row.role)?)?;
        if row.revoked_at.is_none() {
            let mut change = row.into_active_model();
            change.revoked_at = Set(Some(self.now().as_millis()));
            change.update_without_returning(&tx).await?;
        }
        Ok(tx.commit().await?)
    }

    /// What a key of the tenant is called.
    pub async fn key_name(&self, scope: &Scope, key: &KeyId) -> Result<String, StoreError> {
        let query =
            api_keys::Entity::find_by_id(key.as_str()).filter(Column::TenantId.eq(scope.tenant.as_str()));
        Ok(query.one(self.0.db.reader()).await?.ok_or(StoreError::NotFound)?.name)
    }

    /// What is on record about a key; `None` when there is none, it was revoked, or whom it acts for is no member any more.
    /// For finding out who calls.
    pub async fn key_record(&self, key: &KeyId) -> Result<Option<KeyRecord>, StoreError> {
        let reader = self.0.db.reader();
        let row = api_keys::Entity::find_by_id(key.as_str()).filter(Column::RevokedAt.is_null()).one(reader);
        let Some(row) = row.await? else { return Ok(None) };
        let user: UserId = parsed(&row.user_id)?;
        let Some(standing) = standing_in(reader, &user, Some(&parsed(&row.tenant_id)?)).await? else {
            return Ok(None);
        };
        Ok(Some(KeyRecord {
            secret: hash(&row.secret_sha256)?,
            role: of_word(&row.role)?,
            apps: row.apps.as_deref().map(of_json).transpose()?,
            expires_at: row.expires_at.map(Timestamp::from_millis),
            standing,
        }))
    }

    /// Notes that a key was used, once a minute at most.
    pub async fn note_key_use(&self, key: &KeyId) -> Result<(), StoreError> {
        let now = self.now();
        let long_ago = now.plus_secs(-USE_WRITTEN_EVERY_SECS).as_millis();
        let is_due = Condition::any().add(Column::LastUsedAt.is_null()).add(Column::LastUsedAt.lte(long_ago));
        let tx = self.begin().await?;
        api_keys::Entity::update_many()
            .set(api_keys::ActiveModel { last_used_at: Set(Some(now.as_millis())), ..Default::default() })
            .filter(Column::Id.eq(key.as_str()))
            .filter(is_due)
            .exec(&tx)
            .await?;
        Ok(tx.commit().await?)
    }
}

/// Writes a key for the user of the scope, who is a member.
pub(crate) async fn insert_key<C: ConnectionTrait>(
    tx: &C,
    scope: &Scope,
    new: NewKey,
    now: Timestamp,
) -> Result<ApiKey, StoreError> {
    let row = api_keys::Model {
        id: new.id.into(),
        tenant_id: scope.tenant.to_string(),
        user_id: scope.user.to_string(),
        name: new.name,
        prefix: new.prefix,
        secret_sha256: hash_column(&new.secret),
        role: word(&new.role)?,
        apps: new.apps.as_deref().map(json).transpose()?,
        created_at: now.as_millis(),
        expires_at: new.expires_at.map(Timestamp::as_millis),
        revoked_at: None,
        last_used_at: None,
    };
    api_keys::Entity::insert(row.clone().into_active_model()).exec_without_returning(tx).await?;
    key_of(row)
}

async fn find_key<C: ConnectionTrait>(
    db: &C,
    scope: &Scope,
    key: &KeyId,
) -> Result<api_keys::Model, StoreError> {
    let query = api_keys::Entity::find_by_id(key.as_str()).filter(Column::TenantId.eq(scope.tenant.as_str()));
    query.one(db).await?.ok_or(StoreError::NotFound)
}

fn key_of(row: api_keys::Model) -> Result<ApiKey, StoreError> {
    Ok(ApiKey {
        id: parsed(&row.id)?,
        role: of_word(&row.role)?,
        apps: row.apps.as_deref().map(of_json).transpose()?,
        user_id: parsed(&row.user_id)?,
        created_at: Timestamp::from_millis(row.created_at),
        expires_at: row.expires_at.map(Timestamp::from_millis),
        revoked_at: row.revoked_at.map(Timestamp::from_millis),
        last_used_at: row.last_used_at.map(Timestamp::from_millis),
        name: row.name,
        prefix: row.prefix,
    })
}
