//! Files out of a sandbox, within limits that are held on this side: the guest is asked for so many bytes at a time, and
//! what it answers is believed only as far as it was asked.

use std::collections::BTreeMap;

use bytes::{Bytes, BytesMut};
use vitrine_jail::protocol::{FetchPiece, ListedEntry, ListedKind, MAX_FETCH_BYTES};
use vitrine_model::ProjectPath;

use crate::driver::{CollectLimits, Collected, DriverError, RefusalReason, Refused};
use crate::words::plain;

/// Pieces in one request, so that its header stays small.
const PIECES: usize = 512;

/// Entries that are refused by name; a hundred say enough.
const MAX_REFUSED: usize = 100;

/// Entries looked at to choose these from. An honest build has few that are refused.
const MAX_SIFTED_REFUSED: usize = 2_000;

/// Where files are collected from: the guest, or a directory.
pub(crate) trait Source {
    /// See [`vitrine_jail::files::Project::list`].
    fn list(&self, folder: &str) -> impl Future<Output = Result<Vec<ListedEntry>, DriverError>> + Send;

    /// See [`vitrine_jail::files::Project::fetch`].
    fn fetch(
        &self,
        pieces: Vec<FetchPiece>,
    ) -> impl Future<Output = Result<(Vec<Option<u64>>, Bytes), DriverError>> + Send;
}

/// What [`crate::Sandbox::collect`] promises, over any source.
pub(crate) async fn collect(
    source: &(impl Source + Sync),
    folder: Option<&ProjectPath>,
    limits: CollectLimits,
) -> Result<Collected, DriverError> {
    let folder = folder.map_or("", ProjectPath::as_str);
    let listed = source.list(folder).await?;
    let (wanted, refused) = sift(listed, folder, limits);
    if !refused.is_empty() {
        return Ok(Collected { files: BTreeMap::new(), refused });
    }
    let mut intake = Intake::new(folder, wanted);
    while let Some(pieces) = intake.next_pieces() {
        let (sizes, content) = source.fetch(pieces.clone()).await?;
        intake.take(&pieces, &sizes, content)?;
    }
    Ok(intake.finish())
}

/// Splits a listing into what can be had and what is refused.
fn sift(
    listed: Vec<ListedEntry>,
    folder: &str,
    limits: CollectLimits,
) -> (BTreeMap<ProjectPath, u64>, Vec<Refused>) {
    let (mut wanted, mut refused) = (BTreeMap::new(), Vec::new());
    let mut total = 0_u64;
    for entry in listed {
        let size = entry.size;
        let path = if entry.path.is_empty() { folder.to_owned() } else { plain(&entry.path) };
        match accept(&entry, limits) {
            Ok(path) => {
                total = total.saturating_add(size);
                wanted.insert(path, size);
            }
            Err(reason) => refused.push(Refused { path, reason }),
        }
        let over = if wanted.len() > limits.files {
            Some(RefusalReason::TooManyFiles(limits.files))
        } else if total > limits.total_bytes {
            Some(RefusalReason::TooManyBytes(limits.total_bytes))
        } else if refused.len() >= MAX_SIFTED_REFUSED {
            break;
        } else {
            None
        };
        if let Some(reason) = over {
            refused.push(Refused { path: folder.to_owned(), reason });
            break;
        }
    }
    refused.sort();
    refused.truncate(MAX_REFUSED);
    (wanted, refused)
}

fn accept(entry: &ListedEntry, limits: CollectLimits) -> Result<ProjectPath, RefusalReason> {
    match entry.kind {
        ListedKind::Link => return Err(RefusalReason::Link),
        ListedKind::Other => return Err(RefusalReason::Special),
        ListedKind::NotUnicode => return Err(RefusalReason::NotUnicode),
        ListedKind::File => {}
    }
    let path = ProjectPath::parse(&entry.path).map_err(|error| RefusalReason::Name(error.to_string()))?;
    if path.as_str() != entry.path {
        return Err(RefusalReason::Name("its name is not in Unicode normal form C".to_owned()));
    }
    match entry.size > limits.file_bytes {
        true => Err(RefusalReason::FileTooLarge(limits.file_bytes)),
        false => Ok(path),
    }
}

/// Files on their way in.
struct Intake<'a> {
    folder: &'a str,
    /// What is still to come, the last first; with the bytes that are there already.
    coming: Vec<Coming>,
    collected: Collected,
}

struct Coming {
    path: ProjectPath,
    size: u64,
    content: BytesMut,
}

impl<'a> Intake<'a> {
    fn new(folder: &'a str, wanted: BTreeMap<ProjectPath, u64>) -> Self {
        let coming = wanted.into_iter().rev();
        let coming = coming.map(|(path, size)| Coming { path, size, content: BytesMut::new() });
        Self { folder, coming: coming.collect(), collected: Collected::default() }
    }

    /// What to ask for next: as many files as fit one answer, or the next piece of a large one.
    fn next_pieces(&self) -> Option<Vec<FetchPiece>> {
        let mut room = MAX_FETCH_BYTES;
        let mut pieces = Vec::new();
        for coming in self.coming.iter().rev().take(PIECES) {
            let offset = coming.content.len() as u64;
            let max_bytes = (coming.size - offset).min(room);
            pieces.push(FetchPiece { path: self.inside(&coming.path), offset, max_bytes });
            room -= max_bytes;
            if room == 0 {
                break;
            }
        }
        (!pieces.is_empty()).then_some(pieces)
    }

    fn inside(&self, path: &ProjectPath) -> String {
        match self.folder {
            "" => path.as_str().to_owned(),
            folder => format!("{folder}/{path}"),
        }
    }

    /// Takes the answer to [`Self::next_pieces`]. A file that is shorter than it was listed has changed meanwhile, and
    /// what is to be kept must not.
    fn take(
        &mut self,
        pieces: &[FetchPiece],
        sizes: &[Option<u64>],
        mut content: Bytes,
    ) -> Result<(), DriverError> {
        let nonsense = || DriverError::Refused("an answer that does not fit its question".to_owned());
        if sizes.len() != pieces.len() {
            return Err(nonsense());
        }
        for (piece, size) in pieces.iter().zip(sizes) {
            let Some(mut coming) = self.coming.pop() else { return Err(nonsense()) };
            if *size != Some(piece.max_bytes) {
                let path = coming.path.into();
                self.collected.refused.push(Refused { path, reason: RefusalReason::Changed });
                content = content.split_off(bounded(size.unwrap_or(0), content.len()));
                continue;
            }
            if piece.max_bytes > content.len() as u64 {
                return Err(nonsense());
            }
            let arrived = content.split_to(bounded(piece.max_bytes, content.len()));
            match coming.content.is_empty() && piece.max_bytes == coming.size {
                // The usual case: whole, and no longer part of a large answer that would be kept alive with it.
                true => self.keep(coming.path, Bytes::copy_from_slice(&arrived)),
                false => {
                    coming.content.extend_from_slice(&arrived);
                    match coming.content.len() as u64 >= coming.size {
                        true => self.keep(coming.path, coming.content.freeze()),
                        false => self.coming.push(coming),
                    }
                }
            }
        }
        Ok(())
    }

    fn keep(&mut self, path: ProjectPath, content: Bytes) {
        self.collected.files.insert(path, content);
    }

    fn finish(mut self) -> Collected {
        if !self.collected.refused.is_empty() {
            self.collected.files.clear();
            self.collected.refused.sort();
            self.collected.refused.truncate(MAX_REFUSED);
        }
        self.collected
    }
}

fn bounded(size: u64, most: usize) -> usize {
    usize::try_from(size).unwrap_or(usize::MAX).min(most)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::Mutex;

    /// A guest that may lie.
    struct Guest {
        listed: Vec<ListedEntry>,
        /// What it answers with in place of the truth.
        lie: fn(&FetchPiece) -> (Option<u64>, Vec<u8>),
        asked: Mutex<u64>,
    }

    impl Source for Guest {
        async fn list(&self, _folder: &str) -> Result<Vec<ListedEntry>, DriverError> {
            Ok(self.listed.clone())
        }

        async fn fetch(&self, pieces: Vec<FetchPiece>) -> Result<(Vec<Option<u64>>, Bytes), DriverError> {
            *self.asked.lock().unwrap() += 1;
            let asked: u64 = pieces.iter().map(|piece| piece.max_bytes).sum();
            assert!(asked <= MAX_FETCH_BYTES && pieces.len() <= PIECES);
            let answers: Vec<_> = pieces.iter().map(self.lie).collect();
            let content: Vec<u8> = answers.iter().flat_map(|(_, content)| content.clone()).collect();
            Ok((answers.iter().map(|(size, _)| *size).collect(), content.into()))
        }
    }

    fn file(path: &str, size: u64) -> ListedEntry {
        ListedEntry { path: path.to_owned(), kind: ListedKind::File, size }
    }

    fn honest(piece: &FetchPiece) -> (Option<u64>, Vec<u8>) {
        (Some(piece.max_bytes), vec![b'x'; piece.max_bytes as usize])
    }

    const LIMITS: CollectLimits = CollectLimits { files: 2_000, file_bytes: 20 << 20, total_bytes: 40 << 20 };

    async fn run(guest: &Guest) -> Result<Collected, DriverError> {
        collect(guest, None, LIMITS).await
    }

    fn guest(listed: Vec<ListedEntry>, lie: fn(&FetchPiece) -> (Option<u64>, Vec<u8>)) -> Guest {
        Guest { listed, lie, asked: Mutex::new(0) }
    }

    #[tokio::test]
    async fn large_files_come_in_pieces_and_small_ones_together() {
        let mut listed: Vec<_> = (0..1_000).map(|n| file(&format!("f{n}"), n)).collect();
        listed.push(file("large", 9 << 20));
        let guest = guest(listed, honest);
        let collected = run(&guest).await.unwrap();
        assert!(collected.refused.is_empty());
        assert_eq!(collected.files["large"].len(), 9 << 20);
        assert!((0..1_000).all(|n| collected.files[format!("f{n}").as_str()].len() == n));
        assert!(*guest.asked.lock().unwrap() < 8);
    }

    #[tokio::test]
    async fn limits_are_held_whatever_the_guest_says() {
        let many = (0..=LIMITS.files).map(|n| file(&n.to_string(), 0)).collect();
        let heavy = vec![file("a", 20 << 20), file("b", 20 << 20), file("c", 1)];
        let large = vec![file("a", (20 << 20) + 1)];
        for (listed, reason) in [
            (many, RefusalReason::TooManyFiles(LIMITS.files)),
            (heavy, RefusalReason::TooManyBytes(LIMITS.total_bytes)),
            (large, RefusalReason::FileTooLarge(LIMITS.file_bytes)),
            (vec![file("a", u64::MAX)], RefusalReason::FileTooLarge(LIMITS.file_bytes)),
        ] {
            let guest = guest(listed, honest);
            let collected = run(&guest).await.unwrap();
            assert!(collected.files.is_empty() && *guest.asked.lock().unwrap() == 0);
            assert_eq!(collected.refused[0].reason, reason);
        }
    }

    #[tokio::test]
    async fn answers_that_do_not_fit_are_not_kept() {
        let listed = || vec![file("a", 10), file("b", 10)];
        let short = run(&guest(listed(), |_| (Some(3), b"abc".to_vec()))).await.unwrap();
        assert!(short.files.is_empty() && short.refused.len() == 2);
        let gone = run(&guest(listed(), |_| (None, Vec::new()))).await.unwrap();
        assert_eq!(gone.refused[0].reason, RefusalReason::Changed);
        let silent = run(&guest(listed(), |piece| (Some(piece.max_bytes), Vec::new()))).await;
        assert!(matches!(silent, Err(DriverError::Refused(_))));
        let huge = run(&guest(listed(), |_| (Some(u64::MAX), Vec::new()))).await.unwrap();
        assert!(huge.files.is_empty());
    }

    #[tokio::test]
    async fn names_that_are_no_paths_are_refused_with_their_reason() {
        for name in ["../x", "/x", "a\\b", "a\nb", "node_modules/x", "cafe\u{301}", "a//b"] {
            let collected = run(&guest(vec![file(name, 1)], honest)).await.unwrap();
            assert!(
                matches!(&collected.refused[..], [Refused { path, reason: RefusalReason::Name(_) }] if *path == plain(name))
            );
        }
    }
}
