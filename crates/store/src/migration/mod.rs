//! The schema, as the steps that lead to it. A step that has been released is never edited.

mod m0001_first;
mod m0002_publishing;
mod m0005_links;

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
            Box::new(m0005_links::Migration),
        ]
    }
}
