//! What the owners of apps let their dev sandboxes reach.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, IntoActiveModel as _};
use vitrine_model::AppId;
use vitrine_model::egress::EgressDestination;

use crate::apps::{find_app, lock_app};
use crate::codec::{json, of_json};
use crate::entity_secrets::app_egress::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;

impl Store {
    /// Where the app's dev sandbox may connect to; nowhere until somebody says so.
    pub async fn egress(&self, scope: &Scope, app: &AppId) -> Result<Vec<EgressDestination>, StoreError> {
        find_app(self.0.db.reader(), scope, app).await?;
        let row = app_egress::Entity::find_by_id(app.as_str()).one(self.0.db.reader()).await?;
        row.map_or(Ok(Vec::new()), |row| of_json(&row.destinations))
    }

    /// Replaces that list.
    pub async fn set_egress(
        &self,
        scope: &Scope,
        app: &AppId,
        destinations: &[EgressDestination],
    ) -> Result<(), StoreError> {
        let row = app_egress::Model {
            app_id: app.to_string(),
            destinations: json(destinations)?,
            updated_at: self.now().as_millis(),
        };
        let replace = OnConflict::column(Column::AppId)
            .update_columns([Column::Destinations, Column::UpdatedAt])
            .to_owned();
        let tx = self.begin().await?;
        lock_app(&tx, scope, app).await?;
        let insert = app_egress::Entity::insert(row.into_active_model()).on_conflict(replace);
        insert.exec_without_returning(&tx).await?;
        Ok(tx.commit().await?)
    }
}
