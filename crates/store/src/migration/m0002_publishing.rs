//! Publishing: the queue of publishes with their logs, artifacts and what they are made of, releases, hosting.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    ColumnDef, ConditionalStatement as _, DbErr, DeriveMigrationName, Expr, ExprTrait as _, ForeignKeyAction,
    Index, IndexCreateStatement, MigrationTrait, SchemaManager, Table, TableCreateStatement,
};
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, boolean, text, text_null};

use super::m0001_first::{index, of_app, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column at a time: SQLite's ALTER TABLE takes no more.
        for mut column in app_columns() {
            manager.alter_table(Table::alter().table("apps").add_column(&mut column).take()).await?;
        }
        let tables = [publishes(), publish_logs(), artifacts(), artifact_inputs(), template_artifacts()];
        for table in tables.into_iter().chain([releases(), assets(), usage_days()]) {
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

fn app_columns() -> Vec<ColumnDef> {
    let counter = |name: &'static str| big_integer(name).default(0).take();
    vec![
        counter("build_seq"),
        counter("released_build_seq"),
        counter("release_epoch"),
        counter("release_number"),
        text_null("release_id"),
        counter("site_version"),
        text_null("hosting"),
    ]
}

fn publishes() -> TableCreateStatement {
    Table::create()
        .table("publishes")
        .col(text("id").primary_key())
        .col(text("app_id"))
        .col(text("tenant_id"))
        .col(text("user_id"))
        .col(text("status"))
        .col(big_integer("build_seq"))
        .col(big_integer("release_epoch"))
        .col(text("revision_id"))
        .col(text("mode"))
        .col(text("target"))
        .col(text("steps"))
        .col(big_integer("attempt"))
        .col(big_integer("attempts_max"))
        .col(boolean("reused"))
        .col(text_null("artifact_id"))
        .col(text_null("release_id"))
        .col(text_null("error"))
        .col(boolean("cancel_requested"))
        .col(big_integer("fence"))
        .col(text_null("worker"))
        .col(big_integer_null("queued_at"))
        .col(big_integer_null("lease_until"))
        .col(big_integer_null("due_at"))
        .col(big_integer("created_at"))
        .col(big_integer_null("started_at"))
        .col(big_integer_null("finished_at"))
        .col(big_integer("log_lines"))
        .col(big_integer("log_head_lines"))
        .col(big_integer("log_head_bytes"))
        .col(big_integer_null("log_tail_from"))
        .col(big_integer("log_tail_bytes"))
        .foreign_key(&mut of_app("publishes"))
        .take()
}

fn publish_logs() -> TableCreateStatement {
    Table::create()
        .table("publish_logs")
        .col(text("publish_id"))
        .col(big_integer("seq"))
        .col(big_integer("at"))
        .col(text("step"))
        .col(boolean("is_stderr"))
        .col(text("line"))
        .primary_key(Index::create().col("publish_id").col("seq"))
        .foreign_key(&mut reference(
            "publish_logs",
            "publish_id",
            "publishes",
            "id",
            ForeignKeyAction::Cascade,
        ))
        .take()
}

fn artifacts() -> TableCreateStatement {
    Table::create()
        .table("artifacts")
        .col(text("app_id"))
        .col(text("id"))
        .col(text("revision_id"))
        .col(text("publish_id"))
        .col(blob("manifest_sha256"))
        .col(blob("input_sha256"))
        .col(text("inputs"))
        .col(blob("manifest"))
        .col(blob("provenance"))
        .col(blob("sbom"))
        .col(big_integer("file_count"))
        .col(big_integer("size_bytes"))
        .col(big_integer("build_millis"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("app_id").col("id"))
        .foreign_key(&mut of_app("artifacts"))
        .take()
}

fn artifact_inputs() -> TableCreateStatement {
    Table::create()
        .table("artifact_inputs")
        .col(text("app_id"))
        .col(blob("input_sha256"))
        .col(text("artifact_id"))
        .primary_key(Index::create().col("app_id").col("input_sha256"))
        .foreign_key(&mut of_app("artifact_inputs"))
        .take()
}

fn template_artifacts() -> TableCreateStatement {
    Table::create()
        .table("template_artifacts")
        .col(blob("template_hash").primary_key())
        .col(blob("input_sha256"))
        .col(text("inputs"))
        .col(blob("manifest_sha256"))
        .col(blob("manifest"))
        .col(blob("provenance"))
        .col(blob("sbom"))
        .col(big_integer("build_millis"))
        .col(big_integer("created_at"))
        .take()
}

fn releases() -> TableCreateStatement {
    Table::create()
        .table("releases")
        .col(text("id").primary_key())
        .col(text("app_id"))
        .col(big_integer("number"))
        .col(text("artifact_id"))
        .col(text("revision_id"))
        .col(text("cause"))
        .col(text_null("publish_id"))
        .col(big_integer("created_at"))
        .col(big_integer_null("replaced_at"))
        .foreign_key(&mut of_app("releases"))
        .take()
}

fn assets() -> TableCreateStatement {
    Table::create()
        .table("assets")
        .col(blob("sha256").primary_key())
        .col(big_integer("size"))
        .col(text("state"))
        .col(big_integer("used_at"))
        .take()
}

fn usage_days() -> TableCreateStatement {
    Table::create()
        .table("usage_days")
        .col(text("app_id"))
        .col(big_integer("day"))
        .col(big_integer("requests"))
        .col(big_integer("bytes"))
        .primary_key(Index::create().col("app_id").col("day"))
        .foreign_key(&mut of_app("usage_days"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let is_set = |column: &'static str| Expr::col(column).is_not_null();
    let active = ["app_id", "build_seq"];
    vec![
        index("publishes_by_seq", "publishes", &["app_id", "build_seq"]).unique().take(),
        index("publishes_active", "publishes", &active).cond_where(is_set("due_at")).take(),
        // A lease stands on what runs and on nothing else: one per app.
        index("publishes_running", "publishes", &["app_id"])
            .unique()
            .cond_where(is_set("lease_until"))
            .take(),
        // A place in the queue stands on what waits: one per app and target.
        index("publishes_waiting", "publishes", &["app_id", "target"])
            .unique()
            .cond_where(is_set("queued_at"))
            .take(),
        // Whose turn it is: the queue of every tenant, oldest first.
        index("publishes_queue", "publishes", &["tenant_id", "queued_at", "id", "app_id"])
            .cond_where(is_set("queued_at"))
            .take(),
        index("publishes_leases", "publishes", &["lease_until"]).cond_where(is_set("lease_until")).take(),
        index("publishes_due", "publishes", &["due_at"]).cond_where(is_set("due_at")).take(),
        index("template_artifacts_by_inputs", "template_artifacts", &["input_sha256"]),
        index("releases_by_number", "releases", &["app_id", "number"]).unique().take(),
        index("releases_by_artifact", "releases", &["app_id", "artifact_id"]),
        index("releases_replaced", "releases", &["app_id", "replaced_at"])
            .cond_where(is_set("replaced_at"))
            .take(),
        index("assets_by_use", "assets", &["state", "used_at"]),
    ]
}
