//! Fetching, checking and putting together one toolchain.

use std::fs::File;
use std::io::Write;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::process::Stdio;

use base64::Engine;
use sha2::{Digest, Sha512};

use super::pins::{self, PINS, PinnedPackage};
use super::unpack::{self, STAGING_PREFIX, Selection};
use super::{Platform, Toolchain, ToolchainError};
use crate::registry::host_npm_env;

/// Of what npm says, the end that is kept.
const TOOL_OUTPUT_BYTES: usize = 4 * 1024;

/// Downloads everything into a staging directory beside the destination and moves it there when it is complete.
pub(super) async fn fetch(
    npm: &Path,
    dir: &Path,
    platform: Platform,
    toolchain: &Toolchain,
) -> Result<(), ToolchainError> {
    let staging = tempfile::Builder::new().prefix(STAGING_PREFIX).tempdir_in(dir)?;
    let node = pins::node_package(toolchain.node, platform)
        .ok_or_else(|| ToolchainError::UnsupportedPlatform(platform.as_str().to_owned()))?;
    let mut packages = vec![("node", node)];
    packages.extend(pins::tool_packages());
    let downloads = packages.iter().map(|(command, package)| pack(npm, staging.path(), command, package));
    for outcome in join_all(downloads).await {
        outcome?;
    }
    let (root, destination) = (staging.path().to_owned(), toolchain.dir.clone());
    tokio::task::spawn_blocking(move || assemble(&root, &packages, &destination))
        .await
        .map_err(std::io::Error::other)??;
    tracing::info!(toolchain = toolchain.id, "toolchain ready");
    Ok(())
}

/// Awaits all, not only until the first failure: no npm is left running in a directory that goes away.
pub(crate) async fn join_all<T>(futures: impl Iterator<Item = impl Future<Output = T>>) -> Vec<T> {
    let mut pinned: Vec<_> = futures.map(Box::pin).collect();
    let mut outcomes: Vec<Option<T>> = pinned.iter().map(|_| None).collect();
    std::future::poll_fn(|context| {
        for (future, outcome) in pinned.iter_mut().zip(&mut outcomes) {
            if outcome.is_none()
                && let std::task::Poll::Ready(value) = future.as_mut().poll(context)
            {
                *outcome = Some(value);
            }
        }
        match outcomes.iter().all(Option::is_some) {
            true => std::task::Poll::Ready(()),
            false => std::task::Poll::Pending,
        }
    })
    .await;
    outcomes.into_iter().flatten().collect()
}

/// Runs `npm pack` in a directory of its own, in which no project's configuration lies.
async fn pack(
    npm: &Path,
    staging: &Path,
    command: &str,
    package: &PinnedPackage,
) -> Result<(), ToolchainError> {
    let into = download_dir(staging, command);
    tokio::fs::create_dir_all(&into).await?;
    let output = tokio::process::Command::new(npm)
        .args(["pack", &package.spec(), "--ignore-scripts", "--loglevel=error", "--pack-destination"])
        .arg(&into)
        .current_dir(&into)
        .env_clear()
        .envs(host_npm_env())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .map_err(ToolchainError::NpmMissing)?;
    if output.status.success() {
        return Ok(());
    }
    let words = String::from_utf8_lossy(&output.stderr).into_owned();
    let start = words.floor_char_boundary(words.len().saturating_sub(TOOL_OUTPUT_BYTES));
    Err(ToolchainError::Download { package: package.spec(), tool_output: words[start..].trim().to_owned() })
}

fn download_dir(staging: &Path, command: &str) -> PathBuf {
    staging.join("downloads").join(command)
}

fn assemble(
    staging: &Path,
    packages: &[(&str, PinnedPackage)],
    destination: &Path,
) -> Result<(), ToolchainError> {
    let root = staging.join("root");
    std::fs::create_dir_all(root.join("bin"))?;
    for (command, package) in packages {
        let archive = checked_archive(&download_dir(staging, command), package)?;
        let (into, selection) = match *command {
            "node" => (root.clone(), Selection::Only(&["bin/node", "LICENSE"])),
            tool => (root.join("lib").join(tool), Selection::All),
        };
        unpack::unpack(&archive, &into, selection)
            .map_err(|reason| ToolchainError::Unpack { package: package.spec(), reason })?;
    }
    for (command, pin) in &PINS.tool {
        write_launcher(&root, command, command, &pin.entry)?;
    }
    write_launcher(&root, "npx", "npm", "bin/npx-cli.js")?;
    unpack::seal(&root)?;
    unpack::place(&root, destination)?;
    Ok(())
}

/// The downloaded archive, once it is known to be the pinned one.
fn checked_archive(dir: &Path, package: &PinnedPackage) -> Result<PathBuf, ToolchainError> {
    let nothing = || ToolchainError::Download {
        package: package.spec(),
        tool_output: "npm reported success but left no archive".to_owned(),
    };
    let archive = std::fs::read_dir(dir)?
        .filter_map(Result::ok)
        .map(|entry| entry.path())
        .find(|path| path.extension().is_some_and(|extension| extension == "tgz"))
        .ok_or_else(nothing)?;
    let mut hasher = Sha512::new();
    std::io::copy(&mut File::open(&archive)?, &mut HashWriter(&mut hasher))?;
    let found = format!("sha512-{}", base64::engine::general_purpose::STANDARD.encode(hasher.finalize()));
    match found == package.integrity {
        true => Ok(archive),
        false => Err(ToolchainError::Integrity { package: package.spec(), found }),
    }
}

struct HashWriter<'a>(&'a mut Sha512);

impl Write for HashWriter<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.update(bytes);
        Ok(bytes.len())
    }
    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// A command of the toolchain. A shell script that becomes Node.js, not a link with `#!/usr/bin/env node`: it uses the
/// toolchain's own Node.js whatever `PATH` says, and leaves no second process.
fn write_launcher(root: &Path, command: &str, tool: &str, entry: &str) -> std::io::Result<()> {
    let path = root.join("bin").join(command);
    let script = format!("#!/bin/sh\nd=${{0%/*}}\nexec \"$d/node\" \"$d/../lib/{tool}/{entry}\" \"$@\"\n");
    std::fs::write(&path, script)?;
    std::fs::set_permissions(&path, PermissionsExt::from_mode(0o755))
}
