//! Secrets of apps, under two kinds of keys: every tenant has a data key that seals its secrets, and a master key of the
//! operator's wraps the data keys. A new master key means wrapping the data keys anew; no secret is touched.
//!
//! The database alone opens nothing, and neither does the master key alone. Opened data keys stay in memory for a while.

mod master;
mod rewrap;
mod rows;
mod sealed;

use std::sync::Arc;
use std::time::Duration;

use moka::future::Cache;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};
use vitrine_model::secret::{
    EnvName, Environment, MAX_PER_ENVIRONMENT, MAX_TOTAL_BYTES, SecretTarget, SecretValue, SecretView,
};
use vitrine_model::{AppId, Sha256};

pub use master::{InvalidMasterKeys, MasterKeyError, MasterKeySource, MasterKeys};
pub use rewrap::{KeyReport, Rewrapped};

use crate::codec::signed;
use crate::entity_secrets::data_keys;
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;
use sealed::{Key, identity};

/// Data keys held in memory, and for how long after their last use.
const MOST_OPEN_KEYS: u64 = 10_000;
const OPEN_FOR: Duration = Duration::from_secs(15 * 60);

/// Bytes of a data key's name.
const KEY_ID_BYTES: usize = 12;

/// Secrets of all tenants; cheap to clone.
#[derive(Clone)]
pub struct Vault {
    store: Store,
    source: Arc<dyn MasterKeySource>,
    open: Cache<String, Arc<DataKey>>,
}

/// A secret to be.
pub struct NewSecret<'a> {
    /// Where it applies.
    pub environment: Environment,
    /// Its name.
    pub name: &'a EnvName,
    /// Its value, checked by [`SecretValue::check`].
    pub value: &'a SecretValue,
    /// Who is given it.
    pub targets: &'a [SecretTarget],
}

/// A secret with its value.
pub struct OpenSecret {
    /// Its name.
    pub name: EnvName,
    /// Who is given it.
    pub targets: Vec<SecretTarget>,
    /// Its value.
    pub value: SecretValue,
}

/// Why a secret or a variable was not kept; what was there before is there still.
#[derive(Debug, thiserror::Error)]
pub enum NotKept {
    /// [`MAX_PER_ENVIRONMENT`] are there already.
    #[error("an environment has at most {MAX_PER_ENVIRONMENT} of them; remove one first")]
    TooMany,
    /// All of them together would be over [`MAX_TOTAL_BYTES`].
    #[error("all of an environment have at most {MAX_TOTAL_BYTES} bytes together")]
    TooLarge,
    /// The store did not take it.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<sea_orm::DbErr> for NotKept {
    fn from(error: sea_orm::DbErr) -> Self {
        Self::Store(error.into())
    }
}

/// Why secrets cannot be had. Nothing is lost: with the right keys in place they can be again.
#[derive(Debug, thiserror::Error)]
pub enum VaultError {
    /// There is no master key.
    #[error(transparent)]
    MasterKey(#[from] MasterKeyError),
    /// The one that is needed is not among them.
    #[error("secrets are locked: the master key `{id}` is needed, and {place} does not have it")]
    UnknownMasterKey {
        /// The name of the key.
        id: String,
        /// Where keys are looked for.
        place: String,
    },
    /// Something does not open although the key is there: it was changed outside of Vitrine.
    #[error("{what} does not open: it was damaged, or moved from where it belongs")]
    Damaged {
        /// A name, for people.
        what: String,
    },
    /// It was not kept.
    #[error(transparent)]
    NotKept(#[from] NotKept),
}

impl From<StoreError> for VaultError {
    fn from(error: StoreError) -> Self {
        Self::NotKept(NotKept::Store(error))
    }
}

impl From<sea_orm::DbErr> for VaultError {
    fn from(error: sea_orm::DbErr) -> Self {
        StoreError::from(error).into()
    }
}

/// A tenant's key, opened.
struct DataKey {
    id: String,
    key: Key,
}

impl Vault {
    /// The secrets in `store`, under the keys of `source`.
    pub fn new(store: Store, source: Arc<dyn MasterKeySource>) -> Self {
        let open = Cache::builder().max_capacity(MOST_OPEN_KEYS).time_to_idle(OPEN_FOR).build();
        Self { store, source, open }
    }

    /// Sets a secret, in place of an earlier value.
    pub async fn put(
        &self,
        scope: &Scope,
        app: &AppId,
        secret: NewSecret<'_>,
    ) -> Result<SecretView, VaultError> {
        // Whose app it is comes first: nobody makes keys for a tenant by guessing.
        self.store.app(scope, app).await?;
        let key = self.data_key(scope).await?;
        self.store.put_sealed(scope, app, &secret, &key).await
    }

    /// The secrets of an environment by name, without their values. Needs no key.
    pub async fn list(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
    ) -> Result<Vec<SecretView>, StoreError> {
        self.store.sealed(scope, app, environment).await?.into_iter().map(rows::view_of).collect()
    }

    /// Removes a secret; needs no key. [`StoreError::NotFound`] when there is none.
    pub async fn delete(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
        name: &EnvName,
    ) -> Result<(), StoreError> {
        self.store.delete_sealed(scope, app, environment, name).await
    }

    /// The secrets of an environment with their values: for whoever gives them to a process, and for nobody else. Without
    /// secrets no key is needed.
    pub async fn open(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
    ) -> Result<Vec<OpenSecret>, VaultError> {
        let rows = self.store.sealed(scope, app, environment).await?;
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let key = self.data_key(scope).await?;
        rows.into_iter().map(|row| rows::opened(scope, row, &key)).collect()
    }

    /// A digest of `data` that only this tenant's key gives: equal data, equal digests, and nothing to guess with.
    pub async fn digest(&self, scope: &Scope, purpose: &str, data: &[u8]) -> Result<Sha256, VaultError> {
        Ok(self.data_key(scope).await?.key.digest(purpose, data))
    }

    /// The tenant's data key, made on the first call. Calls at once all get the same.
    async fn data_key(&self, scope: &Scope) -> Result<Arc<DataKey>, VaultError> {
        let row = match self.data_key_row(scope).await? {
            Some(row) => row,
            None => self.make_data_key(scope).await?,
        };
        if let Some(open) = self.open.get(&row.id).await {
            return Ok(open);
        }
        let key = Arc::new(DataKey { id: row.id.clone(), key: self.unwrap(&row).await? });
        self.open.insert(row.id, key.clone()).await;
        Ok(key)
    }

    async fn data_key_row(&self, scope: &Scope) -> Result<Option<data_keys::Model>, StoreError> {
        let query = data_keys::Entity::find().filter(data_keys::Column::TenantId.eq(scope.tenant.as_str()));
        Ok(query.one(self.store.0.db.reader()).await?)
    }

    async fn make_data_key(&self, scope: &Scope) -> Result<data_keys::Model, VaultError> {
        let masters = self.load().await?;
        let entropy = self.store.0.entropy.as_ref();
        let mut id = [0; KEY_ID_BYTES];
        entropy.fill(&mut id);
        let id = format!("key_{}", data_encoding::HEXLOWER.encode(&id));
        let fresh = Key::random(entropy);
        let (master_key_id, wrapped) = self.wrapped(&masters, (&id, scope.tenant.as_str()), &fresh)?;
        let row = data_keys::Model {
            id,
            tenant_id: scope.tenant.to_string(),
            master_key_id,
            wrapped,
            created_at: self.store.now().as_millis(),
        };
        let there = OnConflict::column(data_keys::Column::TenantId).do_nothing().to_owned();
        let tx = self.store.begin().await?;
        let insert = data_keys::Entity::insert(row.into_active_model()).on_conflict(there);
        insert.try_insert().exec_without_returning(&tx).await?;
        tx.commit().await?;
        Ok(self.data_key_row(scope).await?.ok_or(StoreError::NotFound)?)
    }

    /// A data key under the first master key, and the name of that one.
    fn wrapped(
        &self,
        masters: &MasterKeys,
        (id, tenant): (&str, &str),
        key: &Key,
    ) -> Result<(String, Vec<u8>), VaultError> {
        let master = masters.current().ok_or_else(|| self.unknown("any"))?;
        let aad = identity("vitrine data key 1", &[tenant, id, &master.id]);
        let sealed = master.key.seal(self.store.0.entropy.as_ref(), &aad, key.bytes());
        Ok((master.id.clone(), sealed.map_err(|_| damaged("a data key"))?))
    }

    async fn unwrap(&self, row: &data_keys::Model) -> Result<Key, VaultError> {
        let masters = self.load().await?;
        self.unwrap_with(&masters, row)
    }

    fn unwrap_with(&self, masters: &MasterKeys, row: &data_keys::Model) -> Result<Key, VaultError> {
        let master = masters.find(&row.master_key_id).ok_or_else(|| self.unknown(&row.master_key_id))?;
        let aad = identity("vitrine data key 1", &[&row.tenant_id, &row.id, &row.master_key_id]);
        let opened = master.key.open(&aad, &row.wrapped).map_err(|_| damaged(&row.id))?;
        let mut bytes = zeroize::Zeroizing::new([0; sealed::KEY_BYTES]);
        if opened.len() != sealed::KEY_BYTES {
            return Err(damaged(&row.id));
        }
        bytes.copy_from_slice(&opened);
        Ok(Key::new(bytes))
    }

    fn unknown(&self, id: &str) -> VaultError {
        VaultError::UnknownMasterKey { id: id.to_owned(), place: self.source.place() }
    }

    async fn load(&self) -> Result<MasterKeys, VaultError> {
        Ok(self.source.load().await?)
    }
}

fn damaged(what: &str) -> VaultError {
    VaultError::Damaged { what: format!("`{what}`") }
}

/// Whether one more of so many bytes fits beside the others.
pub(crate) fn check_room(others: &[i64], bytes: usize) -> Result<(), NotKept> {
    let total = others.iter().sum::<i64>().saturating_add(signed(bytes as u64));
    match (others.len() < MAX_PER_ENVIRONMENT, total <= signed(MAX_TOTAL_BYTES as u64)) {
        (false, _) => Err(NotKept::TooMany),
        (_, false) => Err(NotKept::TooLarge),
        _ => Ok(()),
    }
}
