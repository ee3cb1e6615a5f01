//! Collecting content of drafts: how often trees name it, what is on its way in or out, and how far each walk has come.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    ConditionalStatement as _, DbErr, DeriveMigrationName, Expr, ExprTrait as _, IndexCreateStatement,
    MigrationTrait, SchemaManager, Table, TableCreateStatement,
};
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, text};

use super::m0001_first::index;

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // None of the trees that are there has been counted.
        let mut column = big_integer_null("slices_counted").default(0).take();
        manager.alter_table(Table::alter().table("trees").add_column(&mut column).take()).await?;
        for table in [blob_refs(), blob_transits(), collection_positions()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        Ok(())
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn blob_refs() -> TableCreateStatement {
    Table::create().table("blob_refs").col(blob("sha256").primary_key()).col(big_integer("slices")).take()
}

fn blob_transits() -> TableCreateStatement {
    Table::create()
        .table("blob_transits")
        .col(blob("sha256").primary_key())
        .col(text("state"))
        .col(big_integer("since"))
        .col(big_integer("token"))
        .take()
}

fn collection_positions() -> TableCreateStatement {
    Table::create().table("collection_positions").col(text("name").primary_key()).col(blob("position")).take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let is_uncounted = Expr::col("slices_counted").is_not_null();
    let has_content = Expr::col("sha256").is_not_null();
    vec![
        // Nearly always empty: the trees that came since the last count.
        index("trees_uncounted", "trees", &["slices_counted"]).cond_where(is_uncounted).take(),
        index("blob_transits_due", "blob_transits", &["state", "since"]),
        // Who names content, and who sees it: asked of everything that may go.
        index("draft_deltas_by_content", "draft_deltas", &["sha256"]).cond_where(has_content).take(),
        index("blob_grants_by_content", "blob_grants", &["sha256"]),
    ]
}
