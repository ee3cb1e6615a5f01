//! Who was taken out of a tenant; and expired invitations are found without reading all of them.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, Index, MigrationTrait, SchemaManager, Table,
};
use sea_orm_migration::schema::{big_integer, text};

use super::m0001_first::{index, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let cascade = |column, table| reference("departures", column, table, "id", ForeignKeyAction::Cascade);
        let departures = Table::create()
            .table("departures")
            .col(text("tenant_id"))
            .col(text("user_id"))
            .col(big_integer("left_at"))
            .primary_key(Index::create().col("tenant_id").col("user_id"))
            .foreign_key(&mut cascade("tenant_id", "tenants"))
            .foreign_key(&mut cascade("user_id", "users"))
            .take();
        manager.create_table(departures).await?;
        manager.create_index(index("invites_by_expiry", "invites", &["expires_at"])).await
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
