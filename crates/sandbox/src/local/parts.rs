//! A batch of files as frames: many small files share one, a large one takes several.

use bytes::Bytes;
use vitrine_jail::protocol::{ApplyPart, PutPiece, Request};
use vitrine_model::FileMode;

use crate::connection::{Outgoing, head};
use crate::driver::{DriverError, FileBatch};

/// Content in one frame; the guest holds it in memory while it works on it.
const PART_BYTES: usize = 1024 * 1024;

/// Paths in one frame. At 512 bytes each they fit the header twice over.
const PART_PATHS: usize = 512;

/// The frames of `batch`; the last one makes the guest put everything in place.
pub(super) fn frames(id: u64, batch: FileBatch) -> Result<Vec<Outgoing>, DriverError> {
    let mut frames = Vec::new();
    let mut part = ApplyPart::default();
    let mut content: Vec<Bytes> = Vec::new();
    let mut room = PART_BYTES;
    for path in batch.removed {
        if part.removed.len() == PART_PATHS {
            frames.push(frame(id, std::mem::take(&mut part), Vec::new())?);
        }
        part.removed.push(path.into());
    }
    for file in batch.put {
        let mut rest = file.content;
        loop {
            if room == 0 || part.put.len() + part.removed.len() >= PART_PATHS {
                frames.push(frame(id, std::mem::take(&mut part), std::mem::take(&mut content))?);
                room = PART_BYTES;
            }
            let piece = rest.split_to(rest.len().min(room));
            room -= piece.len();
            part.put.push(PutPiece {
                path: file.path.as_str().to_owned(),
                is_executable: file.mode == FileMode::Executable,
                size: piece.len() as u64,
                continues: !rest.is_empty(),
            });
            content.push(piece);
            if rest.is_empty() {
                break;
            }
        }
    }
    part.is_last = true;
    frames.push(frame(id, part, content)?);
    Ok(frames)
}

fn frame(id: u64, part: ApplyPart, content: Vec<Bytes>) -> Result<Outgoing, DriverError> {
    let bytes = content.iter().map(Bytes::len).sum();
    let head = head(id, Request::Apply(part), bytes)?;
    Ok([head].into_iter().chain(content).collect())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::driver::FilePut;
    use vitrine_jail::protocol::{RequestFrame, frame as wire};
    use vitrine_model::ProjectPath;

    fn parts(batch: FileBatch) -> Vec<(ApplyPart, usize)> {
        let bytes: Vec<u8> = frames(7, batch).unwrap().concat().concat();
        let mut stream = bytes.as_slice();
        let mut parts = Vec::new();
        while let Some((RequestFrame { id: 7, request: Request::Apply(part) }, payload)) =
            wire::read(&mut stream).unwrap()
        {
            parts.push((part, payload.len()));
        }
        parts
    }

    fn put(name: &str, bytes: usize) -> FilePut {
        let path = ProjectPath::parse(name).unwrap();
        FilePut { path, mode: FileMode::Regular, content: vec![b'x'; bytes].into() }
    }

    #[test]
    fn small_files_share_a_frame_and_large_ones_are_cut() {
        let one = parts(FileBatch { put: vec![put("a", 10), put("b", 0)], removed: Vec::new() });
        assert_eq!(one.len(), 1);
        assert!(one[0].0.is_last && one[0].1 == 10);
        let many =
            parts(FileBatch { put: vec![put("a", 10), put("big", PART_BYTES * 2)], removed: Vec::new() });
        assert_eq!(many.iter().map(|(_, bytes)| bytes).sum::<usize>(), PART_BYTES * 2 + 10);
        assert!(many.iter().all(|(_, bytes)| *bytes <= PART_BYTES));
        assert_eq!(many.iter().filter(|(part, _)| part.is_last).count(), 1);
        let big: Vec<bool> = many
            .iter()
            .flat_map(|(part, _)| &part.put)
            .filter(|piece| piece.path == "big")
            .map(|piece| piece.continues)
            .collect();
        assert_eq!(big, [true, true, false]);
    }

    #[test]
    fn many_paths_take_many_frames() {
        let path = |n: usize| ProjectPath::parse(&format!("f{n}")).unwrap();
        let removed = parts(FileBatch { put: Vec::new(), removed: (0..5_000).map(path).collect() });
        assert_eq!(removed.iter().map(|(part, _)| part.removed.len()).sum::<usize>(), 5_000);
        let empty = parts(FileBatch {
            put: (0..5_000).map(|n| put(&format!("f{n}"), 0)).collect(),
            removed: Vec::new(),
        });
        assert_eq!(empty.iter().map(|(part, _)| part.put.len()).sum::<usize>(), 5_000);
        assert_eq!(parts(FileBatch::default()).len(), 1);
    }
}
