//! Large content in the object store, at `blobs/ab/cdef…` by its hash.

use std::sync::Arc;

use bytes::Bytes;
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use vitrine_model::Sha256;

use crate::codec::digest;
use crate::config::ObjectsConfig;
use crate::error::StoreError;

/// Says whose objects these are. Its absence later means that the objects are gone or not mounted.
const MARKER: &str = "vitrine-objects";
const MARKER_CONTENT: &[u8] = b"1\n";

/// The object store.
pub(crate) struct Objects(Arc<dyn ObjectStore>);

impl Objects {
    /// Opens it, and makes what is missing.
    pub(crate) async fn open(config: &ObjectsConfig) -> Result<Self, StoreError> {
        let ObjectsConfig::Local { dir } = config;
        let unusable = |source| StoreError::Directory { path: dir.clone(), source };
        std::fs::create_dir_all(dir).map_err(unusable)?;
        // Content is acknowledged once it is stored, so it must survive the power.
        let local = LocalFileSystem::new_with_prefix(dir)?.with_fsync(true);
        let objects = Self(Arc::new(local));
        if !objects.holds(&Path::from(MARKER), MARKER_CONTENT.len() as u64).await? {
            objects.0.put(&Path::from(MARKER), Bytes::from_static(MARKER_CONTENT).into()).await?;
        }
        Ok(objects)
    }

    /// Whether the objects are there.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.0.head(&Path::from(MARKER)).await?;
        Ok(())
    }

    /// Stores content under its hash, and makes sure it is there whole. Repeating it writes nothing, unless the object has
    /// been lost or cut short.
    pub(crate) async fn put(&self, hash: &Sha256, content: Bytes) -> Result<(), StoreError> {
        let (path, size) = (path_of(hash), content.len() as u64);
        if self.holds(&path, size).await? {
            return Ok(());
        }
        self.0.put(&path, content.into()).await?;
        match self.holds(&path, size).await? {
            true => Ok(()),
            false => {
                Err(StoreError::Corrupt(format!("the object of {hash} is not as long as what was written")))
            }
        }
    }

    /// The content under a hash, checked against it.
    pub(crate) async fn get(&self, hash: &Sha256) -> Result<Bytes, StoreError> {
        let content = match self.0.get(&path_of(hash)).await {
            Ok(found) => found.bytes().await?,
            // The database says that it is there: this is damage, not an answer.
            Err(object_store::Error::NotFound { .. }) => {
                return Err(StoreError::Corrupt(format!("the object of {hash} is missing")));
            }
            Err(error) => return Err(error.into()),
        };
        match digest(&content).await == *hash {
            true => Ok(content),
            false => Err(StoreError::Corrupt(format!("the object of {hash} has other content"))),
        }
    }

    async fn holds(&self, path: &Path, size: u64) -> Result<bool, StoreError> {
        match self.0.head(path).await {
            Ok(found) => Ok(found.size == size),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

fn path_of(hash: &Sha256) -> Path {
    let hex = hash.to_hex();
    let (folder, name) = hex.split_at(2);
    Path::from_iter(["blobs", folder, name])
}
