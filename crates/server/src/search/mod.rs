//! Search in the text of a draft: line by line, in time that grows with the text alone, and with an end.

mod pattern;

use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use serde::Serialize;
use utoipa::ToSchema;
use vitrine_model::revision_diff::is_text;
use vitrine_model::{FileEntry, ProjectPath};
use vitrine_store::{Draft, Scope, Store, StoreError};

pub(crate) use pattern::{InvalidPattern, Pattern};

/// A file larger than this is skipped: it is a bundle, or data, and a match in it helps nobody.
const MOST_FILE_BYTES: u64 = 1024 * 1024;

/// Text that one search reads. The largest real project of our corpus has a tenth of it.
const MOST_BYTES: u64 = 64 * 1024 * 1024;

/// How long one search takes at most: who types waits for it.
const MOST_TIME: Duration = Duration::from_secs(2);

/// Text in memory at once.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;

/// Files in memory at once.
const BATCH_FILES: usize = 64;

/// What was found, the first files first.
#[derive(Debug, Default, Serialize, ToSchema)]
pub(crate) struct SearchResult {
    /// The version of the draft that was searched.
    pub(crate) version: u64,
    /// The matches, by path, then by place.
    pub(crate) matches: Vec<SearchMatch>,
    /// True when there is more than was looked for: more matches than asked for, or more text than one search reads.
    pub(crate) truncated: bool,
    /// How many files were searched.
    pub(crate) searched_files: usize,
    /// How many were not, because they are large or not text.
    pub(crate) skipped_files: usize,
}

/// One match. It lies within one line.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, ToSchema)]
pub(crate) struct SearchMatch {
    /// In which file.
    pub(crate) path: ProjectPath,
    /// In which line, from 1.
    pub(crate) line: u32,
    /// Where it begins in the line, from 1, in UTF-16 units.
    pub(crate) column: u32,
    /// How long it is, in UTF-16 units.
    pub(crate) length: u32,
    /// The line, or 400 characters of it around the match.
    pub(crate) text: String,
    /// Where `text` begins in the line, from 0, in UTF-16 units.
    pub(crate) text_offset: u32,
}

/// Searches a draft for at most `limit` matches. Costs the content of the files, most of which is in memory when the app is in
/// use; the matching is done beside the threads that answer requests.
pub(crate) async fn search(
    store: &Store,
    scope: &Scope,
    draft: &Draft,
    pattern: Pattern,
    limit: usize,
) -> Result<SearchResult, StoreError> {
    let mut search = Search {
        pattern: Arc::new(pattern),
        limit,
        until: Instant::now() + MOST_TIME,
        left: MOST_BYTES,
        result: SearchResult { version: draft.version, ..SearchResult::default() },
    };
    let (files, large): (Vec<_>, Vec<_>) =
        draft.tree.iter().partition(|(_, entry)| entry.size <= MOST_FILE_BYTES);
    search.result.skipped_files = large.len();
    let mut files = files.as_slice();
    while !files.is_empty() && !search.result.truncated {
        let (batch, rest) = files.split_at(batch_len(files));
        files = rest;
        search = search.look_into(store, scope, batch).await?;
    }
    Ok(search.result)
}

/// How many of the files fit into memory at once; at least one.
fn batch_len(files: &[(&ProjectPath, &FileEntry)]) -> usize {
    let mut bytes = 0;
    let fits = files.iter().take(BATCH_FILES).take_while(|(_, entry)| {
        bytes += entry.size;
        bytes <= BATCH_BYTES
    });
    fits.count().max(1)
}

struct Search {
    pattern: Arc<Pattern>,
    limit: usize,
    until: Instant,
    left: u64,
    result: SearchResult,
}

impl Search {
    async fn look_into(
        mut self,
        store: &Store,
        scope: &Scope,
        batch: &[(&ProjectPath, &FileEntry)],
    ) -> Result<Self, StoreError> {
        let bytes: u64 = batch.iter().map(|(_, entry)| entry.size).sum();
        let Some(left) = self.left.checked_sub(bytes) else {
            self.result.truncated = true;
            return Ok(self);
        };
        self.left = left;
        let hashes: Vec<_> = batch.iter().map(|(_, entry)| entry.sha256).collect();
        let contents = store.blobs(scope, &hashes).await?;
        let files: Vec<(ProjectPath, Option<Bytes>)> = batch
            .iter()
            .map(|(path, entry)| ((*path).clone(), contents.get(&entry.sha256).cloned()))
            .collect();
        let searching = tokio::task::spawn_blocking(move || {
            for (path, content) in files {
                self.look_into_file(&path, content.as_deref());
            }
            self
        });
        searching.await.map_err(|_| StoreError::Corrupt("a search broke off".to_owned()))
    }

    fn look_into_file(&mut self, path: &ProjectPath, content: Option<&[u8]>) {
        if self.result.truncated {
            return;
        }
        let text = content.filter(|content| is_text(content)).and_then(|text| std::str::from_utf8(text).ok());
        let Some(text) = text else {
            self.result.skipped_files += 1;
            return;
        };
        self.result.searched_files += 1;
        for (number, line) in (1..).zip(text.lines()) {
            // A clock is not free; a line of ordinary length is nearly so.
            if number % 256 == 1 && Instant::now() >= self.until {
                self.result.truncated = true;
                return;
            }
            let room = self.limit - self.result.matches.len();
            let mut found = self.pattern.matches(line, room + 1);
            if found.len() > room {
                found.truncate(room);
                self.result.truncated = true;
            }
            self.result.matches.extend(found.into_iter().map(|span| SearchMatch {
                path: path.clone(),
                line: number,
                column: span.column,
                length: span.length,
                text: span.text,
                text_offset: span.text_offset,
            }));
            if self.result.truncated {
                return;
            }
        }
    }
}
