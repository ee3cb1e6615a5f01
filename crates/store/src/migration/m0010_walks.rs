//! Undo and redo: which revision came before which, and where an app's draft stands among them.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, MigrationTrait, SchemaManager, Table,
};
use sea_orm_migration::schema::{big_integer, big_integer_null, text};

use super::m0001_first::reference;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of the revisions that are there, each came after the one before it.
        let mut parent = big_integer_null("parent").take();
        manager.alter_table(Table::alter().table("revisions").add_column(&mut parent).take()).await?;
        let walks = Table::create()
            .table("walks")
            .col(text("app_id").primary_key())
            .col(big_integer("at"))
            .col(big_integer("tip"))
            .foreign_key(&mut reference("walks", "app_id", "apps", "id", ForeignKeyAction::Cascade))
            .take();
        manager.create_table(walks).await
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}
