//! The pins of `toolchains.toml`: which releases are offered, and the hashes they must have.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use serde::{Deserialize, Serialize};
use vitrine_model::Sha256;

use super::ToolchainError;
use crate::profile::PackageManager;

/// Raised when the way a toolchain is laid out changes.
const LAYOUT: u32 = 1;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Pins {
    default_node: u16,
    node: BTreeMap<String, NodePin>,
    pub(super) tool: BTreeMap<String, ToolPin>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct NodePin {
    version: String,
    linux_x64: String,
    linux_arm64: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct ToolPin {
    pub(super) package: String,
    pub(super) version: String,
    pub(super) integrity: String,
    /// The script to run, beneath the package.
    pub(super) entry: String,
}

#[expect(clippy::expect_used, reason = "the file is embedded, and a test parses it")]
pub(super) static PINS: LazyLock<Pins> = LazyLock::new(|| {
    toml::from_str(include_str!("../../toolchains.toml")).expect("toolchains.toml is valid")
});

/// An offered major version of Node.js. Only pinned ones exist as a value; the default is the pinned default.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize)]
pub struct NodeMajor(u16);

impl NodeMajor {
    /// All offered ones, from old to new.
    pub fn offered() -> impl Iterator<Item = Self> {
        let mut majors: Vec<_> = PINS.node.keys().filter_map(|major| major.parse().ok()).collect();
        majors.sort_unstable();
        majors.into_iter().map(Self)
    }

    /// The pinned release, for example `24.21.0`.
    pub fn version(self) -> &'static str {
        self.pin().map_or("", |pin| pin.version.as_str())
    }

    fn pin(self) -> Option<&'static NodePin> {
        PINS.node.get(&self.0.to_string())
    }
}

impl Default for NodeMajor {
    fn default() -> Self {
        Self(PINS.default_node)
    }
}

impl std::fmt::Display for NodeMajor {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}", self.0)
    }
}

/// A kind of machine that toolchains and layers are made for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Platform {
    /// Linux with glibc on x86-64.
    LinuxX64,
    /// Linux with glibc on 64-bit ARM.
    LinuxArm64,
}

impl Platform {
    /// The one this program runs on.
    pub fn of_host() -> Result<Self, ToolchainError> {
        match (std::env::consts::OS, std::env::consts::ARCH) {
            ("linux", "x86_64") => Ok(Self::LinuxX64),
            ("linux", "aarch64") => Ok(Self::LinuxArm64),
            (os, arch) => Err(ToolchainError::UnsupportedPlatform(format!("{os} on {arch}"))),
        }
    }

    /// Its name in npm's terms: `linux-x64`, `linux-arm64`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::LinuxX64 => "linux-x64",
            Self::LinuxArm64 => "linux-arm64",
        }
    }
}

/// One package to fetch.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct PinnedPackage {
    pub(super) name: String,
    pub(super) version: &'static str,
    pub(super) integrity: &'static str,
}

impl PinnedPackage {
    pub(super) fn spec(&self) -> String {
        format!("{}@{}", self.name, self.version)
    }
}

/// The package with the Node.js binary.
pub(super) fn node_package(node: NodeMajor, platform: Platform) -> Option<PinnedPackage> {
    let pin = node.pin()?;
    let integrity = match platform {
        Platform::LinuxX64 => &pin.linux_x64,
        Platform::LinuxArm64 => &pin.linux_arm64,
    };
    Some(PinnedPackage { name: format!("node-{}", platform.as_str()), version: &pin.version, integrity })
}

/// The packages with the package managers, by the name of the command.
pub(super) fn tool_packages() -> impl Iterator<Item = (&'static str, PinnedPackage)> {
    PINS.tool.iter().map(|(command, pin)| {
        let package =
            PinnedPackage { name: pin.package.clone(), version: &pin.version, integrity: &pin.integrity };
        (command.as_str(), package)
    })
}

/// The pinned release of a package manager.
pub fn tool_version(manager: PackageManager) -> &'static str {
    PINS.tool.get(manager.as_str()).map_or("", |pin| pin.version.as_str())
}

/// The name of a toolchain's directory: equal pins, equal names.
pub(super) fn toolchain_id(node: NodeMajor, platform: Platform) -> String {
    let node_integrity = node_package(node, platform).map_or("", |package| package.integrity);
    let tools: Vec<_> =
        tool_packages().map(|(command, package)| format!("{command} {}", package.integrity)).collect();
    let text = format!("{LAYOUT}\n{node_integrity}\n{}", tools.join("\n"));
    let hash = Sha256::of(text.as_bytes()).to_hex();
    format!("node-{}-{}-{}", node.version(), platform.as_str(), &hash[..12])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_pin_is_complete() {
        assert!(NodeMajor::offered().any(|node| node == NodeMajor::default()));
        for node in NodeMajor::offered() {
            assert!(node.version().starts_with(&format!("{node}.")));
            for platform in [Platform::LinuxX64, Platform::LinuxArm64] {
                assert!(node_package(node, platform).unwrap().integrity.starts_with("sha512-"));
            }
        }
        for manager in [PackageManager::Npm, PackageManager::Pnpm, PackageManager::Pnpm9] {
            assert!(PINS.tool[manager.as_str()].integrity.starts_with("sha512-"));
        }
    }

    #[test]
    fn toolchains_of_different_pins_have_different_names() {
        let names: std::collections::BTreeSet<_> = NodeMajor::offered()
            .flat_map(|node| [Platform::LinuxX64, Platform::LinuxArm64].map(|p| toolchain_id(node, p)))
            .collect();
        assert_eq!(names.len(), NodeMajor::offered().count() * 2);
    }
}
