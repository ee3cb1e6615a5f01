//! Pre-bundles: what Vite's optimizer made of a layer's packages (`node_modules/.vite`), kept beside the layer so that
//! the next session does not have to make it again.
//!
//! A pre-bundle is the product of code: of plugins and configuration of the project that ran. One project's must never
//! be served to another's visitors, so each is kept under the origin it came from: a pristine template, or one app.

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use tokio::sync::mpsc;
use vitrine_model::{AppId, FileMode, Sha256};
use vitrine_sandbox::driver::{
    Command, DriverError, ExecLimits, FileBatch, FilePut, Limits, Mount, PROJECT_DIR, Sandbox, SandboxEvent,
    SandboxSpec, Started, TOOLCHAIN_DIR, Urgency,
};

use crate::Files;
use crate::layers::{Layer, LayerError, LayerStore, PREBUNDLES};
use crate::profile::{DetectedProfile, DevSettings, ProfileError, dev_env};

mod crawl;
pub(crate) mod keeping;

/// Bytes a pre-bundle may have: large real projects have about 20 MiB with source maps.
pub const MAX_PREBUNDLE_BYTES: usize = 64 * 1024 * 1024;

/// Files a pre-bundle may have.
const MAX_PREBUNDLE_FILES: usize = 10_000;

/// Packs the optimizer's cache once it is quiet; run inside the sandbox by the toolchain's Node.js.
const HARVEST: &str = include_str!("harvest.mjs");

/// How long the optimizer may take until it is quiet.
const HARVEST_TIMEOUT: Duration = Duration::from_secs(60);

/// The port of the dev server while a pre-bundle is made.
const DEV_PORT: u16 = 4173;

/// Begins the names of those that are made from templates.
const TEMPLATE_PREFIX: &str = "template-";

/// Whose a pre-bundle is.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub enum PrebundleKey {
    /// Made from a pristine template: for apps whose files that code runs from are still the template's.
    Template(Sha256),
    /// Taken from this app's own sandbox: for this app alone.
    App(AppId),
}

impl PrebundleKey {
    fn dir_name(&self) -> String {
        match self {
            Self::Template(hash) => format!("{TEMPLATE_PREFIX}{hash}"),
            Self::App(app) => app.as_str().to_owned(),
        }
    }
}

/// Files of a pre-bundle, by their path beneath `node_modules`.
pub type PrebundleFiles = Vec<(String, Bytes)>;

/// Why there is no pre-bundle. Never a reason not to start a session.
#[derive(Debug, thiserror::Error)]
pub enum PrebundleError {
    /// Too many files or bytes.
    #[error("the pre-bundle is larger than {MAX_PREBUNDLE_BYTES} bytes or has too many files")]
    TooLarge,
    /// What came out of the sandbox is no pre-bundle.
    #[error("the sandbox did not hand out a pre-bundle: {0}")]
    Malformed(String),
    /// The dev server ended or did not answer; its own words.
    #[error("the dev server did not serve the project: {0}")]
    DevServer(String),
    /// The profile has no dev command.
    #[error(transparent)]
    Profile(#[from] ProfileError),
    /// The toolchain is not there.
    #[error(transparent)]
    Layer(#[from] LayerError),
    /// The sandbox could not be made or was lost.
    #[error(transparent)]
    Sandbox(#[from] DriverError),
    /// The disk failed or is full.
    #[error("the pre-bundle could not be kept: {0}")]
    Io(#[from] std::io::Error),
}

/// Visits a dev server inside a sandbox as a browser would: waits until it answers `/`, and asks for every module that the
/// page leads to. Afterwards it has all of them at hand. The caller brings the deadline.
pub async fn visit(sandbox: &dyn Sandbox, port: u16) -> Result<(), PrebundleError> {
    crawl::visit(sandbox, port).await
}

impl LayerStore {
    /// Where the pre-bundle of this origin is: a directory that holds `.vite`, to be mounted read-only at
    /// [`crate::profile::PREBUNDLE_DIR`]. `None` when there is none.
    pub fn prebundle_dir(&self, layer: &Layer, key: &PrebundleKey) -> Option<PathBuf> {
        let (shelf, name) = (shelf_dir(layer), key.dir_name());
        let dir = Some(shelf.join(&name)).filter(|dir| dir.is_dir())?;
        keeping::touch(&shelf, &name, self.now());
        Some(dir)
    }

    /// Keeps a pre-bundle, in place of an earlier one of the same origin. Goes with its layer, or before, when there are too many
    /// beside one layer.
    pub async fn store_prebundle(
        self: &Arc<Self>,
        layer: &Layer,
        key: &PrebundleKey,
        files: PrebundleFiles,
    ) -> Result<PathBuf, PrebundleError> {
        check_bounds(&files)?;
        let (shelf, name, now) = (shelf_dir(layer), key.dir_name(), self.now());
        let storing = tokio::task::spawn_blocking(move || {
            let place = keeping::write(&shelf, &name, &files, now)?;
            keeping::make_room(&shelf, &name, keeping::MAX_SHELF_BYTES)?;
            Ok::<_, std::io::Error>(place)
        });
        let place = storing.await.map_err(std::io::Error::other)??;
        // It counts for its layer, and all layers share a budget.
        if let Err(error) = self.collect().await {
            tracing::warn!(%error, "layers could not be collected");
        }
        Ok(place)
    }

    /// Removes the pre-bundles of an app that is being deleted, beside whichever layer they are.
    pub async fn forget_prebundles(self: &Arc<Self>, app: &AppId) -> Result<(), PrebundleError> {
        let (store, name) = (self.clone(), PrebundleKey::App(app.clone()).dir_name());
        let forgetting = tokio::task::spawn_blocking(move || {
            store.prebundle_shelves()?.iter().try_for_each(|shelf| keeping::remove(shelf, &name))
        });
        Ok(forgetting.await.map_err(std::io::Error::other)??)
    }

    /// Makes the pre-bundle of a project in a sandbox without network, by letting its dev server serve its page, and
    /// keeps it. Hand in nothing but files that may be trusted as far as `key` reaches.
    pub async fn make_prebundle(
        self: &Arc<Self>,
        layer: &Layer,
        detected: &DetectedProfile,
        files: &Files,
        key: &PrebundleKey,
    ) -> Result<PathBuf, PrebundleError> {
        let toolchain = self.toolchain(detected).await?;
        let spec = SandboxSpec {
            id: self.mint_sandbox_id(),
            mounts: vec![
                Mount::ReadOnly { source: toolchain.dir, target: TOOLCHAIN_DIR.into() },
                Mount::Overlay {
                    lowers: vec![layer.node_modules.clone()],
                    target: format!("{PROJECT_DIR}/node_modules").into(),
                },
            ],
            limits: MAKING_LIMITS,
        };
        let Started { sandbox, events } = self.driver().start(spec).await?;
        let made = tokio::select! {
            made = serve_and_harvest(sandbox.as_ref(), layer, detected, files) => made,
            last_words = exit_of_dev_server(events) => Err(PrebundleError::DevServer(last_words)),
        };
        sandbox.stop().await?;
        self.store_prebundle(layer, key, made?).await
    }
}

/// A pre-bundle is made once per template; it may take what it needs.
const MAKING_LIMITS: Limits = Limits {
    memory_bytes: 2 * 1024 * 1024 * 1024,
    cpu_millis: 4_000,
    urgency: Urgency::Background,
    pids: 256,
    disk_bytes: 1024 * 1024 * 1024,
    open_files: 8_192,
};

async fn serve_and_harvest(
    sandbox: &dyn Sandbox,
    layer: &Layer,
    detected: &DetectedProfile,
    files: &Files,
) -> Result<PrebundleFiles, PrebundleError> {
    let put = files.iter().map(|(path, content)| FilePut {
        path: path.clone(),
        mode: FileMode::Regular,
        content: content.clone(),
    });
    sandbox.apply(FileBatch { put: put.collect(), removed: Vec::new() }).await?;
    let settings = DevSettings {
        port: DEV_PORT,
        preview_host_suffix: "localhost",
        timezone: "UTC",
        has_prebundle: false,
        has_compile_cache: false,
        marks_elements: false,
    };
    sandbox.spawn("dev", detected.dev_command(Some(&layer.node_modules), &settings)?).await?;
    crawl::visit(sandbox, DEV_PORT).await?;
    harvest_prebundle(sandbox).await
}

/// Returns when the dev server has ended, with the end of what it said.
async fn exit_of_dev_server(mut events: mpsc::Receiver<SandboxEvent>) -> String {
    const KEPT_LINES: usize = 20;
    let mut lines = VecDeque::new();
    loop {
        match events.recv().await {
            Some(SandboxEvent::Output { line, .. }) => lines.push_back(line),
            Some(SandboxEvent::OutputDropped { .. }) => {}
            Some(SandboxEvent::Exited { .. } | SandboxEvent::Ended { .. }) | None => break,
        }
        if lines.len() > KEPT_LINES {
            lines.pop_front();
        }
    }
    Vec::from(lines).join("\n")
}

/// Takes the optimizer's cache out of a sandbox once it is quiet. What comes out is as trustworthy as what ran inside.
pub async fn harvest_prebundle(sandbox: &dyn Sandbox) -> Result<PrebundleFiles, PrebundleError> {
    let settings = DevSettings {
        port: DEV_PORT,
        preview_host_suffix: "localhost",
        timezone: "UTC",
        has_prebundle: false,
        has_compile_cache: false,
        marks_elements: false,
    };
    let node = format!("{TOOLCHAIN_DIR}/bin/node");
    let argv = [node.as_str(), "--input-type=module", "-e", HARVEST].map(str::to_owned).to_vec();
    let command = Command { argv, env: dev_env(&settings), cwd: format!("{PROJECT_DIR}/node_modules") };
    let limits =
        ExecLimits { timeout: HARVEST_TIMEOUT, max_output_bytes: MAX_PREBUNDLE_BYTES + 4 * 1024 * 1024 };
    let output = sandbox.exec(command, limits).await?;
    if !output.exit.is_success() {
        let words = String::from_utf8_lossy(&output.stderr).trim().to_owned();
        return Err(PrebundleError::Malformed(words));
    }
    parse_pack(&output.stdout)
}

/// Parses `path-length content-length LF path content`, repeated.
fn parse_pack(mut pack: &[u8]) -> Result<PrebundleFiles, PrebundleError> {
    let malformed = || PrebundleError::Malformed("its pack is cut off".to_owned());
    let mut files = PrebundleFiles::new();
    while !pack.is_empty() {
        let end = pack.iter().take(40).position(|byte| *byte == b'\n').ok_or_else(malformed)?;
        let header = std::str::from_utf8(&pack[..end]).map_err(|_| malformed())?;
        let (path, content) = header.split_once(' ').ok_or_else(malformed)?;
        let lengths = (path.parse::<usize>(), content.parse::<usize>());
        let (Ok(path), Ok(content)) = lengths else {
            return Err(malformed());
        };
        let rest = &pack[end + 1..];
        let (path, rest) = rest.split_at_checked(path).ok_or_else(malformed)?;
        let (content, rest) = rest.split_at_checked(content).ok_or_else(malformed)?;
        let path = String::from_utf8(path.to_vec()).map_err(|_| malformed())?;
        files.push((path, Bytes::copy_from_slice(content)));
        pack = rest;
    }
    check_bounds(&files)?;
    Ok(files)
}

/// Regular files beneath `.vite`, by plain names, within bounds, with the optimizer's own record among them.
fn check_bounds(files: &[(String, Bytes)]) -> Result<(), PrebundleError> {
    let bytes: usize = files.iter().map(|(_, content)| content.len()).sum();
    if bytes > MAX_PREBUNDLE_BYTES || files.len() > MAX_PREBUNDLE_FILES {
        return Err(PrebundleError::TooLarge);
    }
    if let Some((path, _)) = files.iter().find(|(path, _)| !is_plain(path)) {
        return Err(PrebundleError::Malformed(format!("`{path}` is no path of a pre-bundle")));
    }
    match files.iter().any(|(path, _)| path == ".vite/deps/_metadata.json") {
        true => Ok(()),
        false => Err(PrebundleError::Malformed("the optimizer has not run".to_owned())),
    }
}

fn is_plain(path: &str) -> bool {
    let plain = |segment: &str| !segment.is_empty() && segment != "." && segment != "..";
    let printable = path.chars().all(|c| !c.is_control() && c != '\\');
    path.starts_with(".vite/") && path.len() <= 1_024 && printable && path.split('/').all(plain)
}

fn shelf_dir(layer: &Layer) -> PathBuf {
    layer.dir().join(PREBUNDLES)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pack(files: &[(&str, &str)]) -> Vec<u8> {
        let one =
            |(path, content): &(&str, &str)| format!("{} {}\n{path}{content}", path.len(), content.len());
        files.iter().map(one).collect::<String>().into_bytes()
    }

    const RECORD: (&str, &str) = (".vite/deps/_metadata.json", "{}");

    #[test]
    fn a_pack_is_read_back() {
        let files = parse_pack(&pack(&[RECORD, (".vite/deps/react.js", "a\nb 1\n")])).unwrap();
        assert_eq!(files[1], (".vite/deps/react.js".to_owned(), Bytes::from("a\nb 1\n")));
    }

    #[test]
    fn what_a_hostile_sandbox_hands_out_is_refused() {
        for path in
            ["../x", "/etc/x", ".vite/../../x", ".vite//x", "react/index.js", ".vite/a\\b", ".vite/a\u{7}"]
        {
            assert!(
                matches!(parse_pack(&pack(&[RECORD, (path, "")])), Err(PrebundleError::Malformed(_))),
                "{path}"
            );
        }
        assert!(parse_pack(&pack(&[(".vite/deps/a.js", "")])).is_err());
        assert!(parse_pack(b"999999999999999999999999 1\n").is_err());
        assert!(parse_pack(b"5 5\nab").is_err());
        assert!(parse_pack(&[b'x'; 100]).is_err());
        let many: PrebundleFiles =
            (0..=MAX_PREBUNDLE_FILES).map(|n| (format!(".vite/{n}"), Bytes::new())).collect();
        assert!(matches!(check_bounds(&many), Err(PrebundleError::TooLarge)));
    }
}
