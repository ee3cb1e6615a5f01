//! Lockfiles of npm and pnpm as one table: which packages in which versions, from where, and how they are secured.

use std::collections::{BTreeMap, HashSet};

use serde::Deserialize;
use vitrine_model::ProjectPath;

/// One locked package.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct LockedPackage {
    /// Its key in the lockfile.
    pub(crate) key: String,
    pub(crate) name: String,
    pub(crate) version: String,
    /// Where it comes from, when that is not the registry.
    pub(crate) foreign: Option<String>,
    pub(crate) has_integrity: bool,
    pub(crate) has_script: bool,
    /// Installed only where it fits; its script is of no concern.
    pub(crate) is_optional: bool,
}

/// A direct dependency as the lockfile knows it.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct DirectPackage {
    /// What `package.json` asked for when the lockfile was made.
    pub(crate) spec: Option<String>,
    /// The real name, which differs for an alias.
    pub(crate) name: String,
    /// Absent for what lies in the project.
    pub(crate) version: Option<String>,
}

/// A lockfile.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub(crate) struct Lock {
    pub(crate) packages: Vec<LockedPackage>,
    /// By the name in `package.json`.
    pub(crate) direct: BTreeMap<String, DirectPackage>,
    /// What lies at the top of npm's `node_modules`, where everything finds it.
    top: HashSet<String>,
}

impl Lock {
    /// Packages that resolve although they are not listed.
    pub(crate) fn hoisted(&self) -> HashSet<String> {
        self.top.clone()
    }

    /// Reads a lockfile by its name; the error is a part of a sentence.
    pub(crate) fn read(path: &ProjectPath, content: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(content).map_err(|_| "it is not UTF-8".to_owned())?;
        let text = text.trim_start_matches('\u{feff}');
        match path.extension() {
            Some("json") => read_npm(text),
            _ => read_pnpm(text),
        }
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct NpmLock {
    #[serde(default)]
    packages: Option<BTreeMap<String, NpmEntry>>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct NpmEntry {
    name: Option<String>,
    version: Option<String>,
    resolved: Option<serde_json::Value>,
    integrity: Option<String>,
    link: bool,
    in_bundle: bool,
    optional: bool,
    has_install_script: bool,
    dependencies: BTreeMap<String, String>,
    dev_dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
}

fn read_npm(text: &str) -> Result<Lock, String> {
    let lock: NpmLock = serde_json::from_str(text).map_err(|error| error.to_string())?;
    let mut entries = lock.packages.ok_or("it was made by an npm older than 7")?;
    let root = entries.remove("").unwrap_or_default();
    let mut result = Lock::default();
    for (name, spec) in
        root.dependencies.into_iter().chain(root.dev_dependencies).chain(root.optional_dependencies)
    {
        let entry = entries.get(&format!("node_modules/{name}"));
        let real = entry.and_then(|entry| entry.name.clone()).unwrap_or_else(|| name.clone());
        let version = entry.and_then(|entry| entry.version.clone());
        result.direct.insert(name, DirectPackage { spec: Some(spec), name: real, version });
    }
    for (key, entry) in entries {
        if let Some(name) = key.strip_prefix("node_modules/").filter(|name| !name.contains("/node_modules/"))
        {
            result.top.insert(name.to_owned());
        }
        result.packages.extend(npm_package(key, entry));
    }
    Ok(result)
}

fn npm_package(key: String, entry: NpmEntry) -> Option<LockedPackage> {
    // What lies in the project itself has a path of its own.
    let (_, installed_as) = key.rsplit_once("node_modules/")?;
    let name = entry.name.unwrap_or_else(|| installed_as.to_owned());
    let version = entry.version.unwrap_or_default();
    let address = entry.resolved.as_ref().and_then(|resolved| resolved.as_str());
    let foreign = match (entry.link, address) {
        (true, Some(target)) if !target.starts_with("../") && !target.starts_with('/') => return None,
        (_, Some(address)) if !is_registry_archive(address, &name, &version) => Some(address.to_owned()),
        _ => None,
    };
    let has_integrity = entry.integrity.is_some_and(|hash| is_integrity(&hash)) || entry.in_bundle;
    let (has_script, is_optional) = (entry.has_install_script, entry.optional);
    Some(LockedPackage { key, name, version, foreign, has_integrity, has_script, is_optional })
}

/// True for the path under which every registry serves an archive; which registry is asked is the server's decision.
fn is_registry_archive(address: &str, name: &str, version: &str) -> bool {
    let base = name.rsplit('/').next().unwrap_or(name);
    let path = format!("/{name}/-/{base}-{version}.tgz");
    let decoded = address.replace("%2f", "/").replace("%2F", "/");
    let is_web = decoded.starts_with("https://") || decoded.starts_with("http://");
    is_web && decoded.split('?').next().is_some_and(|address| address.ends_with(&path))
}

/// SHA-1 can be forged; npm still writes it for some very old packages and checks nothing better then.
fn is_integrity(hash: &str) -> bool {
    hash.split_whitespace()
        .any(|one| ["sha512-", "sha384-", "sha256-", "sha1-"].iter().any(|kind| one.starts_with(kind)))
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PnpmLock {
    importers: BTreeMap<String, PnpmImporter>,
    packages: BTreeMap<String, PnpmEntry>,
    // Format 6 without a workspace has these at the top.
    dependencies: BTreeMap<String, PnpmDirect>,
    dev_dependencies: BTreeMap<String, PnpmDirect>,
    optional_dependencies: BTreeMap<String, PnpmDirect>,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PnpmImporter {
    dependencies: BTreeMap<String, PnpmDirect>,
    dev_dependencies: BTreeMap<String, PnpmDirect>,
    optional_dependencies: BTreeMap<String, PnpmDirect>,
}

#[derive(Deserialize)]
struct PnpmDirect {
    specifier: String,
    version: String,
}

#[derive(Deserialize, Default)]
#[serde(rename_all = "camelCase", default)]
struct PnpmEntry {
    resolution: PnpmResolution,
    requires_build: Option<bool>,
    optional: bool,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct PnpmResolution {
    integrity: Option<String>,
    tarball: Option<String>,
    repo: Option<String>,
    directory: Option<String>,
}

fn read_pnpm(text: &str) -> Result<Lock, String> {
    let options = serde_saphyr::options! {
        // A lockfile of the largest accepted size has more nodes than the default allows, and no anchors.
        budget: serde_saphyr::budget! { max_nodes: 2_000_000, max_events: 4_000_000, max_anchors: 0, max_aliases: 0 },
        with_snippet: false,
    };
    // pnpm may put a document about itself before the one about the project.
    let documents: Vec<PnpmLock> =
        serde_saphyr::from_multiple_with_options(text, options).map_err(|error| error.to_string())?;
    let lock = documents.into_iter().last().ok_or("it is empty")?;
    let mut result = Lock::default();
    let mut importers = lock.importers;
    let root = importers.remove(".").unwrap_or(PnpmImporter {
        dependencies: lock.dependencies,
        dev_dependencies: lock.dev_dependencies,
        optional_dependencies: lock.optional_dependencies,
    });
    for (name, direct) in
        root.dependencies.into_iter().chain(root.dev_dependencies).chain(root.optional_dependencies)
    {
        let package = pnpm_direct(&name, direct);
        result.direct.insert(name, package);
    }
    result.packages = lock.packages.into_iter().map(|(key, entry)| pnpm_package(key, entry)).collect();
    Ok(result)
}

/// `1.2.3(peer@1)`, `real@1.2.3` for an alias, `/real@1.2.3` in format 6, `link:…` for what lies in the project.
fn pnpm_direct(name: &str, direct: PnpmDirect) -> DirectPackage {
    let plain = direct.version.split('(').next().unwrap_or_default().trim_start_matches('/');
    let (name, version) = match plain.rfind('@') {
        Some(at) if at > 0 => (&plain[..at], &plain[at + 1..]),
        _ => (name, plain),
    };
    let version = (!version.contains(':')).then(|| version.to_owned());
    DirectPackage { spec: Some(direct.specifier), name: name.to_owned(), version }
}

fn pnpm_package(key: String, entry: PnpmEntry) -> LockedPackage {
    let plain = key.split('(').next().unwrap_or_default().trim_start_matches('/');
    let at = plain.get(1..).and_then(|rest| rest.find('@')).map_or(plain.len(), |at| at + 1);
    let (name, version) = (plain[..at].to_owned(), plain[at..].trim_start_matches('@').to_owned());
    let resolution = entry.resolution;
    let tarball = resolution.tarball.filter(|address| !is_registry_archive(address, &name, &version));
    let outside = resolution.directory.filter(|folder| folder.starts_with("..") || folder.starts_with('/'));
    let spelled =
        version.contains(':').then(|| version.clone()).filter(|version| !version.starts_with("file:"));
    let foreign = resolution.repo.or(tarball).or(outside).or(spelled);
    let has_integrity =
        resolution.integrity.is_some_and(|hash| is_integrity(&hash)) || version.starts_with("file:");
    let has_script = entry.requires_build == Some(true);
    LockedPackage { key, name, version, foreign, has_integrity, has_script, is_optional: entry.optional }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(name: &str, text: &str) -> Lock {
        Lock::read(&ProjectPath::parse(name).unwrap(), text.as_bytes()).unwrap()
    }

    fn named<'l>(lock: &'l Lock, name: &str) -> &'l LockedPackage {
        lock.packages.iter().find(|package| package.name == name).unwrap()
    }

    #[test]
    fn an_npm_lockfile_tells_where_packages_come_from() {
        let lock = read(
            "package-lock.json",
            r#"{"lockfileVersion":3,"packages":{
            "":{"dependencies":{"a":"^1","alias":"npm:real@2"},"devDependencies":{"w":"*"}},
            "node_modules/a":{"version":"1.0.1","integrity":"sha512-x","hasInstallScript":true},
            "node_modules/a/node_modules/@s/b":{"version":"1.0.0","resolved":"https://mirror.example/npm/@s/b/-/b-1.0.0.tgz"},
            "node_modules/alias":{"name":"real","version":"2.0.0","integrity":"sha512-x"},
            "node_modules/g":{"version":"1.0.0","resolved":"git+ssh://git@host/g.git#abc"},
            "node_modules/t":{"version":"1.0.0","resolved":"https://host/t.tgz","integrity":"sha512-x"},
            "node_modules/w":{"resolved":"packages/w","link":true},
            "node_modules/out":{"resolved":"../out","link":true},
            "packages/w":{"version":"1.0.0"}}}"#,
        );
        assert_eq!(lock.packages.len(), 6);
        assert!(named(&lock, "a").has_script && named(&lock, "a").has_integrity);
        assert_eq!(
            (named(&lock, "@s/b").foreign.as_deref(), named(&lock, "@s/b").has_integrity),
            (None, false)
        );
        for foreign in ["g", "t", "out"] {
            assert!(named(&lock, foreign).foreign.is_some(), "{foreign}");
        }
        assert_eq!(lock.direct["alias"].name, "real");
        assert_eq!(lock.direct["a"].version.as_deref(), Some("1.0.1"));
        assert!(lock.hoisted().contains("a") && !lock.hoisted().contains("@s/b"));
    }

    #[test]
    fn a_pnpm_lockfile_of_either_format_is_read() {
        let nine = read(
            "pnpm-lock.yaml",
            "lockfileVersion: '9.0'\nimporters:\n  .:\n    dependencies:\n      a:\n        specifier: ^1\n        version: 1.0.1(b@2.0.0)\n\
             \x20     w:\n        specifier: workspace:*\n        version: link:packages/w\npackages:\n  a@1.0.1:\n    resolution: {integrity: sha512-x}\n\
             \x20 '@s/b@2.0.0':\n    resolution: {tarball: https://host/b.tgz}\n  g@git+https://host/g#abc:\n    resolution: {type: git, repo: https://host/g, commit: abc}\n    version: 1.0.0\nsnapshots:\n  a@1.0.1: {}\n",
        );
        assert_eq!(nine.direct["a"].version.as_deref(), Some("1.0.1"));
        assert_eq!(nine.direct["w"].version, None);
        assert_eq!((named(&nine, "a").version.as_str(), named(&nine, "a").has_integrity), ("1.0.1", true));
        assert!(named(&nine, "@s/b").foreign.is_some() && named(&nine, "g").foreign.is_some());
        let six = read(
            "pnpm-lock.yaml",
            "lockfileVersion: '6.0'\ndependencies:\n  x:\n    specifier: npm:a@^1\n    version: /a@1.0.1\npackages:\n  /a@1.0.1(b@2):\n    resolution: {integrity: sha512-x}\n    requiresBuild: true\n",
        );
        assert_eq!((six.direct["x"].name.as_str(), six.direct["x"].version.as_deref()), ("a", Some("1.0.1")));
        assert!(named(&six, "a").has_script);
    }

    #[test]
    fn a_lockfile_that_cannot_be_read_says_why() {
        let error = |name: &str, text: &str| {
            Lock::read(&ProjectPath::parse(name).unwrap(), text.as_bytes()).unwrap_err()
        };
        assert!(error("package-lock.json", "{").contains("line 1"));
        assert!(
            error("package-lock.json", "{\"lockfileVersion\":1,\"dependencies\":{}}")
                .contains("older than 7")
        );
        assert!(!error("pnpm-lock.yaml", "a: [").is_empty());
        assert!(!error("pnpm-lock.yaml", "packages: &a {b: *a}").is_empty());
    }
}
