//! pnpm's lockfiles, formats 6 and 9: packages by name and version, and what each was resolved with.

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use serde::Deserialize;
use vitrine_model::ProjectPath;

use super::{Id, Need, Package, Resolved, SbomError};

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Lock {
    /// The projects of a workspace, by folder.
    importers: BTreeMap<String, Importer>,
    /// Format 6 without a workspace: the one project's own.
    #[serde(flatten)]
    single: Importer,
    packages: BTreeMap<String, Entry>,
    /// Format 9: dependencies, by name, version and peers.
    snapshots: BTreeMap<String, Edges>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Importer {
    dependencies: BTreeMap<String, Direct>,
    dev_dependencies: BTreeMap<String, Direct>,
    optional_dependencies: BTreeMap<String, Direct>,
}

#[derive(Deserialize)]
struct Direct {
    version: String,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Entry {
    resolution: Resolution,
    /// Format 6 has them here.
    #[serde(flatten)]
    edges: Edges,
}

#[derive(Deserialize, Default)]
#[serde(default)]
struct Resolution {
    integrity: Option<String>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Edges {
    dependencies: BTreeMap<String, String>,
    optional_dependencies: BTreeMap<String, String>,
}

pub(super) fn read(path: &ProjectPath, content: &[u8]) -> Result<Resolved, SbomError> {
    let unreadable = |reason: String| SbomError::Unreadable { lockfile: path.clone(), reason };
    let text = std::str::from_utf8(content).map_err(|error| unreadable(error.to_string()))?;
    let lock: Lock =
        serde_saphyr::from_str(project_document(text)).map_err(|error| unreadable(error.to_string()))?;
    let mut resolved = Resolved::default();
    for (key, entry) in &lock.packages {
        let Some(id) = id_of(key) else { continue };
        let package = resolved.packages.entry(id).or_default();
        package.integrity.clone_from(&entry.resolution.integrity);
        package.dependencies.extend(targets(&entry.edges));
    }
    for (key, edges) in &lock.snapshots {
        if let Some(package) = id_of(key).and_then(|id| resolved.packages.get_mut(&id)) {
            package.dependencies.extend(targets(edges));
        }
    }
    let importers = || lock.importers.values().chain([&lock.single]);
    let direct = |table: fn(&Importer) -> &BTreeMap<String, Direct>| -> BTreeSet<Id> {
        importers().flat_map(table).filter_map(|(name, direct)| target(name, &direct.version)).collect()
    };
    let required = direct(|importer| &importer.dependencies);
    let optional = direct(|importer| &importer.optional_dependencies);
    mark(&mut resolved.packages, &required, &optional);
    resolved.roots = direct(|importer| &importer.dev_dependencies);
    resolved.roots.extend(required.into_iter().chain(optional));
    Ok(resolved)
}

/// The document about the project. pnpm 11 puts one about the package manager itself in front of it.
fn project_document(text: &str) -> &str {
    let text = text.strip_prefix("---\n").unwrap_or(text);
    text.rsplit("\n---\n").next().unwrap_or(text)
}

/// `name@version`, with a slash in front in format 6 and peers in parentheses behind.
fn id_of(key: &str) -> Option<Id> {
    let key = key.strip_prefix('/').unwrap_or(key);
    let bare = key.split('(').next().unwrap_or(key);
    // A scope begins with the same sign.
    let (at, _) = bare.char_indices().skip(1).find(|(_, c)| *c == '@')?;
    Some(Id::new(&bare[..at], &bare[at + 1..]))
}

fn targets(edges: &Edges) -> impl Iterator<Item = Id> + '_ {
    let all = edges.dependencies.iter().chain(&edges.optional_dependencies);
    all.filter_map(|(name, version)| target(name, version))
}

/// What a name with a version means: another package where the version is a whole key, nothing where it is a folder.
fn target(name: &str, version: &str) -> Option<Id> {
    if version.starts_with("link:") {
        return None;
    }
    let bare = version.split('(').next().unwrap_or(version);
    let is_key = bare.starts_with('/')
        || bare.get(1..).is_some_and(|rest| rest.contains('@') && !bare.contains("://"));
    if is_key { id_of(bare) } else { Some(Id::new(name, bare)) }
}

/// What the application's own dependencies lead to is required, what optional ones lead to optional, the rest tools.
fn mark(packages: &mut BTreeMap<Id, Package>, required: &BTreeSet<Id>, optional: &BTreeSet<Id>) {
    packages.values_mut().for_each(|package| package.need = Need::Tool);
    for (roots, need) in [(optional, Need::Optional), (required, Need::Required)] {
        let mut queue: VecDeque<Id> = roots.iter().cloned().collect();
        while let Some(id) = queue.pop_front() {
            let Some(package) = packages.get_mut(&id).filter(|package| package.need > need) else { continue };
            package.need = need;
            queue.extend(package.dependencies.iter().cloned());
        }
    }
}
