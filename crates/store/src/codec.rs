//! Between the model's types and the database's columns.

use std::io::{Read, Write};
use std::str::FromStr;
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::read::ZlibDecoder;
use flate2::write::ZlibEncoder;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use vitrine_model::{ProjectPath, Sha256, Timestamp};

use crate::error::StoreError;

/// Packed data starts with one of these.
const PLAIN: u8 = 0;
const DEFLATED: u8 = 1;

/// Below this a compressor costs more than it saves.
const WORTH_DEFLATING_BYTES: usize = 512;

/// The most that a packed column unpacks to: the operations of the largest change set are a few megabytes.
const MOST_UNPACKED_BYTES: u64 = 64 * 1024 * 1024;

/// Content from here on is hashed on a thread of its own: 25 MiB would hold up everything else on this one.
const LONG_TO_HASH_BYTES: usize = 256 * 1024;

/// The hash of content of any size.
pub(crate) async fn digest(content: &Bytes) -> Sha256 {
    if content.len() < LONG_TO_HASH_BYTES {
        return Sha256::of(content);
    }
    let shared = content.clone();
    match tokio::task::spawn_blocking(move || Sha256::of(&shared)).await {
        Ok(hash) => hash,
        // The runtime is shutting down.
        Err(_) => Sha256::of(content),
    }
}

/// Compresses when that is worth it.
pub(crate) fn pack(data: &[u8]) -> Vec<u8> {
    let mut packed = Vec::with_capacity(data.len() / 2 + 1);
    if data.len() >= WORTH_DEFLATING_BYTES {
        packed.push(DEFLATED);
        let mut encoder = ZlibEncoder::new(packed, Compression::default());
        if encoder.write_all(data).is_ok()
            && let Ok(deflated) = encoder.finish()
        {
            return deflated;
        }
        packed = Vec::with_capacity(data.len() + 1);
    }
    packed.push(PLAIN);
    packed.extend_from_slice(data);
    packed
}

/// The inverse of [`pack`].
pub(crate) fn unpack(packed: &[u8]) -> Result<Vec<u8>, StoreError> {
    match packed.split_first() {
        Some((&PLAIN, data)) => Ok(data.to_vec()),
        Some((&DEFLATED, deflated)) => {
            let mut data = Vec::new();
            let mut decoder = ZlibDecoder::new(deflated).take(MOST_UNPACKED_BYTES);
            decoder.read_to_end(&mut data).map_err(|_| corrupt("a packed column"))?;
            Ok(data)
        }
        _ => Err(corrupt("a packed column")),
    }
}

/// The error for a value that cannot have been written by us.
pub(crate) fn corrupt(what: &str) -> StoreError {
    StoreError::Corrupt(format!("{what} cannot be read"))
}

/// A hash from its column.
pub(crate) fn hash(column: &[u8]) -> Result<Sha256, StoreError> {
    let bytes = column.try_into().map_err(|_| corrupt("a hash"))?;
    Ok(Sha256::from_bytes(bytes))
}

/// A hash for its column.
pub(crate) fn hash_column(hash: &Sha256) -> Vec<u8> {
    hash.as_bytes().to_vec()
}

/// An id or another parsed text from its column.
pub(crate) fn parsed<T: FromStr>(column: &str) -> Result<T, StoreError> {
    column.parse().map_err(|_| corrupt("an id"))
}

/// A project path from its column.
pub(crate) fn parsed_path(column: &str) -> Result<ProjectPath, StoreError> {
    ProjectPath::parse(column).map_err(|_| corrupt("a path"))
}

/// A word of a closed vocabulary for its column: its name on the wire, which is as stable.
pub(crate) fn word<T: Serialize>(value: &T) -> Result<String, StoreError> {
    match serde_json::to_value(value) {
        Ok(Value::String(word)) => Ok(word),
        _ => Err(corrupt("a word")),
    }
}

/// The inverse of [`word`].
pub(crate) fn of_word<T: DeserializeOwned>(column: &str) -> Result<T, StoreError> {
    serde_json::from_value(Value::String(column.to_owned())).map_err(|_| corrupt("a word"))
}

/// A value as JSON for its column.
pub(crate) fn json<T: Serialize + ?Sized>(value: &T) -> Result<String, StoreError> {
    serde_json::to_string(value).map_err(|_| corrupt("a document"))
}

/// The inverse of [`json`].
pub(crate) fn of_json<T: DeserializeOwned>(column: &str) -> Result<T, StoreError> {
    serde_json::from_str(column).map_err(|_| corrupt("a document"))
}

/// A point in time, so much after another.
pub(crate) fn after(now: Timestamp, ttl: Duration) -> Timestamp {
    let millis = i64::try_from(ttl.as_millis()).unwrap_or(i64::MAX);
    Timestamp::from_millis(now.as_millis().saturating_add(millis))
}

/// A count or size from its column.
pub(crate) fn unsigned(column: i64) -> Result<u64, StoreError> {
    u64::try_from(column).map_err(|_| corrupt("a count"))
}

/// A count or size for its column; no count of ours comes near the end of the range.
pub(crate) fn signed(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn content_has_the_same_hash_on_either_side_of_the_threshold() {
        for length in [LONG_TO_HASH_BYTES - 1, LONG_TO_HASH_BYTES] {
            let content = Bytes::from(vec![1; length]);
            assert_eq!(digest(&content).await, Sha256::of(&content));
        }
    }

    #[test]
    fn packing_gives_back_what_went_in() {
        for length in [0, 1, WORTH_DEFLATING_BYTES - 1, WORTH_DEFLATING_BYTES, 100_000] {
            let data = vec![b'x'; length];
            let packed = pack(&data);
            assert!(packed.len() <= length + 1);
            assert_eq!(unpack(&packed).unwrap(), data);
        }
        assert!(unpack(&[]).is_err() && unpack(&[7]).is_err() && unpack(&[DEFLATED, 1, 2]).is_err());
    }
}
