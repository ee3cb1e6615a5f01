//! Identity: who belongs to which tenant as what, keys, browsers that are signed in, invitations, the audit log.

use sea_orm_migration::async_trait;
use sea_orm_migration::prelude::{
    ColumnDef, ConditionalStatement as _, DbErr, DeriveMigrationName, Expr, ExprTrait as _, ForeignKeyAction,
    ForeignKeyCreateStatement, Index, IndexCreateStatement, MigrationTrait, Query, SchemaManager, Table,
    TableCreateStatement,
};
use sea_orm_migration::schema::{big_integer, big_integer_null, blob, blob_null, text, text_null};
use sea_orm_migration::sea_query::BinOper;

use super::m0001_first::{index, reference};

#[derive(DeriveMigrationName)]
pub(crate) struct Migration;

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // One column at a time: SQLite's ALTER TABLE takes no more.
        for mut column in tenant_columns() {
            manager.alter_table(Table::alter().table("tenants").add_column(&mut column).take()).await?;
        }
        for mut column in user_columns() {
            manager.alter_table(Table::alter().table("users").add_column(&mut column).take()).await?;
        }
        // Names are for people now; `external_id` is what finds those who are known by one.
        for (name, table) in [("tenants_by_name", "tenants"), ("users_by_name", "users")] {
            manager.drop_index(Index::drop().name(name).table(table).to_owned()).await?;
        }
        for table in [members(), api_keys(), browser_sessions(), invites(), audit_entries()] {
            manager.create_table(table).await?;
        }
        for index in indexes() {
            manager.create_index(index).await?;
        }
        adopt(manager).await
    }

    /// All or nothing on SQLite too.
    fn use_transaction(&self) -> Option<bool> {
        Some(true)
    }
}

fn tenant_columns() -> Vec<ColumnDef> {
    vec![
        text_null("external_id"),
        // Limits as JSON; absent means the server's defaults.
        text_null("quotas"),
        big_integer_null("suspended_at"),
        // The end of the tenant's audit log.
        big_integer("audit_seq").default(0).take(),
        blob_null("audit_head"),
    ]
}

fn user_columns() -> Vec<ColumnDef> {
    vec![text_null("external_id"), text_null("email"), text_null("password_hash")]
}

fn members() -> TableCreateStatement {
    Table::create()
        .table("members")
        .col(text("tenant_id"))
        .col(text("user_id"))
        .col(text("role"))
        .col(big_integer("created_at"))
        .primary_key(Index::create().col("tenant_id").col("user_id"))
        .foreign_key(&mut of_tenant("members"))
        .foreign_key(&mut of_user("members"))
        .take()
}

fn api_keys() -> TableCreateStatement {
    Table::create()
        .table("api_keys")
        .col(text("id").primary_key())
        .col(text("tenant_id"))
        .col(text("user_id"))
        .col(text("name"))
        .col(text("prefix"))
        .col(blob("secret_sha256"))
        .col(text("role"))
        .col(text_null("apps"))
        .col(big_integer("created_at"))
        .col(big_integer_null("expires_at"))
        .col(big_integer_null("revoked_at"))
        .col(big_integer_null("last_used_at"))
        .foreign_key(&mut of_tenant("api_keys"))
        .foreign_key(&mut of_user("api_keys"))
        .take()
}

fn browser_sessions() -> TableCreateStatement {
    Table::create()
        .table("browser_sessions")
        .col(blob("token_sha256").primary_key())
        .col(text("user_id"))
        .col(text("tenant_id"))
        .col(text("proof"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut of_tenant("browser_sessions"))
        .foreign_key(&mut of_user("browser_sessions"))
        .take()
}

fn invites() -> TableCreateStatement {
    Table::create()
        .table("invites")
        .col(text("id").primary_key())
        .col(text("tenant_id"))
        .col(text("note"))
        .col(text("role"))
        .col(text("invited_by"))
        .col(blob("code_sha256"))
        .col(big_integer("created_at"))
        .col(big_integer("expires_at"))
        .foreign_key(&mut of_tenant("invites"))
        .take()
}

fn audit_entries() -> TableCreateStatement {
    Table::create()
        .table("audit_entries")
        .col(text("tenant_id"))
        .col(big_integer("seq"))
        .col(big_integer("at"))
        .col(text("actor_kind"))
        .col(text("user_id"))
        .col(text_null("key_id"))
        .col(text("operation"))
        .col(text("target"))
        .col(text_null("app_id"))
        .col(big_integer("status"))
        .col(text_null("address"))
        .col(text("request_id"))
        .col(text_null("note"))
        .col(blob("hash"))
        .primary_key(Index::create().col("tenant_id").col("seq"))
        // A log outlives nothing but its tenant, and a tenant with a log is not deleted.
        .foreign_key(&mut reference(
            "audit_entries",
            "tenant_id",
            "tenants",
            "id",
            ForeignKeyAction::Restrict,
        ))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    let is_set = |column: &'static str| Expr::col(column).is_not_null();
    let unique = |name, table, column: &'static str| {
        index(name, table, &[column]).unique().cond_where(is_set(column)).take()
    };
    vec![
        unique("tenants_by_external_id", "tenants", "external_id"),
        index("tenants_by_age", "tenants", &["created_at", "id"]),
        unique("users_by_external_id", "users", "external_id"),
        unique("users_by_email", "users", "email"),
        index("members_by_user", "members", &["user_id", "created_at", "tenant_id"]),
        index("api_keys_by_tenant", "api_keys", &["tenant_id", "created_at", "id"]),
        index("browser_sessions_by_user", "browser_sessions", &["user_id"]),
        index("browser_sessions_by_expiry", "browser_sessions", &["expires_at"]),
        index("invites_by_code", "invites", &["code_sha256"]).unique().take(),
        index("invites_by_tenant", "invites", &["tenant_id", "created_at", "id"]),
        index("audit_entries_by_user", "audit_entries", &["tenant_id", "user_id", "seq"]),
        index("audit_entries_by_app", "audit_entries", &["tenant_id", "app_id", "seq"]),
        index("audit_entries_by_operation", "audit_entries", &["tenant_id", "operation", "seq"]),
    ]
}

/// Who was there before: each the owner of their tenant, found by the name they were made with.
async fn adopt(manager: &SchemaManager<'_>) -> Result<(), DbErr> {
    let named = Expr::val("named:").binary(CONCAT, Expr::col("name"));
    manager.execute(Query::update().table("tenants").value("external_id", named).take()).await?;
    let named = Expr::val("named:").binary(CONCAT, Expr::col("tenant_id"));
    let named = named.binary(CONCAT, Expr::val(":")).binary(CONCAT, Expr::col("name"));
    manager.execute(Query::update().table("users").value("external_id", named).take()).await?;
    let owners = Query::select()
        .columns(["tenant_id", "id"])
        .expr(Expr::val("owner"))
        .column("created_at")
        .from("users")
        .take();
    let mut insert = Query::insert();
    insert.into_table("members").columns(["tenant_id", "user_id", "role", "created_at"]);
    insert.select_from(owners).map_err(|error| DbErr::Migration(error.to_string()))?;
    manager.execute(insert).await
}

/// `||`: the same word in SQLite and PostgreSQL.
const CONCAT: BinOper = BinOper::Custom("||");

fn of_tenant(table: &'static str) -> ForeignKeyCreateStatement {
    reference(table, "tenant_id", "tenants", "id", ForeignKeyAction::Cascade)
}

fn of_user(table: &'static str) -> ForeignKeyCreateStatement {
    reference(table, "user_id", "users", "id", ForeignKeyAction::Cascade)
}
