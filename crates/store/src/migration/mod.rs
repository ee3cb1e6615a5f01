//! The schema, as the steps that lead to it. A step that has been released is never edited.

mod m0001_first;
mod m0002_publishing;
mod m0003_identity;
mod m0004_secrets;
mod m0005_links;
mod m0006_package_policies;
mod m0008_standing;
mod m0009_collection_blobs;
mod m0010_walks;

#[cfg(test)]
pub(crate) use m0005_links::COUNT_STORAGE;
use sea_orm_migration::{MigrationTrait, MigratorTrait};

/// All steps in order.
pub(crate) struct Migrator;

impl MigratorTrait for Migrator {
    fn migrations() -> Vec<Box<dyn MigrationTrait>> {
        vec![
            Box::new(m0001_first::Migration),
            Box::new(m0002_publishing::Migration),
            Box::new(m0003_identity::Migration),
            Box::new(m0004_secrets::Migration),
            Box::new(m0005_links::Migration),
            Box::new(m0006_package_policies::Migration),
            Box::new(m0008_standing::Migration),
            Box::new(m0009_collection_blobs::Migration),
            Box::new(m0010_walks::Migration),
        ]
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use sea_orm_migration::MigratorTrait as _;
    use sea_orm_migration::prelude::Query;
    use sea_orm_migration::sea_orm::ConnectionTrait as _;
    use vitrine_model::source::fixed::{CountingEntropy, FixedClock};
    use vitrine_model::{Role, TenantId, UserId};

    use super::Migrator;
    use crate::config::{DatabaseConfig, ObjectsConfig, StoreConfig};
    use crate::database::Database;
    use crate::store::Store;

    #[tokio::test]
    async fn who_was_there_before_roles_owns_their_tenant() {
        let dir = tempfile::tempdir().unwrap();
        let config = DatabaseConfig::Sqlite { path: dir.path().join("old.db") };
        let (clock, entropy) = (Arc::new(FixedClock::at_millis(1_000)), Arc::new(CountingEntropy::default()));
        let tenant = TenantId::mint(clock.as_ref(), entropy.as_ref());
        let user = UserId::mint(clock.as_ref(), entropy.as_ref());
        let old = Database::connect(&config).await.unwrap();
        Migrator::up(old.writer(), Some(2)).await.unwrap();
        let mut insert = Query::insert();
        insert.into_table("tenants").columns(["id", "name", "created_at"]);
        insert.values_panic([tenant.as_str().into(), "default".into(), 1.into()]);
        old.writer().execute(&insert).await.unwrap();
        let mut insert = Query::insert();
        insert.into_table("users").columns(["id", "tenant_id", "name", "created_at"]);
        insert.values_panic([user.as_str().into(), tenant.as_str().into(), "owner".into(), 1.into()]);
        old.writer().execute(&insert).await.unwrap();
        drop(old);

        let objects = ObjectsConfig::Local { dir: dir.path().join("objects") };
        let store = Store::open(StoreConfig { database: config, objects }, clock, entropy).await.unwrap();
        let scope = store.default_scope().await.unwrap();
        assert_eq!((&scope.tenant, &scope.user), (&tenant, &user));
        assert_eq!(store.member(&scope, &user).await.unwrap().role, Role::Owner);
    }
}
