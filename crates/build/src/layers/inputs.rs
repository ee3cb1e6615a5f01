//! What an installation is made from: the files that go into its sandbox, and the hash that names the result.

use std::collections::BTreeMap;

use bytes::Bytes;
use serde_json::Value;
use vitrine_model::hash::Sha256Hasher;
use vitrine_model::{ProjectPath, Sha256};

use super::{lockfile, npmrc};
use crate::Files;
use crate::package_json::PackageJson;
use crate::profile::PackageManager;
use crate::toolchain::{NodeMajor, Platform, tool_version};

/// Raised when the way layers are made changes: older ones are then made anew.
const FORMAT: u32 = 2;

/// The files of one installation, reduced to what decides its result.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct InstallInputs {
    /// What is written into the sandbox.
    pub(super) files: Files,
    /// The same in canonical form, for the key.
    canonical: BTreeMap<String, Bytes>,
    /// Settings of `.npmrc` that were left out.
    pub(super) npmrc_left_out: Vec<String>,
}

impl InstallInputs {
    /// Selects from the project's files what the package manager is to see.
    pub(crate) fn select(files: &Files, manager: PackageManager, lockfile: Option<&ProjectPath>) -> Self {
        let mut inputs = Self { files: Files::new(), canonical: BTreeMap::new(), npmrc_left_out: Vec::new() };
        let has_workspaces = has_workspaces(files);
        for (path, content) in files {
            match path.as_str() {
                "package.json" => inputs.add_manifest(path, content, true),
                name if name.ends_with("/package.json") && has_workspaces => {
                    inputs.add_manifest(path, content, false)
                }
                ".npmrc" => inputs.add_npmrc(path, content),
                "pnpm-workspace.yaml" if manager != PackageManager::Npm => inputs.add_text(path, content),
                name if name.starts_with("patches/") => inputs.add_text(path, content),
                _ if Some(path) == lockfile => inputs.add_lockfile(path, content),
                _ => {}
            }
        }
        inputs
    }

    /// The hash of the canonical form.
    pub(crate) fn digest(&self) -> Sha256 {
        let mut hasher = Sha256Hasher::default();
        for (name, content) in &self.canonical {
            hasher.update(format!("{} {} {name}\n", Sha256::of(content), content.len()).as_bytes());
        }
        hasher.finish()
    }

    /// The name of the layer that these inputs give with this toolchain.
    pub(super) fn layer_id(&self, manager: PackageManager, node: NodeMajor, platform: Platform) -> Sha256 {
        let (tool, release) = (manager.as_str(), tool_version(manager));
        let digest = self.digest();
        let text =
            format!("layer {FORMAT}\n{tool} {release}\nnode {node}\n{}\n{digest}\n", platform.as_str());
        Sha256::of(text.as_bytes())
    }

    /// The same inputs with another lockfile.
    pub(super) fn with_lockfile(mut self, path: &ProjectPath, content: &Bytes) -> Self {
        self.add_lockfile(path, content);
        self
    }

    /// Manifests are rewritten to what decides the tree: neither scripts nor a `packageManager` to switch to remain.
    fn add_manifest(&mut self, path: &ProjectPath, content: &Bytes, is_root: bool) {
        let reduced = reduce_manifest(content, is_root);
        let canonical = Bytes::from(reduced.clone().unwrap_or_else(|| content.to_vec()));
        self.files.insert(path.clone(), canonical.clone());
        self.canonical.insert(path.as_str().to_owned(), canonical);
    }

    fn add_npmrc(&mut self, path: &ProjectPath, content: &Bytes) {
        let (kept, left_out) = npmrc::sanitise(content);
        self.npmrc_left_out = left_out;
        if !kept.is_empty() {
            self.add_text(path, &Bytes::from(kept));
        }
    }

    fn add_text(&mut self, path: &ProjectPath, content: &Bytes) {
        self.files.insert(path.clone(), content.clone());
        self.canonical.insert(path.as_str().to_owned(), content.clone());
    }

    fn add_lockfile(&mut self, path: &ProjectPath, content: &Bytes) {
        self.files.insert(path.clone(), content.clone());
        self.canonical.insert(path.as_str().to_owned(), lockfile::normalise(path, content));
    }
}

fn has_workspaces(files: &Files) -> bool {
    let of_npm = files.get("package.json").and_then(|content| PackageJson::parse(content).ok());
    files.contains_key("pnpm-workspace.yaml") || of_npm.is_some_and(|package| package.has_workspaces())
}

fn reduce_manifest(content: &[u8], is_root: bool) -> Option<Vec<u8>> {
    let package = PackageJson::parse(content).ok()?;
    let Value::Object(mut reduced) = serde_json::from_str(&package.install_parts()).ok()? else {
        return None;
    };
    if is_root {
        reduced.insert("name".to_owned(), lockfile::NEUTRAL_NAME.into());
        reduced.insert("private".to_owned(), true.into());
    } else {
        // Others in the workspace ask for it by name and version.
        for field in ["name", "version", "private"] {
            if let Some(value) = package.field(field) {
                reduced.insert(field.to_owned(), value.clone());
            }
        }
    }
    serde_json::to_vec_pretty(&reduced).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> ProjectPath {
        ProjectPath::parse(text).unwrap()
    }

    fn id(entries: &[(&str, &str)]) -> Sha256 {
        let files: Files =
            entries.iter().map(|(name, text)| (path(name), text.as_bytes().to_vec().into())).collect();
        let inputs = InstallInputs::select(&files, PackageManager::Npm, Some(&path("package-lock.json")));
        inputs.layer_id(PackageManager::Npm, NodeMajor::default(), Platform::LinuxX64)
    }

    const PACKAGE: (&str, &str) =
        ("package.json", r#"{"name":"a","version":"1.0.0","dependencies":{"react":"^19"}}"#);
    const LOCK: (&str, &str) = (
        "package-lock.json",
        r#"{"name":"a","version":"1.0.0","packages":{"":{"name":"a","dependencies":{"react":"^19"}}}}"#,
    );

    #[test]
    fn a_renamed_project_shares_the_layer() {
        let renamed = LOCK.1.replace("\"a\"", "\"b\"").replace("1.0.0", "2.0.0");
        let package = PACKAGE
            .1
            .replace("\"a\"", "\"b\"")
            .replace("\"1.0.0\",", "\"2.0.0\",\"scripts\":{\"dev\":\"x\"},");
        assert_eq!(id(&[PACKAGE, LOCK]), id(&[("package.json", &package), ("package-lock.json", &renamed)]));
        assert_eq!(
            id(&[PACKAGE, LOCK]),
            id(&[PACKAGE, LOCK, (".npmrc", "//x/:_authToken=1"), ("src/a.ts", "x")])
        );
    }

    #[test]
    fn whatever_decides_the_tree_decides_the_layer() {
        let base = id(&[PACKAGE, LOCK]);
        let other_lock = LOCK.1.replace("^19", "^18");
        assert_ne!(base, id(&[PACKAGE, ("package-lock.json", &other_lock)]));
        assert_ne!(base, id(&[PACKAGE, LOCK, (".npmrc", "legacy-peer-deps=true")]));
        assert_ne!(base, id(&[PACKAGE, LOCK, ("patches/x.patch", "p")]));
        assert_ne!(base, id(&[("package.json", r#"{"dependencies":{"react":"^18"}}"#), LOCK]));
    }

    #[test]
    fn the_sandbox_sees_neither_scripts_nor_names_nor_tokens() {
        let files: Files = [
            ("package.json", r#"{"name":"secret","scripts":{"postinstall":"evil"},"packageManager":"pnpm@1","dependencies":{"a":"1"}}"#),
            (".npmrc", "//x/:_authToken=secret"),
            ("src/secret.ts", "secret"),
        ]
        .into_iter()
        .map(|(name, text)| (path(name), text.as_bytes().to_vec().into()))
        .collect();
        let inputs = InstallInputs::select(&files, PackageManager::Npm, None);
        let seen: Vec<_> = inputs
            .files
            .iter()
            .map(|(path, text)| format!("{path} {}", String::from_utf8_lossy(text)))
            .collect();
        assert_eq!(inputs.files.len(), 1);
        for word in ["secret", "evil", "packageManager"] {
            assert!(!seen.concat().contains(word), "{word}");
        }
    }
}
