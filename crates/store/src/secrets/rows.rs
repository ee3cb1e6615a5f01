//! The rows of secrets: sealed as what they are, opened as what they are.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, EntityTrait as _, IntoActiveModel as _, QueryFilter as _, QueryOrder as _,
    QuerySelect as _, Select,
};
use vitrine_model::secret::{EnvName, Environment, SecretValue, SecretView};
use vitrine_model::{AppId, Timestamp};

use super::sealed::identity;
use super::{DataKey, NewSecret, OpenSecret, VaultError, check_room, damaged};
use crate::apps::{find_app, lock_app};
use crate::codec::{corrupt, json, of_json, signed, unsigned};
use crate::entity_secrets::secrets::{self, Column};
use crate::error::{StoreError, found};
use crate::scope::Scope;
use crate::store::Store;

/// Hexadecimal digits of a fingerprint: enough to tell a few hundred values apart.
const FINGERPRINT_DIGITS: usize = 16;

impl Store {
    pub(super) async fn put_sealed(
        &self,
        scope: &Scope,
        app: &AppId,
        secret: &NewSecret<'_>,
        key: &DataKey,
    ) -> Result<SecretView, VaultError> {
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        let of_environment = of(app, secret.environment);
        let others = of_environment.clone().filter(Column::Name.ne(secret.name.as_str()));
        let others: Vec<i64> = others.select_only().column(Column::SizeBytes).into_tuple().all(&tx).await?;
        check_room(&others, secret.value.reveal().len())?;
        let earlier = of_environment.filter(Column::Name.eq(secret.name.as_str())).one(&tx).await?;
        let value = secret.value.reveal().as_bytes();
        let mut row = secrets::Model {
            app_id: app.to_string(),
            environment: secret.environment.as_str().to_owned(),
            name: secret.name.to_string(),
            version: earlier.map_or(1, |earlier| earlier.version + 1),
            targets: json(secret.targets)?,
            data_key_id: key.id.clone(),
            sealed: Vec::new(),
            size_bytes: signed(value.len() as u64),
            fingerprint: key.key.digest("fingerprint", value).to_hex()[..FINGERPRINT_DIGITS].to_owned(),
            updated_at: self.now().as_millis(),
        };
        let sealed = key.key.seal(self.0.entropy.as_ref(), &identity_of(scope, &row), value);
        row.sealed = sealed.map_err(|_| damaged(secret.name.as_str()))?;
        secrets::Entity::insert(row.clone().into_active_model())
            .on_conflict(replace())
            .exec_without_returning(&tx)
            .await?;
        tx.commit().await?;
        Ok(view_of(row)?)
    }

    pub(super) async fn sealed(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
    ) -> Result<Vec<secrets::Model>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        Ok(of(app, environment).order_by_asc(Column::Name).all(self.0.db.reader()).await?)
    }

    pub(super) async fn delete_sealed(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
        name: &EnvName,
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        let removed = secrets::Entity::delete_many()
            .filter(Column::AppId.eq(app.as_str()))
            .filter(Column::Environment.eq(environment.as_str()))
            .filter(Column::Name.eq(name.as_str()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        found(removed.rows_affected)
    }
}

fn of(app: &AppId, environment: Environment) -> Select<secrets::Entity> {
    secrets::Entity::find()
        .filter(Column::AppId.eq(app.as_str()))
        .filter(Column::Environment.eq(environment.as_str()))
}

/// What a row is, in the words it is sealed with. The tenant is the caller's, not the row's: a row that was given to
/// another tenant's app does not open there.
fn identity_of(scope: &Scope, row: &secrets::Model) -> Vec<u8> {
    let version = row.version.to_string();
    let words = [scope.tenant.as_str(), &row.app_id, &row.environment, &row.name, &version, &row.data_key_id];
    identity("vitrine secret 1", &words)
}

pub(super) fn opened(scope: &Scope, row: secrets::Model, key: &DataKey) -> Result<OpenSecret, VaultError> {
    let damaged = || damaged(&row.name);
    if row.data_key_id != key.id {
        return Err(damaged());
    }
    let plain = key.key.open(&identity_of(scope, &row), &row.sealed).map_err(|_| damaged())?;
    let text = std::str::from_utf8(&plain).map_err(|_| damaged())?;
    Ok(OpenSecret {
        name: EnvName::of_secret(&row.name).map_err(|_| corrupt("a secret's name"))?,
        targets: of_json(&row.targets)?,
        value: SecretValue::new(text.to_owned()),
    })
}

pub(super) fn view_of(row: secrets::Model) -> Result<SecretView, StoreError> {
    Ok(SecretView {
        name: row.name,
        targets: of_json(&row.targets)?,
        version: unsigned(row.version)?,
        fingerprint: row.fingerprint,
        updated_at: Timestamp::from_millis(row.updated_at),
    })
}

/// A row takes the place of the one under the same name.
fn replace() -> OnConflict {
    OnConflict::columns([Column::AppId, Column::Environment, Column::Name])
        .update_columns([
            Column::Version,
            Column::Targets,
            Column::DataKeyId,
            Column::Sealed,
            Column::SizeBytes,
            Column::Fingerprint,
            Column::UpdatedAt,
        ])
        .to_owned()
}
