//! Variables of apps: names and plain values for dev servers and builds.

use sea_orm::sea_query::OnConflict;
use sea_orm::{
    ColumnTrait as _, ConnectionTrait, EntityTrait as _, IntoActiveModel as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Select,
};
use vitrine_model::secret::{EnvName, Environment, SecretTarget, VariableView};
use vitrine_model::{AppId, Timestamp};

use crate::apps::{find_app, lock_app};
use crate::codec::{json, of_json, signed, unsigned};
use crate::entity_secrets::variables::{self, Column};
use crate::error::{StoreError, found};
use crate::scope::Scope;
use crate::secrets::{NotKept, check_room};
use crate::store::Store;

impl Store {
    /// Sets a variable, in place of an earlier value.
    pub async fn put_variable(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
        (name, value, targets): (&EnvName, String, &[SecretTarget]),
    ) -> Result<VariableView, NotKept> {
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        let others = sizes(&tx, app, environment, name).await?;
        check_room(&others, value.len())?;
        let earlier = one(app, environment, name).one(&tx).await?;
        let row = variables::Model {
            app_id: app.to_string(),
            environment: environment.as_str().to_owned(),
            name: name.to_string(),
            version: earlier.map_or(1, |earlier| earlier.version + 1),
            targets: json(targets)?,
            size_bytes: signed(value.len() as u64),
            value,
            updated_at: self.now().as_millis(),
        };
        variables::Entity::insert(row.clone().into_active_model())
            .on_conflict(replace())
            .exec_without_returning(&tx)
            .await
            .map_err(StoreError::from)?;
        tx.commit().await.map_err(StoreError::from)?;
        Ok(view_of(row)?)
    }

    /// The variables of an environment, by name.
    pub async fn variables(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
    ) -> Result<Vec<VariableView>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let rows = of(app, environment).order_by_asc(Column::Name).all(self.0.db.reader()).await?;
        rows.into_iter().map(view_of).collect()
    }

    /// Removes a variable. [`StoreError::NotFound`] when there is none.
    pub async fn delete_variable(
        &self,
        scope: &Scope,
        app: &AppId,
        environment: Environment,
        name: &EnvName,
    ) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        let removed = variables::Entity::delete_many()
            .filter(Column::AppId.eq(app.as_str()))
            .filter(Column::Environment.eq(environment.as_str()))
            .filter(Column::Name.eq(name.as_str()))
            .exec(&tx)
            .await?;
        tx.commit().await?;
        found(removed.rows_affected)
    }
}

fn of(app: &AppId, environment: Environment) -> Select<variables::Entity> {
    variables::Entity::find()
        .filter(Column::AppId.eq(app.as_str()))
        .filter(Column::Environment.eq(environment.as_str()))
}

fn one(app: &AppId, environment: Environment, name: &EnvName) -> Select<variables::Entity> {
    of(app, environment).filter(Column::Name.eq(name.as_str()))
}

/// The sizes of the others.
async fn sizes<C: ConnectionTrait>(
    db: &C,
    app: &AppId,
    environment: Environment,
    name: &EnvName,
) -> Result<Vec<i64>, StoreError> {
    let others = of(app, environment).filter(Column::Name.ne(name.as_str()));
    Ok(others.select_only().column(Column::SizeBytes).into_tuple().all(db).await?)
}

/// A row takes the place of the one under the same name.
fn replace() -> OnConflict {
    OnConflict::columns([Column::AppId, Column::Environment, Column::Name])
        .update_columns([
            Column::Version,
            Column::Targets,
            Column::Value,
            Column::SizeBytes,
            Column::UpdatedAt,
        ])
        .to_owned()
}

fn view_of(row: variables::Model) -> Result<VariableView, StoreError> {
    Ok(VariableView {
        name: row.name,
        value: row.value,
        targets: of_json(&row.targets)?,
        version: unsigned(row.version)?,
        updated_at: Timestamp::from_millis(row.updated_at),
    })
}
