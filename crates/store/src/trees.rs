//! Trees by content: written once, shared, read back checked against their name.
//!
//! A tree is stored as the text that its hash is defined over (see [`Tree::hash`]), packed. Reading one back therefore
//! proves that it is the one that was written. What nothing refers to any more goes with [`crate::tree_collection`].

use std::sync::Arc;

use moka::future::Cache;
use sea_orm::sea_query::OnConflict;
use sea_orm::{ConnectionTrait, EntityTrait as _, IntoActiveModel as _};
use vitrine_model::{FileEntry, FileMode, ProjectPath, Sha256, Tree};

use crate::codec::{corrupt, hash_column, pack, unpack};
use crate::entity::trees;
use crate::error::StoreError;
use crate::store::Store;

/// Files in all cached trees; some 150 bytes each.
const CACHED_FILES: u64 = 200_000;

/// A cache for trees.
pub(crate) fn cache() -> Cache<Sha256, Arc<Tree>> {
    Cache::builder().max_capacity(CACHED_FILES).weigher(|_, tree: &Arc<Tree>| weight(tree)).build()
}

/// What a tree weighs in a cache.
pub(crate) fn weight(tree: &Tree) -> u32 {
    u32::try_from(tree.len() + 1).unwrap_or(u32::MAX)
}

/// A tree ready to be written.
#[derive(Clone)]
pub(crate) struct Packed {
    pub(crate) hash: Sha256,
    manifest: Vec<u8>,
}

impl Packed {
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut text = String::with_capacity(tree.len() * 120);
        for (path, FileEntry { sha256, size, mode }) in tree.iter() {
            text.push_str(&format!("{} {sha256} {size} {path}\n", mode.as_str()));
        }
        Self { hash: Sha256::of(text.as_bytes()), manifest: pack(text.as_bytes()) }
    }
}

/// A tree from its column, checked against its hash.
pub(crate) fn unpacked(expected: &Sha256, manifest: &[u8]) -> Result<Tree, StoreError> {
    let text = unpack(manifest)?;
    if Sha256::of(&text) != *expected {
        return Err(StoreError::Corrupt(format!("the row of tree {expected} has other content")));
    }
    let text = String::from_utf8(text).map_err(|_| corrupt("a tree"))?;
    text.lines().map(|line| entry(line).ok_or_else(|| corrupt("a tree"))).collect()
}

fn entry(line: &str) -> Option<(ProjectPath, FileEntry)> {
    let mut fields = line.splitn(4, ' ');
    let mode = fields.next()?;
    let mode = [FileMode::Regular, FileMode::Executable].into_iter().find(|known| known.as_str() == mode)?;
    let sha256 = fields.next()?.parse().ok()?;
    let size = fields.next()?.parse().ok()?;
    let path = ProjectPath::parse(fields.next()?).ok()?;
    Some((path, FileEntry { sha256, size, mode }))
}

impl Store {
    /// Writes a tree unless it is there, in the transaction that refers to it. What it names is counted later, by a collection.
    pub(crate) async fn write_tree<C: ConnectionTrait>(
        &self,
        tx: &C,
        packed: Packed,
    ) -> Result<(), StoreError> {
        let row = trees::Model {
            hash: hash_column(&packed.hash),
            manifest: packed.manifest,
            created_at: self.now().as_millis(),
            slices_counted: Some(0),
        };
        let there = OnConflict::column(trees::Column::Hash).do_nothing().to_owned();
        let insert = trees::Entity::insert(row.into_active_model()).on_conflict(there);
        insert.try_insert().exec_without_returning(tx).await?;
        Ok(())
    }

    /// Reads a tree that something refers to.
    pub(crate) async fn read_tree<C: ConnectionTrait>(
        &self,
        db: &C,
        hash: &Sha256,
    ) -> Result<Arc<Tree>, StoreError> {
        if let Some(tree) = self.0.trees.get(hash).await {
            return Ok(tree);
        }
        let row = trees::Entity::find_by_id(hash_column(hash)).one(db).await?;
        let row = row.ok_or_else(|| StoreError::Corrupt(format!("tree {hash} is missing")))?;
        let tree = Arc::new(unpacked(hash, &row.manifest)?);
        self.0.trees.insert(*hash, tree.clone()).await;
        Ok(tree)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_packed_tree_has_the_hash_of_the_tree_and_unpacks_to_it() {
        let entry = |mode| FileEntry { sha256: Sha256::of(b"x"), size: 1, mode };
        let path = |text: &str| ProjectPath::parse(text).unwrap();
        let tree = Tree::from_iter([
            (path("a file with  spaces"), entry(FileMode::Regular)),
            (path("bin/ü.sh"), entry(FileMode::Executable)),
        ]);
        for tree in [tree, Tree::new()] {
            let packed = Packed::of(&tree);
            assert_eq!(packed.hash, tree.hash());
            assert_eq!(unpacked(&packed.hash, &packed.manifest).unwrap(), tree);
        }
    }

    #[test]
    fn a_damaged_tree_is_noticed() {
        let packed = Packed::of(&Tree::new());
        assert!(matches!(unpacked(&Sha256::of(b"other"), &packed.manifest), Err(StoreError::Corrupt(_))));
    }
}
