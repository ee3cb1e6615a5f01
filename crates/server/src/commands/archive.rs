//! `vitrine import` and `vitrine export`: whole projects in and out.

use std::convert::Infallible;
use std::ffi::OsString;
use std::io::Write as _;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::Method;
use http_body_util::StreamBody;
use hyper::body::Frame;
use serde_json::{Value, json};
use vitrine_build::archive::Packer;
use vitrine_model::limits::MAX_ARCHIVE_BYTES;

use super::folder::Folder;
use super::output::{counted, plain, text};
use super::progress::Meter;
use super::{Desk, app};
use crate::Failure;
use crate::cli::{ExportArgs, ImportArgs};

/// Bytes of a body that are handed over at a time: what the bar shows is at most so far ahead of what was sent.
const PIECE_BYTES: usize = 64 * 1024;

/// Left-out files that are named; beyond these a count says more.
const MOST_NAMED: usize = 10;

/// Makes an app of a folder or an archive.
pub(super) async fn import(desk: &Desk, args: &ImportArgs) -> Result<(), Failure> {
    let unusable = |error: std::io::Error| Failure::unusable(format!("{}: {error}", args.from.display()));
    let from = args.from.canonicalize().map_err(unusable)?;
    let archive = match from.is_dir() {
        true => packed(desk, from.clone()).await?,
        false => {
            let size = std::fs::metadata(&from).map_err(unusable)?.len();
            if size > MAX_ARCHIVE_BYTES {
                return Err(too_large(&args.from));
            }
            std::fs::read(&from).map_err(unusable)?.into()
        }
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None => name_of(&from),
    };
    let made = upload(desk, (&name, args.slug.as_deref()), archive).await?;
    desk.output.answer(&made, || format!("Made {}.", app::name(&made)))?;
    let skipped = made["skipped"].as_array().cloned().unwrap_or_default();
    let skipped = skipped.iter().filter_map(Value::as_str).map(|path| (plain(path), String::new()));
    tell_left_out(desk, skipped);
    let slug = text(&made, "slug");
    desk.output.note(&format!("Next: `vitrine sessions start {slug}` shows it live."));
    Ok(())
}

/// What an app is called that nobody named.
pub(super) fn name_of(path: &Path) -> String {
    let name = path.file_stem().filter(|_| !path.is_dir()).or_else(|| path.file_name());
    let name = name.map(|name| plain(&name.to_string_lossy())).unwrap_or_default();
    if name.trim().is_empty() { "My app".to_owned() } else { name }
}

/// Files that stay behind, with the reason where there is one.
pub(super) fn tell_left_out(desk: &Desk, files: impl Iterator<Item = (String, String)>) {
    let files: Vec<_> = files.collect();
    for (path, reason) in files.iter().take(MOST_NAMED) {
        let reason = if reason.is_empty() { String::new() } else { format!(": {reason}") };
        desk.output.note(&format!("left out {}{reason}", plain(path)));
    }
    if let Some(more @ 1..) = files.len().checked_sub(MOST_NAMED) {
        desk.output.note(&format!("and {} more", counted(more, "file")));
    }
}

fn too_large(path: &Path) -> Failure {
    Failure::unusable(format!("{}: an archive has at most {} MiB", path.display(), MAX_ARCHIVE_BYTES >> 20))
}

async fn packed(desk: &Desk, root: PathBuf) -> Result<Bytes, Failure> {
    let shown = root.clone();
    let packing = tokio::task::spawn_blocking(move || {
        let found = Folder::new(root.clone()).look()?;
        let mut packer = Packer::zip();
        let mut archive = Vec::new();
        for (path, entry) in found.files.iter() {
            packer.add(path, entry.mode, &std::fs::read(root.join(path.as_str()))?)?;
            archive.extend_from_slice(&packer.take());
        }
        archive.extend_from_slice(&packer.finish()?);
        Ok((found, Bytes::from(archive)))
    });
    let packed: std::io::Result<_> = packing.await.map_err(Failure::failed)?;
    let (found, archive) =
        packed.map_err(|error| Failure::unusable(format!("{}: {error}", shown.display())))?;
    if found.files.is_empty() {
        return Err(Failure::unusable(format!("{} has no files that belong into an app", shown.display())));
    }
    if archive.len() as u64 > MAX_ARCHIVE_BYTES {
        return Err(too_large(&shown));
    }
    tell_left_out(desk, found.left_out.into_iter());
    Ok(archive)
}

/// Makes an app of a zip archive; the answer is the app.
pub(super) async fn upload(
    desk: &Desk,
    (name, slug): (&str, Option<&str>),
    archive: Bytes,
) -> Result<Value, Failure> {
    let mut boundary = [0; 16];
    rand::fill(&mut boundary);
    let boundary = data_encoding::HEXLOWER.encode(&boundary);
    let field = |name: &str, value: &str| {
        format!("--{boundary}\r\ncontent-disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let mut head = field("name", name);
    if let Some(slug) = slug {
        head.push_str(&field("slug", slug));
    }
    head.push_str(&format!(
        "--{boundary}\r\ncontent-disposition: form-data; name=\"archive\"; filename=\"project.zip\"\r\n\r\n"
    ));
    let meter = Meter::bytes(desk.output, "uploading", archive.len() as u64);
    let mut pieces = vec![(Bytes::from(head), 0)];
    pieces.extend((0..archive.len()).step_by(PIECE_BYTES).map(|start| {
        let piece = archive.slice(start..archive.len().min(start + PIECE_BYTES));
        let size = piece.len() as u64;
        (piece, size)
    }));
    pieces.push((Bytes::from(format!("\r\n--{boundary}--\r\n")), 0));
    let bar = meter.handle();
    let frames = pieces.into_iter().map(move |(piece, size)| {
        bar.inc(size);
        Ok::<_, Infallible>(Frame::data(piece))
    });
    let body = reqwest::Body::wrap(StreamBody::new(futures::stream::iter(frames)));
    let kind = format!("multipart/form-data; boundary={boundary}");
    desk.client.post_stream("/v1/apps", &kind, body).await
}

/// Saves an app's files as an archive; a file is there whole, or not at all.
pub(super) async fn export(desk: &Desk, args: &ExportArgs) -> Result<(), Failure> {
    let app = app::find(&desk.client, args.app.app.as_deref()).await?;
    let revision = args.revision.as_ref().map(|revision| format!("&revision={revision}")).unwrap_or_default();
    let path = format!("/v1/apps/{}/export?format={}{revision}", app::id(&app)?, args.format);
    let output = args
        .output
        .clone()
        .unwrap_or_else(|| PathBuf::from(format!("{}.{}", text(&app, "slug"), args.format)));
    if output == Path::new("-") {
        let mut out = std::io::stdout();
        return fetch(desk, &path, |chunk| out.write_all(chunk).map_err(Failure::print)).await.map(drop);
    }
    if output.exists() && !args.force {
        return Err(Failure::unusable(format!(
            "{} is there already; --force writes over it",
            output.display()
        )));
    }
    let part = with_end(&output, ".part");
    let saved = save(desk, &path, &part).await;
    let size = match saved {
        Ok(size) => size,
        Err(failure) => {
            // It is ours, and half of an archive is of no use.
            let _ = std::fs::remove_file(&part);
            return Err(failure);
        }
    };
    std::fs::rename(&part, &output).map_err(|error| unwritable(&output, &error))?;
    let document = json!({ "app": app["id"], "file": output, "size_bytes": size });
    desk.output.answer(&document, || format!("Saved {} ({} bytes).", output.display(), size))
}

async fn save(desk: &Desk, path: &str, part: &Path) -> Result<u64, Failure> {
    let mut file = std::fs::File::create(part).map_err(|error| unwritable(part, &error))?;
    let size =
        fetch(desk, path, |chunk| file.write_all(chunk).map_err(|error| unwritable(part, &error))).await?;
    file.sync_all().map_err(|error| unwritable(part, &error))?;
    Ok(size)
}

async fn fetch(
    desk: &Desk,
    path: &str,
    mut take: impl FnMut(&[u8]) -> Result<(), Failure>,
) -> Result<u64, Failure> {
    let mut response = desk.client.open(Method::GET, path, None, &[]).await?;
    let meter = Meter::unknown(desk.output, "saving");
    let mut size = 0;
    let broken = |error| Failure::unreachable(format!("the server broke off: {error}"));
    while let Some(chunk) = response.chunk().await.map_err(broken)? {
        take(&chunk)?;
        meter.add(chunk.len() as u64);
        size += chunk.len() as u64;
    }
    Ok(size)
}

fn unwritable(path: &Path, error: &std::io::Error) -> Failure {
    Failure::unusable(format!("{} cannot be written: {error}", path.display()))
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name: OsString = path.as_os_str().to_owned();
    name.push(end);
    name.into()
}
