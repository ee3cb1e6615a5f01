//! The draft as `vitrine dev` sees and changes it, through the API.

use std::collections::BTreeMap;
use std::path::Path;

use bytes::Bytes;
use futures::stream::{self, StreamExt as _, TryStreamExt as _};
use http::Method;
use serde_json::{Value, json};
use vitrine_model::app::{DiffRequest, DiffResponse, FileList};
use vitrine_model::change::Op;
use vitrine_model::limits::MAX_FILE_BYTES;
use vitrine_model::{AppId, FileEntry, ProjectPath, Sha256};

use crate::Failure;
use crate::client::{Client, Content, Refusal};
use crate::commands::output::Output;
use crate::commands::progress::Meter;

/// A file up to this size rides in the change set itself: one request, and it is in the preview.
const INLINE_BYTES: u64 = 64 * 1024;

/// All such files of one change set together; beyond, everything goes by hash.
const MOST_INLINE_BYTES: u64 = 1024 * 1024;

/// Uploads and downloads at once: enough to keep a line busy, and far from the server's limits for one user.
const AT_ONCE: usize = 4;

/// One app's draft.
#[derive(Clone)]
pub(super) struct Remote {
    client: Client,
    app: AppId,
    output: Output,
}

/// How a change set went.
pub(super) enum Sent {
    /// It is in the draft, which has this version now.
    At(u64),
    /// The draft has changed since; nothing was done.
    Conflict,
    /// The server does not take it; nothing was done.
    Refused(Refusal),
}

impl Remote {
    pub(super) fn new(client: Client, app: AppId, output: Output) -> Self {
        Self { client, app, output }
    }

    fn path(&self, rest: &str) -> String {
        format!("/v1/apps/{}{rest}", self.app)
    }

    /// The draft's version; cheap.
    pub(super) async fn version(&self) -> Result<u64, Failure> {
        let app: Value = self.client.get(&self.path("")).await?;
        app["version"].as_u64().ok_or_else(|| Failure::failed("the server's answer has no version"))
    }

    /// Everything the draft holds.
    pub(super) async fn files(&self) -> Result<FileList, Failure> {
        self.client.get(&self.path("/files")).await
    }

    /// The contents of files of the draft; those that it does not hold any more are not among them.
    pub(super) async fn contents(
        &self,
        files: Vec<(ProjectPath, FileEntry)>,
    ) -> Result<BTreeMap<ProjectPath, Bytes>, Failure> {
        let meter = Meter::count(self.output, "receiving", files.len() as u64);
        let fetched = stream::iter(files).map(|(path, entry)| {
            let meter = &meter;
            async move {
                let content = self.content(&path, &entry).await?;
                meter.add(1);
                Ok::<_, Failure>(content.map(|content| (path, content)))
            }
        });
        let fetched: Vec<_> = fetched.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(fetched.into_iter().flatten().collect())
    }

    async fn content(&self, path: &ProjectPath, entry: &FileEntry) -> Result<Option<Bytes>, Failure> {
        let at = self.path(&format!("/files/{}", encoded(path.as_str())));
        match self.client.bytes(&at, MAX_FILE_BYTES as usize).await {
            Ok(bytes) => Ok(Some(bytes).filter(|bytes| Sha256::of(bytes) == entry.sha256)),
            Err(failure) if failure.refusal().is_some_and(|refusal| refusal.code == "file_not_found") => {
                Ok(None)
            }
            Err(failure) => Err(failure),
        }
    }

    /// The operations that write these files, whose contents are in the draft's reach then. Files that hold something
    /// else by now are left out.
    pub(super) async fn writes(
        &self,
        root: &Path,
        files: &[(ProjectPath, FileEntry)],
    ) -> Result<Vec<Op>, Failure> {
        let size: u64 = files.iter().map(|(_, entry)| entry.size).sum();
        let is_inline =
            size <= MOST_INLINE_BYTES && files.iter().all(|(_, entry)| entry.size <= INLINE_BYTES);
        if is_inline {
            let mut ops = Vec::with_capacity(files.len());
            for (path, entry) in files {
                ops.extend(read(root, path, entry).await?.map(|content| inline(path, entry, &content)));
            }
            return Ok(ops);
        }
        let lost = self.upload(root, files).await?;
        let there = files.iter().filter(|(_, entry)| !lost.contains(&entry.sha256));
        Ok(there.map(|(path, entry)| by_hash(path, entry)).collect())
    }

    /// Uploads what the server lacks; returns what could not be, as the files hold something else by now.
    async fn upload(&self, root: &Path, files: &[(ProjectPath, FileEntry)]) -> Result<Vec<Sha256>, Failure> {
        let held = files.iter().map(|(path, entry)| (path.clone(), entry.sha256)).collect();
        let diff: DiffResponse =
            self.client.call(Method::POST, &self.path("/diff"), Some(&DiffRequest { files: held })).await?;
        let missing =
            diff.missing.iter().filter_map(|hash| files.iter().find(|(_, entry)| entry.sha256 == *hash));
        let missing: Vec<_> = missing.cloned().collect();
        let bytes = missing.iter().map(|(_, entry)| entry.size).sum();
        let meter = Meter::bytes(self.output, "sending", bytes);
        let uploads = stream::iter(missing).map(|(path, entry)| {
            let meter = &meter;
            async move {
                let Some(content) = read(root, &path, &entry).await? else { return Ok(Some(entry.sha256)) };
                let at = self.path(&format!("/blobs/{}", entry.sha256));
                self.client.put(&at, Content::file(content)).await?;
                meter.add(entry.size);
                Ok::<_, Failure>(None)
            }
        });
        let lost: Vec<_> = uploads.buffer_unordered(AT_ONCE).try_collect().await?;
        Ok(lost.into_iter().flatten().collect())
    }

    /// Changes the draft, if it still has this version.
    pub(super) async fn send(&self, version: u64, ops: &[Op]) -> Result<Sent, Failure> {
        let body = json!({ "base_version": version, "ops": ops });
        match self.client.call::<Value>(Method::POST, &self.path("/changes"), Some(&body)).await {
            Ok(done) => done["version"]
                .as_u64()
                .map(Sent::At)
                .ok_or_else(|| Failure::failed("the server's answer has no version")),
            Err(failure) => match failure.refusal() {
                Some(refusal) if refusal.code == "draft_conflict" => Ok(Sent::Conflict),
                // Who has lost the app or the key changes nothing by trying other files.
                Some(refusal) if matches!(refusal.status, 400 | 409 | 413 | 422) => {
                    Ok(Sent::Refused(refusal.clone()))
                }
                _ => Err(failure),
            },
        }
    }
}

/// The content of a file, if it is still the one that is meant.
async fn read(root: &Path, path: &ProjectPath, entry: &FileEntry) -> Result<Option<Bytes>, Failure> {
    match tokio::fs::read(root.join(path.as_str())).await {
        Ok(content) if Sha256::of(&content) == entry.sha256 => Ok(Some(content.into())),
        // The next look sees what it is now.
        _ => Ok(None),
    }
}

fn inline(path: &ProjectPath, entry: &FileEntry, content: &[u8]) -> Op {
    let (text, base64) = match std::str::from_utf8(content) {
        Ok(text) => (Some(text.to_owned()), None),
        Err(_) => (None, Some(data_encoding::BASE64.encode(content))),
    };
    Op::Write { path: path.clone(), text, base64, sha256: None, mode: Some(entry.mode) }
}

fn by_hash(path: &ProjectPath, entry: &FileEntry) -> Op {
    let sha256 = Some(entry.sha256);
    Op::Write { path: path.clone(), text: None, base64: None, sha256, mode: Some(entry.mode) }
}

/// A path in a URL (RFC 3986, §3.3): slashes stay.
fn encoded(path: &str) -> String {
    let mut encoded = String::with_capacity(path.len());
    for byte in path.bytes() {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' | b'/' => {
                encoded.push(byte.into())
            }
            other => encoded.push_str(&format!("%{other:02X}")),
        }
    }
    encoded
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_encoded_for_urls() {
        assert_eq!(encoded("src/[slug]/é a.tsx"), "src/%5Bslug%5D/%C3%A9%20a.tsx");
        assert_eq!(encoded("a?b#c%d"), "a%3Fb%23c%25d");
    }

    #[test]
    fn what_is_no_text_goes_as_base_64() {
        let path = ProjectPath::parse("a").unwrap();
        let entry = FileEntry { sha256: Sha256::of(b""), size: 0, mode: Default::default() };
        assert!(matches!(inline(&path, &entry, b"text"), Op::Write { text: Some(_), base64: None, .. }));
        assert!(matches!(inline(&path, &entry, &[0xff]), Op::Write { text: None, base64: Some(_), .. }));
    }
}
