//! From a site's files to an artifact: the manifest, and every object it names.

use std::collections::BTreeMap;
use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::Semaphore;
use tokio::task::JoinSet;
use vitrine_model::artifact::{ArtifactFile, Variant};
use vitrine_model::{Encoding, Manifest, ProjectPath, Sha256};

use super::Inspection;
pub use super::compress::Effort;
use super::compress::{self, MIN_BYTES};
use super::content_type::{content_type, is_compressible};
use crate::Files;

/// The forms that are made, those with the most work first.
const ENCODINGS: [Encoding; 3] = [Encoding::Brotli, Encoding::Zstd, Encoding::Gzip];

/// Content that was packed before: it is not compressed again.
pub trait KnownVariants: Send + Sync {
    /// The compressed forms that are stored for this content; empty when none was worth it, `None` when it was never
    /// packed. What is named here must be there: it is not handed out again.
    fn get(&self, content: &Sha256) -> Option<BTreeMap<Encoding, Variant>>;
}

impl KnownVariants for BTreeMap<Sha256, BTreeMap<Encoding, Variant>> {
    fn get(&self, content: &Sha256) -> Option<BTreeMap<Encoding, Variant>> {
        BTreeMap::get(self, content).cloned()
    }
}

/// An artifact that is ready to be stored.
#[derive(Debug, Clone)]
pub struct Packed {
    /// The files by path.
    pub manifest: Manifest,
    /// Every content, and every form that was made now; each once, sorted by hash.
    pub objects: Vec<(Sha256, Bytes)>,
}

/// An artifact could not be packed; a fault of ours.
#[derive(Debug, thiserror::Error)]
#[error("the artifact could not be packed: {0}")]
pub struct PackError(String);

/// Packs. The same files and effort give the same manifest, byte for byte.
///
/// The effort changes the compressed forms alone, never the artifact's id: a release can be packed quickly, and once
/// more as well as can be when nobody waits for it.
pub async fn pack(
    files: &Files,
    inspection: &Inspection,
    known: &dyn KnownVariants,
    effort: Effort,
) -> Result<Packed, PackError> {
    let hashed = hash_all(files).await?;
    let mut contents: BTreeMap<Sha256, (Bytes, bool)> = BTreeMap::new();
    let mut manifest = Manifest::default();
    for (path, sha256) in hashed {
        let Some(content) = files.get(&path) else { continue };
        let entry = entry(&path, sha256, content, inspection);
        let shrinks = content.len() >= MIN_BYTES && is_compressible(&entry.content_type);
        let known = contents.entry(sha256).or_insert_with(|| (content.clone(), false));
        known.1 |= shrinks;
        manifest.files.insert(path, entry);
    }
    let (variants, made) = variants_of(&contents, known, effort).await?;
    for file in manifest.files.values_mut() {
        if file.size >= MIN_BYTES as u64 && is_compressible(&file.content_type) {
            file.variants = variants.get(&file.sha256).cloned().unwrap_or_default();
        }
    }
    let mut objects: BTreeMap<Sha256, Bytes> = made;
    objects.extend(contents.into_iter().map(|(sha256, (content, _))| (sha256, content)));
    Ok(Packed { manifest, objects: objects.into_iter().collect() })
}

fn entry(path: &ProjectPath, sha256: Sha256, content: &Bytes, inspection: &Inspection) -> ArtifactFile {
    let page = inspection.pages.get(path).cloned().unwrap_or_default();
    ArtifactFile {
        sha256,
        size: content.len() as u64,
        content_type: content_type(path),
        variants: BTreeMap::new(),
        script_hashes: page.script_hashes,
        has_config_slot: page.has_config_slot,
    }
}

async fn hash_all(files: &Files) -> Result<Vec<(ProjectPath, Sha256)>, PackError> {
    let files = files.clone();
    let hashing = tokio::task::spawn_blocking(move || {
        files.into_iter().map(|(path, content)| (path, Sha256::of(&content))).collect()
    });
    hashing.await.map_err(|error| PackError(error.to_string()))
}

type Variants = BTreeMap<Sha256, BTreeMap<Encoding, Variant>>;

/// The forms of every content that shrinks, and the bytes of those that were made now.
async fn variants_of(
    contents: &BTreeMap<Sha256, (Bytes, bool)>,
    known: &dyn KnownVariants,
    effort: Effort,
) -> Result<(Variants, BTreeMap<Sha256, Bytes>), PackError> {
    let mut variants = Variants::new();
    let mut wanted: Vec<(Sha256, Bytes)> = Vec::new();
    for (sha256, (content, shrinks)) in contents {
        match known.get(sha256) {
            _ if !shrinks => {}
            Some(stored) => drop(variants.insert(*sha256, stored)),
            None => wanted.push((*sha256, content.clone())),
        }
    }
    // The largest first: the last one to end should be a small one.
    wanted.sort_by_key(|(_, content)| std::cmp::Reverse(content.len()));
    let mut made = BTreeMap::new();
    for (sha256, encoding, bytes) in compress_all(wanted, effort).await? {
        let Some(bytes) = bytes else {
            variants.entry(sha256).or_default();
            continue;
        };
        let variant = Variant { sha256: Sha256::of(&bytes), size: bytes.len() as u64 };
        made.insert(variant.sha256, bytes);
        variants.entry(sha256).or_default().insert(encoding, variant);
    }
    Ok((variants, made))
}

type Compressed = (Sha256, Encoding, Option<Bytes>);

/// Compresses off the async threads, as many at once as there are processors.
async fn compress_all(wanted: Vec<(Sha256, Bytes)>, effort: Effort) -> Result<Vec<Compressed>, PackError> {
    let turns = Arc::new(Semaphore::new(std::thread::available_parallelism().map_or(2, |count| count.get())));
    let mut tasks = JoinSet::new();
    for (sha256, content) in wanted {
        for encoding in ENCODINGS {
            let (turns, content) = (turns.clone(), content.clone());
            let turn = turns.acquire_owned().await.map_err(|error| PackError(error.to_string()))?;
            tasks.spawn_blocking(move || {
                let compressed = compress::compress(&content, encoding, effort);
                drop(turn);
                compressed.map(|bytes| (sha256, encoding, bytes.map(Bytes::from)))
            });
        }
    }
    let mut all = Vec::new();
    while let Some(done) = tasks.join_next().await {
        let compressed = done.map_err(|error| PackError(error.to_string()))?;
        all.push(compressed.map_err(|error| PackError(error.to_string()))?);
    }
    Ok(all)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::pipeline::inspect;

    fn site() -> Files {
        let script = "export const answer = 42; // the same again\n".repeat(200);
        [
            ("index.html", "<!doctype html><script>go()</script>".to_owned()),
            ("assets/a.js", script.clone()),
            ("assets/copy.js", script.clone()),
            ("assets/a.png", script),
            ("empty.txt", String::new()),
        ]
        .map(|(path, text)| (path.parse().unwrap(), Bytes::from(text)))
        .into()
    }

    async fn packed(files: &Files, known: &Variants) -> Packed {
        pack(files, &inspect(files, "").unwrap(), known, Effort::Quick).await.unwrap()
    }

    #[tokio::test]
    async fn an_artifact_names_every_object_once_and_is_always_the_same() {
        let packed_once = packed(&site(), &Variants::new()).await;
        let script = &packed_once.manifest.files["assets/a.js"];
        assert_eq!(script.variants.len(), 3);
        assert_eq!(script.content_type, "text/javascript; charset=utf-8");
        assert!(
            packed_once.manifest.files["assets/a.png"].variants.is_empty(),
            "pictures are compressed already"
        );
        assert_eq!(packed_once.manifest.files["index.html"].script_hashes.len(), 1);
        let named: BTreeMap<_, _> = packed_once.manifest.objects().collect();
        let there: BTreeMap<_, _> =
            packed_once.objects.iter().map(|(sha256, bytes)| (*sha256, bytes.len() as u64)).collect();
        assert_eq!(named, there);
        assert_eq!(there.len(), packed_once.objects.len());
        assert!(packed_once.objects.iter().all(|(sha256, bytes)| Sha256::of(bytes) == *sha256));
        let again = packed(&site(), &Variants::new()).await;
        assert_eq!(
            serde_json::to_vec(&again.manifest).unwrap(),
            serde_json::to_vec(&packed_once.manifest).unwrap()
        );
    }

    #[tokio::test]
    async fn more_effort_gives_the_same_artifact() {
        let quick = packed(&site(), &Variants::new()).await;
        let inspection = inspect(&site(), "").unwrap();
        let best = pack(&site(), &inspection, &Variants::new(), Effort::Best).await.unwrap();
        assert_eq!(best.manifest.id(), quick.manifest.id());
        assert_ne!(best.manifest, quick.manifest);
    }

    #[tokio::test]
    async fn known_content_is_not_compressed_again() {
        let first = packed(&site(), &Variants::new()).await;
        let known = first.manifest.files.values().map(|file| (file.sha256, file.variants.clone())).collect();
        let second = packed(&site(), &known).await;
        assert_eq!(second.manifest, first.manifest);
        // Contents alone: three different ones, and not a single form.
        assert_eq!(second.objects.len(), 3);
    }
}
