//! Content: where it lives, who sees it, and that damage is noticed.

use bytes::Bytes;
use vitrine_model::Sha256;
use vitrine_model::limits::INLINE_BLOB_BYTES;
use vitrine_store::StoreError;

use crate::support::Fixture;

fn content(length: usize) -> Bytes {
    (0..length).map(|n| (n % 251) as u8).collect()
}

fn object(fixture: &Fixture, hash: &Sha256) -> std::path::PathBuf {
    let hex = hash.to_hex();
    fixture.objects().join("blobs").join(&hex[..2]).join(&hex[2..])
}

#[tokio::test]
async fn content_at_the_boundary_is_a_row_and_above_it_an_object() {
    let fixture = Fixture::new().await;
    for (length, is_object) in [(0, false), (INLINE_BLOB_BYTES, false), (INLINE_BLOB_BYTES + 1, true)] {
        let bytes = content(length);
        let hash = fixture.store.put_blob(&fixture.scope, bytes.clone()).await.unwrap();
        assert_eq!(object(&fixture, &hash).exists(), is_object, "{length}");
        for store in [&fixture.store, &fixture.reopened().await] {
            assert_eq!(store.blob(&fixture.scope, &hash).await.unwrap(), bytes);
            assert_eq!(store.blob_size(&fixture.scope, &hash).await.unwrap(), length as u64);
        }
    }
}

#[tokio::test]
async fn storing_again_changes_nothing_and_order_is_kept() {
    let fixture = Fixture::new().await;
    let large = content(INLINE_BLOB_BYTES * 2);
    let batch =
        vec![Bytes::from_static(b"b"), large.clone(), Bytes::from_static(b"a"), Bytes::from_static(b"b")];
    let expected: Vec<_> = batch.iter().map(|bytes| Sha256::of(bytes)).collect();
    for _ in 0..2 {
        assert_eq!(fixture.store.put_blobs(&fixture.scope, batch.clone()).await.unwrap(), expected);
    }
    let found = fixture.reopened().await.blobs(&fixture.scope, &expected).await.unwrap();
    assert_eq!(found.len(), 3);
    assert_eq!(found[&expected[1]], large);
}

#[tokio::test]
async fn content_announced_under_another_hash_is_refused() {
    let fixture = Fixture::new().await;
    let announced = Sha256::of(b"announced");
    let put = fixture.store.put_blob_verified(&fixture.scope, &announced, Bytes::from_static(b"sent")).await;
    assert!(matches!(put, Err(StoreError::HashMismatch)));
    assert_eq!(fixture.store.missing_blobs(&fixture.scope, &[announced]).await.unwrap(), [announced]);
    let bytes = Bytes::from_static(b"announced");
    fixture.store.put_blob_verified(&fixture.scope, &announced, bytes).await.unwrap();
    assert!(fixture.store.missing_blobs(&fixture.scope, &[announced]).await.unwrap().is_empty());
}

#[tokio::test]
async fn knowing_a_hash_gives_no_content() {
    let fixture = Fixture::new().await;
    let other = fixture.other_tenant().await;
    for bytes in [Bytes::from_static(b"secret"), content(INLINE_BLOB_BYTES + 1)] {
        let hash = fixture.store.put_blob(&fixture.scope, bytes.clone()).await.unwrap();
        // The owner's reads fill the caches that the other tenant's go through.
        fixture.store.blob(&fixture.scope, &hash).await.unwrap();
        assert!(matches!(fixture.store.blob(&other, &hash).await, Err(StoreError::NotFound)));
        assert!(matches!(fixture.store.blob_size(&other, &hash).await, Err(StoreError::NotFound)));
        assert!(fixture.store.blobs(&other, &[hash]).await.unwrap().is_empty());
        assert_eq!(fixture.store.missing_blobs(&other, &[hash]).await.unwrap(), [hash]);
        fixture.store.put_blob(&other, bytes.clone()).await.unwrap();
        assert_eq!(fixture.store.blob(&other, &hash).await.unwrap(), bytes, "who brings it, has it");
    }
}

#[tokio::test]
async fn missing_content_is_named_in_order_without_repeats() {
    let fixture = Fixture::new().await;
    let stored = fixture.store.put_blob(&fixture.scope, Bytes::from_static(b"here")).await.unwrap();
    let absent: Vec<_> = (0..1_000_u32).map(|n| Sha256::of(&n.to_be_bytes())).collect();
    let asked: Vec<_> = absent.iter().chain([&stored]).chain(&absent).copied().collect();
    assert_eq!(fixture.store.missing_blobs(&fixture.scope, &asked).await.unwrap(), absent);
}

#[tokio::test]
async fn a_damaged_or_lost_object_is_an_error_and_never_an_answer() {
    let fixture = Fixture::new().await;
    let bytes = content(INLINE_BLOB_BYTES + 1);
    let hash = fixture.store.put_blob(&fixture.scope, bytes.clone()).await.unwrap();
    let file = object(&fixture, &hash);
    std::fs::write(&file, vec![b'x'; bytes.len()]).unwrap();
    assert!(matches!(
        fixture.reopened().await.blob(&fixture.scope, &hash).await,
        Err(StoreError::Corrupt(_))
    ));
    std::fs::remove_file(&file).unwrap();
    assert!(matches!(
        fixture.reopened().await.blob(&fixture.scope, &hash).await,
        Err(StoreError::Corrupt(_))
    ));
}

#[tokio::test]
async fn a_lost_object_is_mended_by_whoever_brings_it_again() {
    let fixture = Fixture::new().await;
    let bytes = content(INLINE_BLOB_BYTES + 1);
    let hash = fixture.store.put_blob(&fixture.scope, bytes.clone()).await.unwrap();
    let file = object(&fixture, &hash);
    for rest in [None, Some(b"cut short")] {
        std::fs::remove_file(&file).unwrap();
        if let Some(rest) = rest {
            std::fs::write(&file, rest).unwrap();
        }
        let store = fixture.reopened().await;
        store.put_blob(&fixture.scope, bytes.clone()).await.unwrap();
        assert_eq!(store.blob(&fixture.scope, &hash).await.unwrap(), bytes);
    }
}

#[tokio::test]
async fn a_store_without_its_objects_is_not_ready() {
    let fixture = Fixture::new().await;
    fixture.store.check().await.unwrap();
    std::fs::remove_dir_all(fixture.objects()).unwrap();
    assert!(matches!(fixture.store.check().await, Err(StoreError::Objects(_))));
}
