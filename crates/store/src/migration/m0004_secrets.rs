//! Secrets, sealed, with the keys that seal them; variables; what dev sandboxes may reach; which environment a publish is
//! built for.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    DbErr, DeriveMigrationName, ForeignKeyAction, Index, MigrationTrait, SchemaManager, Table,
    TableCreateStatement,
};
use sea_orm_migration::schema::{big_integer, blob, text};

use super::m0001_first::{index, of_app, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut environment = text("environment").default("production").take();
        manager.alter_table(Table::alter().table("publishes").add_column(&mut environment).take()).await?;
        for table in [data_keys(), secrets(), variables(), app_egress()] {
            manager.create_table(table).await?;
        }
        manager
            .create_index(index("data_keys_by_tenant", "data_keys", &["tenant_id"]).unique().take())
            .await?;
        manager.create_index(index("data_keys_by_master", "data_keys", &["master_key_id", "id"])).await
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn data_keys() -> TableCreateStatement {
    Table::create()
        .table("data_keys")
        .col(text("id").primary_key())
        .col(text("tenant_id"))
        .col(text("master_key_id"))
        .col(blob("wrapped"))
        .col(big_integer("created_at"))
        .foreign_key(&mut reference("data_keys", "tenant_id", "tenants", "id", ForeignKeyAction::Cascade))
        .take()
}

fn secrets() -> TableCreateStatement {
    Table::create()
        .table("secrets")
        .col(text("app_id"))
        .col(text("environment"))
        .col(text("name"))
        .col(big_integer("version"))
        .col(text("targets"))
        .col(text("data_key_id"))
        .col(blob("sealed"))
        .col(big_integer("size_bytes"))
        .col(text("fingerprint"))
        .col(big_integer("updated_at"))
        .primary_key(Index::create().col("app_id").col("environment").col("name"))
        .foreign_key(&mut of_app("secrets"))
        .foreign_key(&mut reference("secrets", "data_key_id", "data_keys", "id", ForeignKeyAction::Restrict))
        .take()
}

fn variables() -> TableCreateStatement {
    Table::create()
        .table("variables")
        .col(text("app_id"))
        .col(text("environment"))
        .col(text("name"))
        .col(big_integer("version"))
        .col(text("targets"))
        .col(text("value"))
        .col(big_integer("size_bytes"))
        .col(big_integer("updated_at"))
        .primary_key(Index::create().col("app_id").col("environment").col("name"))
        .foreign_key(&mut of_app("variables"))
        .take()
}

fn app_egress() -> TableCreateStatement {
    Table::create()
        .table("app_egress")
        .col(text("app_id").primary_key())
        .col(text("destinations"))
        .col(big_integer("updated_at"))
        .foreign_key(&mut of_app("app_egress"))
        .take()
}
