//! The files of a draft: list, read, compare, upload, export.

use std::collections::HashSet;
use std::io;
use std::sync::Arc;

use axum::Extension;
use axum::body::Body;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, StatusCode, header};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use futures::stream;
use serde::Deserialize;
use utoipa::{IntoParams, ToSchema};
use vitrine_build::archive::Packer;
use vitrine_model::app::{DiffRequest, DiffResponse, FileList};
use vitrine_model::limits::MAX_FILE_BYTES;
use vitrine_model::problem::{Code, Problem};
use vitrine_model::{AppId, FileEntry, ProjectPath, RevisionId, Sha256, Tree};
use vitrine_store::Scope;

use super::extract::{Json, Path, Query, read_body};
use super::problem::{ApiError, ApiResult};
use crate::auth::Caller;
use crate::limits::Share;
use crate::services::Services;

/// Of the draft, or of a revision.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct OfRevision {
    /// A revision instead of the draft.
    revision: Option<RevisionId>,
}

/// The files by path, with hashes, sizes and modes: the draft's, or those of a revision, whose version is that of the draft it
/// was taken of.
#[utoipa::path(get, path = "/v1/apps/{app}/files", tag = "files", params(("app" = String, Path), OfRevision),
    responses((status = 200, body = FileList), (status = 404, body = Problem)))]
pub(crate) async fn list_files(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<OfRevision>,
) -> ApiResult<axum::Json<FileList>> {
    if let Some(revision) = &query.revision {
        let version = services.store.revision(&caller.scope, &app, revision).await?.draft_version;
        let files = services.store.revision_tree(&caller.scope, &app, revision).await?;
        return Ok(axum::Json(FileList { version, files }));
    }
    let draft = services.store.draft(&caller.scope, &app).await?;
    Ok(axum::Json(FileList { version: draft.version, files: draft.tree.as_ref().clone() }))
}

/// The content of one file, of the draft or of a revision; its hash is the entity tag.
#[utoipa::path(get, path = "/v1/apps/{app}/files/{*path}", tag = "files",
    params(("app" = String, Path), ("path" = String, Path, description = "May contain slashes"), OfRevision),
    responses((status = 200, body = Vec<u8>, content_type = "application/octet-stream"),
        (status = 304, description = "The caller has it"), (status = 404, body = Problem)))]
pub(crate) async fn read_file(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, path)): Path<(AppId, String)>,
    Query(query): Query<OfRevision>,
    headers: HeaderMap,
) -> ApiResult<Response> {
    let path = ProjectPath::parse(&path)?;
    let (tree, whose) = match &query.revision {
        Some(revision) => {
            (Arc::new(services.store.revision_tree(&caller.scope, &app, revision).await?), "revision")
        }
        None => (services.store.draft(&caller.scope, &app).await?.tree, "draft"),
    };
    let missing = || ApiError::new(Code::FileNotFound, format!("The {whose} has no `{path}`."));
    let entry = *tree.get(path.as_str()).ok_or_else(missing)?;
    let tag = format!("\"{}\"", entry.sha256);
    if headers.get_all(header::IF_NONE_MATCH).iter().any(|value| value.as_bytes() == tag.as_bytes()) {
        return Ok((StatusCode::NOT_MODIFIED, [(header::ETAG, tag)]).into_response());
    }
    let content = services.store.blob(&caller.scope, &entry.sha256).await?;
    let headers = [
        // Never a type that a browser runs: this is the builder's origin and somebody's content.
        (header::CONTENT_TYPE, "application/octet-stream".to_owned()),
        (header::CONTENT_DISPOSITION, "attachment".to_owned()),
        (header::CACHE_CONTROL, "private, no-cache".to_owned()),
        (header::ETAG, tag),
    ];
    Ok((headers, content).into_response())
}

/// Compares a client's files with the draft by hash, and says what content to upload first.
#[utoipa::path(post, path = "/v1/apps/{app}/diff", tag = "files", params(("app" = String, Path)),
    request_body = DiffRequest,
    responses((status = 200, body = DiffResponse), (status = 400, body = Problem), (status = 404, body = Problem)))]
pub(crate) async fn diff_files(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Json(body): Json<DiffRequest>,
) -> ApiResult<axum::Json<DiffResponse>> {
    let draft = services.store.draft(&caller.scope, &app).await?;
    let differs =
        |path: &ProjectPath, hash: &Sha256| draft.tree.get(path.as_str()).map(|e| e.sha256) != Some(*hash);
    let changed: Vec<_> = body.files.iter().filter(|(path, hash)| differs(path, hash)).collect();
    let held: HashSet<_> = draft.tree.iter().map(|(_, entry)| entry.sha256).collect();
    let unknown: HashSet<_> =
        changed.iter().map(|(_, hash)| **hash).filter(|hash| !held.contains(hash)).collect();
    let mut missing =
        services.store.missing_blobs(&caller.scope, &unknown.into_iter().collect::<Vec<_>>()).await?;
    missing.sort();
    Ok(axum::Json(DiffResponse {
        version: draft.version,
        missing,
        changed: changed.into_iter().map(|(path, _)| path.clone()).collect(),
        extra: draft
            .tree
            .iter()
            .map(|(path, _)| path)
            .filter(|p| !body.files.contains_key(*p))
            .cloned()
            .collect(),
    }))
}

/// Uploads content under its hash, for a change set to name. Repeating it changes nothing.
#[utoipa::path(put, path = "/v1/apps/{app}/blobs/{sha256}", tag = "files",
    params(("app" = String, Path), ("sha256" = String, Path)),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 204, description = "Stored"), (status = 400, body = Problem), (status = 413, body = Problem)))]
pub(crate) async fn put_blob(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path((app, sha256)): Path<(AppId, String)>,
    request: Request,
) -> ApiResult<StatusCode> {
    let invalid = |_| {
        ApiError::new(Code::InvalidRequest, "The hash in the path is not 64 lower-case hexadecimal digits.")
    };
    let expected: Sha256 = sha256.parse().map_err(invalid)?;
    services.store.app(&caller.scope, &app).await?;
    let body = read_body(request, MAX_FILE_BYTES as usize).await?;
    services.store.put_blob_verified(&caller.scope, &expected, body).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Bytes of files that an export packs at a time, unless one file alone has more.
const PACKED_BYTES: u64 = 4 * 1024 * 1024;

/// Files that an export packs at a time.
const PACKED_FILES: usize = 256;

/// What to export.
#[derive(Deserialize, IntoParams)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportQuery {
    /// `zip` or `tar`.
    #[serde(default)]
    format: ExportFormat,
    /// A revision instead of the draft.
    revision: Option<RevisionId>,
}

/// The form of an export.
#[derive(Clone, Copy, Default, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub(crate) enum ExportFormat {
    /// A zip archive.
    #[default]
    Zip,
    /// An uncompressed tar archive.
    Tar,
}

/// The draft, or a revision, as an archive: the same files give the same bytes.
#[utoipa::path(get, path = "/v1/apps/{app}/export", tag = "files", params(("app" = String, Path), ExportQuery),
    responses((status = 200, body = Vec<u8>, content_type = "application/zip"), (status = 404, body = Problem),
        (status = 429, body = Problem)))]
pub(crate) async fn export_app(
    State(services): State<Arc<Services>>,
    Extension(caller): Extension<Caller>,
    Path(app): Path<AppId>,
    Query(query): Query<ExportQuery>,
) -> ApiResult<Response> {
    let slug = services.store.app(&caller.scope, &app).await?.slug;
    let place = services.limits.at_once().export(&caller.scope)?;
    let tree = match &query.revision {
        Some(revision) => Arc::new(services.store.revision_tree(&caller.scope, &app, revision).await?),
        None => services.store.draft(&caller.scope, &app).await?.tree,
    };
    // Said now, while it can still be said: an archive that has begun can only break off.
    let hashes: Vec<_> = tree.iter().map(|(_, entry)| entry.sha256).collect();
    if let Some(lost) = services.store.missing_blobs(&caller.scope, &hashes).await?.first() {
        return Err(ApiError::internal(&format!("content {lost} is not stored")));
    }
    let (kind, extension, packer) = match query.format {
        ExportFormat::Zip => ("application/zip", "zip", Packer::zip()),
        ExportFormat::Tar => ("application/x-tar", "tar", Packer::tar()),
    };
    let disposition = format!("attachment; filename=\"{slug}.{extension}\"");
    let headers = [(header::CONTENT_TYPE, kind.to_owned()), (header::CONTENT_DISPOSITION, disposition)];
    let export = Export { services, scope: caller.scope, tree, packed: 0, packer, _place: place };
    let pieces = stream::try_unfold(Some(export), |export| async move {
        match export {
            Some(export) => export.piece().await,
            None => Ok::<_, io::Error>(None),
        }
    });
    Ok((headers, Body::from_stream(pieces)).into_response())
}

/// A draft on its way out: only the piece that is being packed is in memory. When whoever reads it is slow, nothing is
/// held but that; when they hang up, nothing is done after that.
struct Export {
    services: Arc<Services>,
    scope: Scope,
    tree: Arc<Tree>,
    /// How many of the tree's files, which are sorted, are in the archive.
    packed: usize,
    packer: Packer,
    /// Given back when the last piece was taken, or nobody is there any more to take one.
    _place: Share,
}

impl Export {
    /// The next bytes, and what comes after them.
    async fn piece(mut self) -> io::Result<Option<(Bytes, Option<Self>)>> {
        let files = self.next_files();
        if files.is_empty() {
            return Ok(Some((self.packer.finish()?, None)));
        }
        self.packed += files.len();
        let hashes: Vec<_> = files.iter().map(|(_, entry)| entry.sha256).collect();
        let contents = self.services.store.blobs(&self.scope, &hashes).await.map_err(io::Error::other)?;
        let turn = self.services.limits.at_once().packing_turn().await;
        // Compressing is all CPU: not on a thread that answers requests. The turn ends with the work, whoever waits for it.
        let packing = tokio::task::spawn_blocking(move || {
            let _held = turn;
            for (path, entry) in &files {
                let missing = || io::Error::other(format!("content {} is not stored", entry.sha256));
                self.packer.add(path, entry.mode, contents.get(&entry.sha256).ok_or_else(missing)?)?;
            }
            Ok((self.packer.take(), Some(self)))
        });
        packing.await.map_err(io::Error::other)?.map(Some)
    }

    fn next_files(&self) -> Vec<(ProjectPath, FileEntry)> {
        let mut bytes = 0;
        let files = self.tree.iter().skip(self.packed).take(PACKED_FILES);
        let fits = files.enumerate().take_while(|(place, (_, entry))| {
            bytes += entry.size;
            *place == 0 || bytes <= PACKED_BYTES
        });
        fits.map(|(_, (path, entry))| (path.clone(), *entry)).collect()
    }
}
