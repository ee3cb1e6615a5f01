//! Preview links, tokens that were used up, and what each tenant may have and has.

use sea_orm::ConnectionTrait as _;
use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    ConditionalStatement as _, DbErr, DeriveMigrationName, Expr, ExprTrait as _, ForeignKeyAction, Index,
    IndexCreateStatement, MigrationTrait, SchemaManager, Table, TableCreateStatement,
};
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, text, text_null};

use super::m0001_first::{index, of_app, reference};

/// What every tenant has stored so far; from here on it is counted with each write.
pub(crate) const COUNT_STORAGE: &str = "INSERT INTO tenant_usage (tenant_id, storage_bytes) \
    SELECT t.id, \
    COALESCE((SELECT SUM(b.size) FROM blob_grants g JOIN blobs b ON b.sha256 = g.sha256 WHERE g.tenant_id = t.id), 0) \
    + COALESCE((SELECT SUM(a.size_bytes) FROM artifacts a JOIN apps p ON p.id = a.app_id WHERE p.tenant_id = t.id), 0) \
    FROM tenants t";

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for table in [redeemed_tokens(), preview_links(), tenant_quotas(), tenant_usage(), tenant_egress()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        manager.get_connection().execute_unprepared(COUNT_STORAGE).await?;
        Ok(())
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn redeemed_tokens() -> TableCreateStatement {
    Table::create()
        .table("redeemed_tokens")
        .col(text("subject"))
        .col(text("nonce"))
        .col(big_integer("expires_at"))
        .primary_key(Index::create().col("subject").col("nonce"))
        .take()
}

fn preview_links() -> TableCreateStatement {
    Table::create()
        .table("preview_links")
        .col(text("id").primary_key())
        .col(text("app_id"))
        .col(text("tenant_id"))
        .col(text("user_id"))
        .col(text_null("label"))
        .col(text_null("revision_id"))
        .col(blob("secret_hash"))
        .col(text_null("password_hash"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .col(big_integer("visits"))
        .col(big_integer_null("last_visit_at"))
        .foreign_key(&mut of_app("preview_links"))
        .take()
}

fn tenant_quotas() -> TableCreateStatement {
    Table::create()
        .table("tenant_quotas")
        .col(text("tenant_id").primary_key())
        .col(big_integer_null("apps"))
        .col(big_integer_null("sessions"))
        .col(big_integer_null("builds"))
        .col(big_integer_null("storage_bytes"))
        .col(big_integer_null("egress_bytes"))
        .foreign_key(&mut of_tenant("tenant_quotas"))
        .take()
}

fn tenant_usage() -> TableCreateStatement {
    Table::create()
        .table("tenant_usage")
        .col(text("tenant_id").primary_key())
        .col(big_integer("storage_bytes"))
        .foreign_key(&mut of_tenant("tenant_usage"))
        .take()
}

fn tenant_egress() -> TableCreateStatement {
    Table::create()
        .table("tenant_egress")
        .col(text("tenant_id"))
        .col(text("month"))
        .col(big_integer("bytes"))
        .primary_key(Index::create().col("tenant_id").col("month"))
        .foreign_key(&mut of_tenant("tenant_egress"))
        .take()
}

fn of_tenant(table: &'static str) -> sea_orm_migration::prelude::ForeignKeyCreateStatement {
    reference(table, "tenant_id", "tenants", "id", ForeignKeyAction::Cascade)
}

fn indexes() -> Vec<IndexCreateStatement> {
    let is_due = Expr::col("due_at").is_not_null();
    vec![
        index("redeemed_tokens_by_expiry", "redeemed_tokens", &["expires_at"]),
        index("preview_links_by_secret", "preview_links", &["secret_hash"]).unique().take(),
        index("preview_links_by_app", "preview_links", &["app_id", "created_at", "id"]),
        index("preview_links_by_expiry", "preview_links", &["expires_at"]),
        // What is not over has something due: the sessions a tenant has open.
        index("sessions_open_of_tenant", "sessions", &["tenant_id"]).cond_where(is_due).take(),
    ]
}
