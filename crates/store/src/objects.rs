//! Large content in the object store, by its hash: blobs of drafts at `blobs/ab/cdef…`, objects of artifacts at
//! `assets/ab/cdef…`.

use std::io::{ErrorKind, Read as _};
use std::path::PathBuf;
use std::sync::Arc;
use std::time::UNIX_EPOCH;

use bytes::Bytes;
use futures::{StreamExt as _, TryStreamExt as _};
use object_store::local::LocalFileSystem;
use object_store::path::Path;
use object_store::{ObjectStore, ObjectStoreExt as _};
use vitrine_model::hash::Sha256Hasher;
use vitrine_model::{Sha256, Timestamp};

use crate::codec::{after, digest};
use crate::config::ObjectsConfig;
use crate::error::StoreError;
use crate::object_clouds;

/// Says whose objects these are. Its absence later means that the objects are gone or not mounted.
const MARKER: &str = "vitrine-objects";
const MARKER_CONTENT: &[u8] = b"1\n";

/// Read at once from a file that is hashed.
const HASHED_AT_ONCE_BYTES: usize = 128 * 1024;

/// Which objects.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Content of drafts; known by the table `blobs`.
    Blob,
    /// Content of artifacts; known by the table `assets`.
    Asset,
}

impl Kind {
    fn folder(self) -> &'static str {
        match self {
            Self::Blob => "blobs",
            Self::Asset => "assets",
        }
    }

    fn path(self, hash: &Sha256) -> Path {
        let hex = hash.to_hex();
        let (folder, name) = hex.split_at(2);
        Path::from_iter([self.folder(), folder, name])
    }
}

/// An object as a listing shows it.
pub(crate) struct Listed {
    /// What it is named by.
    pub(crate) hash: Sha256,
    /// When it was written, by the object store's clock, in milliseconds since 1970.
    pub(crate) written_at: i64,
}

/// The object store.
pub(crate) struct Objects {
    store: Arc<dyn ObjectStore>,
    /// Where the objects are files.
    dir: Option<PathBuf>,
}

impl Objects {
    /// Opens it, and makes what is missing.
    pub(crate) async fn open(config: &ObjectsConfig) -> Result<Self, StoreError> {
        let objects = match config {
            ObjectsConfig::Local { dir } => Self::local(dir.clone())?,
            ObjectsConfig::S3(s3) => Self::remote(object_clouds::s3(s3)?),
            ObjectsConfig::Azure(azure) => Self::remote(object_clouds::azure(azure)?),
            ObjectsConfig::Gcs(gcs) => Self::remote(object_clouds::gcs(gcs)?),
        };
        if !objects.holds(&Path::from(MARKER), MARKER_CONTENT.len() as u64).await? {
            let marker = Bytes::from_static(MARKER_CONTENT);
            // What can be not found by a write is only what the write goes into.
            objects.store.put(&Path::from(MARKER), marker.into()).await.map_err(|error| match error {
                object_store::Error::NotFound { .. } => StoreError::NoBucket(error),
                other => other.into(),
            })?;
        }
        Ok(objects)
    }

    fn local(dir: PathBuf) -> Result<Self, StoreError> {
        let unusable = |source| StoreError::Directory { path: dir.clone(), source };
        std::fs::create_dir_all(&dir).map_err(unusable)?;
        // Content is acknowledged once it is stored, so it must survive the power.
        let local = LocalFileSystem::new_with_prefix(&dir)?.with_fsync(true);
        // Absolute, and without symbolic links, whatever the process does with its working directory.
        let dir = dir.canonicalize().map_err(|source| StoreError::Directory { path: dir.clone(), source })?;
        Ok(Self { store: Arc::new(local), dir: Some(dir) })
    }

    fn remote(store: Arc<dyn ObjectStore>) -> Self {
        Self { store, dir: None }
    }

    /// Whether the objects are there.
    pub(crate) async fn check(&self) -> Result<(), StoreError> {
        self.store.head(&Path::from(MARKER)).await?;
        Ok(())
    }

    /// Stores content under its hash, and makes sure it is there whole. Repeating it writes nothing, unless the object has
    /// been lost or cut short.
    pub(crate) async fn put(&self, kind: Kind, hash: &Sha256, content: Bytes) -> Result<(), StoreError> {
        let (path, size) = (kind.path(hash), content.len() as u64);
        if self.holds(&path, size).await? {
            return Ok(());
        }
        self.store.put(&path, content.into()).await?;
        match self.holds(&path, size).await? {
            true => Ok(()),
            false => {
                Err(StoreError::Corrupt(format!("the object of {hash} is not as long as what was written")))
            }
        }
    }

    /// Writes content under its hash, whatever is there.
    pub(crate) async fn write(&self, kind: Kind, hash: &Sha256, content: Bytes) -> Result<(), StoreError> {
        self.store.put(&kind.path(hash), content.into()).await?;
        Ok(())
    }

    /// The content under a hash, checked against it.
    pub(crate) async fn read(&self, kind: Kind, hash: &Sha256) -> Result<Bytes, StoreError> {
        let content = match self.store.get(&kind.path(hash)).await {
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

    /// The file of an object; `None` where objects are no files, or this one is not there.
    pub(crate) fn file(&self, kind: Kind, hash: &Sha256) -> Result<Option<std::fs::File>, StoreError> {
        let Some(path) = self.file_path(kind, hash) else { return Ok(None) };
        match std::fs::File::open(&path) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(source) => Err(StoreError::Directory { path, source }),
        }
    }

    /// Whether what is under a hash has this size and is what the hash says. Reads all of it, a piece at a time.
    pub(crate) async fn holds_content(
        &self,
        kind: Kind,
        hash: &Sha256,
        size: u64,
    ) -> Result<bool, StoreError> {
        if self.dir.is_some() {
            return self.file_holds(kind, hash, size).await;
        }
        let found = match self.store.get(&kind.path(hash)).await {
            Ok(found) => found,
            Err(object_store::Error::NotFound { .. }) => return Ok(false),
            Err(error) => return Err(error.into()),
        };
        let mut content = found.into_stream();
        let (mut hasher, mut length) = (Sha256Hasher::default(), 0);
        while let Some(piece) = content.try_next().await? {
            hasher.update(&piece);
            length += piece.len() as u64;
        }
        Ok(length == size && hasher.finish() == *hash)
    }

    async fn file_holds(&self, kind: Kind, hash: &Sha256, size: u64) -> Result<bool, StoreError> {
        let Some(file) = self.file(kind, hash)? else { return Ok(false) };
        let hashing = tokio::task::spawn_blocking(move || hash_of(file));
        let unreadable = |source| StoreError::Directory { path: PathBuf::from(hash.to_hex()), source };
        let (found, length) =
            hashing.await.map_err(std::io::Error::other).and_then(|result| result).map_err(unreadable)?;
        Ok(length == size && found == *hash)
    }

    /// Objects whose hash begins with `shard`, at most `limit`, in no order.
    pub(crate) async fn list(&self, kind: Kind, shard: u8, limit: usize) -> Result<Vec<Listed>, StoreError> {
        let shard = format!("{shard:02x}");
        let folder = Path::from_iter([kind.folder(), shard.as_str()]);
        let found: Vec<_> = self.store.list(Some(&folder)).take(limit).try_collect().await?;
        let listed = found.into_iter().filter_map(|object| {
            let hash = format!("{shard}{}", object.location.filename()?).parse().ok()?;
            Some(Listed { hash, written_at: object.last_modified.timestamp_millis() })
        });
        Ok(listed.collect())
    }

    /// Removes an object; one that is not there is removed already.
    pub(crate) async fn remove(&self, kind: Kind, hash: &Sha256) -> Result<(), StoreError> {
        match self.store.delete(&kind.path(hash)).await {
            Ok(()) | Err(object_store::Error::NotFound { .. }) => Ok(()),
            Err(error) => Err(error.into()),
        }
    }

    /// Removes what interrupted writes left of a shard where objects are files; says how many. Nothing lists it, and
    /// nothing else would ever find it.
    pub(crate) async fn remove_staged(
        &self,
        kind: Kind,
        shard: u8,
        older_than: Timestamp,
    ) -> Result<u64, StoreError> {
        let Some(dir) = &self.dir else { return Ok(0) };
        let dir = dir.join(kind.folder()).join(format!("{shard:02x}"));
        let path = dir.clone();
        let removing = tokio::task::spawn_blocking(move || remove_staged_in(&dir, older_than));
        let unusable = |source| StoreError::Directory { path, source };
        removing.await.map_err(std::io::Error::other).and_then(|result| result).map_err(unusable)
    }

    fn file_path(&self, kind: Kind, hash: &Sha256) -> Option<PathBuf> {
        let hex = hash.to_hex();
        let (folder, name) = hex.split_at(2);
        Some(self.dir.as_ref()?.join(kind.folder()).join(folder).join(name))
    }

    async fn holds(&self, path: &Path, size: u64) -> Result<bool, StoreError> {
        match self.store.head(path).await {
            Ok(found) => Ok(found.size == size),
            Err(object_store::Error::NotFound { .. }) => Ok(false),
            Err(error) => Err(error.into()),
        }
    }
}

/// A local write goes to `{name}#{number}` and is renamed when it is whole.
fn remove_staged_in(dir: &std::path::Path, older_than: Timestamp) -> std::io::Result<u64> {
    let entries = match std::fs::read_dir(dir) {
        Ok(entries) => entries,
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(0),
        Err(error) => return Err(error),
    };
    let mut removed = 0;
    for entry in entries {
        let entry = entry?;
        if !entry.file_name().to_string_lossy().contains('#') {
            continue;
        }
        let written = entry.metadata()?.modified()?.duration_since(UNIX_EPOCH).unwrap_or_default();
        if after(Timestamp::from_millis(0), written) <= older_than {
            std::fs::remove_file(entry.path())?;
            removed += 1;
        }
    }
    Ok(removed)
}

fn hash_of(mut file: std::fs::File) -> std::io::Result<(Sha256, u64)> {
    let mut buffer = vec![0; HASHED_AT_ONCE_BYTES];
    let (mut hasher, mut length) = (Sha256Hasher::default(), 0);
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            return Ok((hasher.finish(), length));
        }
        hasher.update(&buffer[..read]);
        length += read as u64;
    }
}
