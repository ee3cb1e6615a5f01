//! A tenant's own rules about packages.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, MigrationTrait, SchemaManager, Table,
};
use sea_orm_migration::schema::{big_integer, text};

use super::m0001_first::reference;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tenant = ("package_policies", "tenant_id");
        let table = Table::create()
            .table(tenant.0)
            .col(text(tenant.1).primary_key())
            .col(text("document"))
            .col(big_integer("updated_at"))
            .foreign_key(&mut reference(tenant.0, tenant.1, "tenants", "id", ForeignKeyAction::Cascade))
            .take();
        manager.create_table(table).await
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
