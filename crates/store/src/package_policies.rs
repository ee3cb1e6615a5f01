//! What a tenant says about the packages of its apps. The store keeps the text; what it means is known elsewhere.

use sea_orm::sea_query::OnConflict;
use sea_orm::{EntityTrait as _, IntoActiveModel as _};

use crate::entity_publishing::package_policies::{self, Column};
use crate::error::StoreError;
use crate::scope::Scope;
use crate::store::Store;

impl Store {
    /// The tenant's own policy; `None` when it has none.
    pub async fn package_policy(&self, scope: &Scope) -> Result<Option<String>, StoreError> {
        let row = package_policies::Entity::find_by_id(scope.tenant.as_str()).one(self.0.db.reader()).await?;
        Ok(row.map(|row| row.document))
    }

    /// Sets the tenant's policy, in place of one it has.
    pub async fn set_package_policy(&self, scope: &Scope, document: String) -> Result<(), StoreError> {
        let updated_at = self.now().as_millis();
        let row = package_policies::Model { tenant_id: scope.tenant.to_string(), document, updated_at };
        let replace = OnConflict::column(Column::TenantId)
            .update_columns([Column::Document, Column::UpdatedAt])
            .to_owned();
        let tx = self.begin().await?;
        package_policies::Entity::insert(row.into_active_model())
            .on_conflict(replace)
            .exec_without_returning(&tx)
            .await?;
        Ok(tx.commit().await?)
    }

    /// Removes the tenant's policy; no error when it has none.
    pub async fn remove_package_policy(&self, scope: &Scope) -> Result<(), StoreError> {
        let tx = self.begin().await?;
        package_policies::Entity::delete_by_id(scope.tenant.as_str()).exec(&tx).await?;
        Ok(tx.commit().await?)
    }
}
