//! What must hold for whatever a guest says, and for whatever a client of the egress proxy sends.

#![allow(clippy::expect_used, reason = "a property that does not hold is told by a panic")]

use std::sync::atomic::{AtomicU64, Ordering};

use bytes::Bytes;
use vitrine_jail::protocol::frame;
use vitrine_jail::protocol::{FetchPiece, HeldEntry, ListedEntry, MAX_FETCH_BYTES, Message};

use crate::collect::{Source, collect};
use crate::driver::{CollectLimits, DriverError};
use crate::local::held_file;
use crate::reading::{GuestError, Head, read_head, read_payload};

/// A name, and what panics when a property does not hold for the bytes it is given.
pub type Target = (&'static str, fn(&[u8]));

/// The targets of this crate, by the names of their folders in the corpus.
pub const TARGETS: &[Target] = &[
    ("guest_messages", guest_messages),
    ("guest_files", guest_files),
    ("egress_request", crate::egress::fuzz::egress_request),
    ("tls_hello", crate::egress::fuzz::tls_hello),
];

/// Runs what has nothing to wait for.
pub(crate) fn now<T>(work: impl Future<Output = T>) -> T {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime needs nothing");
    runtime.block_on(work)
}

/// The server's reader and the guest's read the same messages off the same bytes.
fn guest_messages(data: &[u8]) {
    now(async {
        let (mut ours, mut theirs) = (data, data);
        loop {
            let here = async {
                let Head { message, payload_bytes, .. } = read_head(&mut ours).await?;
                Ok::<_, GuestError>((message, read_payload(&mut ours, payload_bytes).await?))
            };
            let here = here.await;
            let there = frame::read::<Message>(&mut theirs);
            match (here, there) {
                (Ok((message, payload)), Ok(Some((same, bytes)))) => {
                    assert_eq!((message, &payload[..]), (same, &bytes[..]));
                }
                (Err(_), Ok(None) | Err(_)) => return,
                (here, there) => panic!("{here:?} and {there:?}"),
            }
        }
    });
    if let Ok(held) = serde_json::from_slice::<Vec<HeldEntry>>(data) {
        for entry in held {
            let name = entry.path.clone();
            assert!(held_file(entry).is_none_or(|(path, _)| path.as_str() == name));
        }
    }
}

const LIMITS: CollectLimits = CollectLimits { files: 20, file_bytes: 9 << 20, total_bytes: 10 << 20 };

/// A listing in JSON up to the first empty line, then how each piece is answered: as asked, or with some lie.
struct LyingGuest<'a> {
    listed: Vec<ListedEntry>,
    lies: &'a [u8],
    told: AtomicU64,
}

impl Source for LyingGuest<'_> {
    async fn list(&self, _folder: &str) -> Result<Vec<ListedEntry>, DriverError> {
        Ok(self.listed.clone())
    }

    async fn fetch(&self, pieces: Vec<FetchPiece>) -> Result<(Vec<Option<u64>>, Bytes), DriverError> {
        let asked: u64 = pieces.iter().map(|piece| piece.max_bytes).sum();
        assert!(asked <= MAX_FETCH_BYTES, "never asks for more than one answer can hold");
        let (mut sizes, mut content) = (Vec::new(), Vec::new());
        for piece in &pieces {
            let at = self.told.fetch_add(1, Ordering::Relaxed);
            let lie = usize::try_from(at).ok().and_then(|at| self.lies.get(at)).copied().unwrap_or_default();
            let (size, sent) = match lie % 8 {
                0..=2 => (Some(piece.max_bytes), piece.max_bytes),
                3 => (None, 0),
                4 => (Some(piece.max_bytes.saturating_sub(1)), piece.max_bytes.saturating_sub(1)),
                5 => (Some(piece.max_bytes), u64::from(lie)),
                6 => (Some(u64::MAX), piece.max_bytes),
                _ => {
                    sizes.push(Some(u64::from(lie)));
                    (Some(piece.max_bytes), piece.max_bytes + 1)
                }
            };
            sizes.push(size);
            content.resize(content.len() + usize::try_from(sent).unwrap_or(0), lie);
        }
        Ok((sizes, content.into()))
    }
}

/// What is collected is what was listed, within the limits, or nothing.
fn guest_files(data: &[u8]) {
    let end = data.windows(2).position(|window| window == b"\n\n").unwrap_or(data.len());
    let Ok(listed) = serde_json::from_slice::<Vec<ListedEntry>>(&data[..end]) else { return };
    let lies = data.get(end + 2..).unwrap_or_default();
    let guest = LyingGuest { listed: listed.clone(), lies, told: AtomicU64::new(0) };
    let Ok(collected) = now(collect(&guest, None, LIMITS)) else { return };
    assert!(collected.refused.is_empty() || collected.files.is_empty());
    assert!(collected.refused.len() <= 100);
    assert!(collected.files.len() <= LIMITS.files);
    let total: u64 = collected.files.values().map(|content| content.len() as u64).sum();
    assert!(total <= LIMITS.total_bytes);
    for (path, content) in &collected.files {
        let is_it = |entry: &ListedEntry| entry.path == path.as_str() && entry.size == content.len() as u64;
        assert!(listed.iter().any(is_it), "{path}");
    }
}

#[cfg(test)]
#[test]
fn nothing_in_the_corpus_or_near_it_breaks_a_property() {
    vitrine_fuzz::check(TARGETS);
}
