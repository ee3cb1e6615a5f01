//! The first schema: tenants, apps with drafts, content, revisions, sessions, and the server's own bookkeeping.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    ConditionalStatement as _, DbErr, DeriveMigrationName, Expr, ExprTrait as _, ForeignKey,
    ForeignKeyAction, ForeignKeyCreateStatement, Index, IndexCreateStatement, MigrationTrait, SchemaManager,
    Table, TableCreateStatement,
};
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, blob_null, boolean, text, text_null};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let tables =
            [tenants(), users(), trees(), apps(), draft_deltas(), change_sets(), blobs(), blob_grants()];
        let more = [revisions(), sessions(), leases(), idempotency_keys(), layers(), signing_keys()];
        for table in tables.into_iter().chain(more) {
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

fn tenants() -> TableCreateStatement {
    Table::create()
        .table("tenants")
        .col(text("id").primary_key())
        .col(text("name"))
        .col(big_integer("created_at"))
        .take()
}

fn users() -> TableCreateStatement {
    Table::create()
        .table("users")
        .col(text("id").primary_key())
        .col(text("tenant_id"))
        .col(text("name"))
        .col(big_integer("created_at"))
        .foreign_key(&mut reference("users", "tenant_id", "tenants", "id", ForeignKeyAction::Restrict))
        .take()
}

fn trees() -> TableCreateStatement {
    Table::create()
        .table("trees")
        .col(blob("hash").primary_key())
        .col(blob("manifest"))
        .col(big_integer("created_at"))
        .take()
}

fn apps() -> TableCreateStatement {
    Table::create()
        .table("apps")
        .col(text("id").primary_key())
        .col(text("tenant_id"))
        .col(text("created_by"))
        .col(text("name"))
        .col(text("slug"))
        .col(text("status"))
        .col(text_null("template"))
        .col(text("profile"))
        .col(boolean("profile_is_set"))
        .col(big_integer("version"))
        .col(blob("base_tree"))
        .col(big_integer("delta_bound"))
        .col(big_integer("file_count"))
        .col(big_integer("size_bytes"))
        .col(big_integer("created_at"))
        .col(big_integer("updated_at"))
        .foreign_key(&mut reference("apps", "tenant_id", "tenants", "id", ForeignKeyAction::Restrict))
        // A tree in use cannot be collected, whoever tries and whenever.
        .foreign_key(&mut reference("apps", "base_tree", "trees", "hash", ForeignKeyAction::Restrict))
        .take()
}

fn draft_deltas() -> TableCreateStatement {
    Table::create()
        .table("draft_deltas")
        .col(text("app_id"))
        .col(text("path"))
        .col(blob_null("sha256"))
        .col(big_integer("size"))
        .col(boolean("is_executable"))
        .primary_key(Index::create().col("app_id").col("path"))
        .foreign_key(&mut of_app("draft_deltas"))
        .take()
}

fn change_sets() -> TableCreateStatement {
    Table::create()
        .table("change_sets")
        .col(text("app_id"))
        .col(big_integer("version"))
        .col(text("user_id"))
        .col(text("cause"))
        .col(blob("ops"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("app_id").col("version"))
        .foreign_key(&mut of_app("change_sets"))
        .take()
}

fn blobs() -> TableCreateStatement {
    Table::create()
        .table("blobs")
        .col(blob("sha256").primary_key())
        .col(big_integer("size"))
        .col(blob_null("content"))
        .col(big_integer("created_at"))
        .take()
}

fn blob_grants() -> TableCreateStatement {
    Table::create()
        .table("blob_grants")
        .col(text("tenant_id"))
        .col(blob("sha256"))
        .primary_key(Index::create().col("tenant_id").col("sha256"))
        .foreign_key(&mut reference("blob_grants", "tenant_id", "tenants", "id", ForeignKeyAction::Cascade))
        .foreign_key(&mut reference("blob_grants", "sha256", "blobs", "sha256", ForeignKeyAction::Restrict))
        .take()
}

fn revisions() -> TableCreateStatement {
    Table::create()
        .table("revisions")
        .col(text("id").primary_key())
        .col(text("app_id"))
        .col(big_integer("number"))
        .col(big_integer("draft_version"))
        .col(blob("tree"))
        .col(text_null("label"))
        .col(big_integer("file_count"))
        .col(big_integer("size_bytes"))
        .col(big_integer("created_at"))
        .foreign_key(&mut of_app("revisions"))
        .foreign_key(&mut reference("revisions", "tree", "trees", "hash", ForeignKeyAction::Restrict))
        .take()
}

fn sessions() -> TableCreateStatement {
    Table::create()
        .table("sessions")
        .col(text("id").primary_key())
        .col(text("app_id"))
        .col(text("tenant_id"))
        .col(text("user_id"))
        .col(text("status"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .col(big_integer("idle_timeout_secs"))
        .col(big_integer("last_activity_at"))
        .col(big_integer_null("due_at"))
        .col(text_null("error"))
        .foreign_key(&mut of_app("sessions"))
        .take()
}

fn leases() -> TableCreateStatement {
    Table::create()
        .table("leases")
        .col(text("name").primary_key())
        .col(text("holder"))
        .col(big_integer("token"))
        .col(big_integer("expires_at"))
        .take()
}

fn idempotency_keys() -> TableCreateStatement {
    Table::create()
        .table("idempotency_keys")
        .col(text("tenant_id"))
        .col(text("user_id"))
        .col(text("idem_key"))
        .col(blob("request_hash"))
        .col(big_integer_null("status"))
        .col(text_null("content_type"))
        .col(blob_null("body"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("tenant_id").col("user_id").col("idem_key"))
        .take()
}

fn layers() -> TableCreateStatement {
    Table::create()
        .table("layers")
        .col(text("id").primary_key())
        .col(text("kind"))
        .col(big_integer("size_bytes"))
        .col(big_integer("file_count"))
        .col(big_integer("created_at"))
        .col(big_integer("last_used_at"))
        .take()
}

fn signing_keys() -> TableCreateStatement {
    Table::create()
        .table("signing_keys")
        .col(text("name").primary_key())
        .col(blob("secret"))
        .col(big_integer("created_at"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let is_live = || Expr::col("status").is_not_in(["stopped", "expired"]);
    vec![
        index("tenants_by_name", "tenants", &["name"]).unique().take(),
        index("users_by_name", "users", &["tenant_id", "name"]).unique().take(),
        index("apps_by_slug", "apps", &["slug"]).unique().take(),
        // Lists: newest updated first, from any point, in as many steps as there are items on the page.
        index("apps_by_update", "apps", &["tenant_id", "updated_at", "id"]),
        // What collecting trees asks, and what the foreign keys check.
        index("apps_by_base_tree", "apps", &["base_tree"]),
        index("revisions_by_tree", "revisions", &["tree"]),
        index("revisions_by_number", "revisions", &["app_id", "number"]).unique().take(),
        index("sessions_live", "sessions", &["app_id", "user_id"]).unique().cond_where(is_live()).take(),
        index("sessions_by_app", "sessions", &["app_id", "user_id", "created_at"]),
        index("sessions_due", "sessions", &["due_at"]).cond_where(Expr::col("due_at").is_not_null()).take(),
        index("idempotency_by_age", "idempotency_keys", &["created_at"]),
        index("layers_by_use", "layers", &["last_used_at", "id"]),
    ]
}

pub(super) fn index(
    name: &'static str,
    table: &'static str,
    columns: &[&'static str],
) -> IndexCreateStatement {
    let mut index = Index::create().name(name).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}

/// What hangs on an app goes with it.
pub(super) fn of_app(table: &'static str) -> ForeignKeyCreateStatement {
    reference(table, "app_id", "apps", "id", ForeignKeyAction::Cascade)
}

pub(super) fn reference(
    table: &'static str,
    column: &'static str,
    other: &'static str,
    key: &'static str,
    on_delete: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(other, key).on_delete(on_delete).take()
}
