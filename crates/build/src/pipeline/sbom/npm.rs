//! npm's lockfiles, versions 2 and 3: a table of places in `node_modules`.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use vitrine_model::ProjectPath;

use super::{Id, Need, Package, Resolved, SbomError};

#[derive(Deserialize)]
struct Lock {
    packages: Option<BTreeMap<String, Entry>>,
}

#[derive(Deserialize, Default)]
#[serde(default, rename_all = "camelCase")]
struct Entry {
    /// Of an alias: its own name.
    name: Option<String>,
    version: Option<String>,
    integrity: Option<String>,
    /// A text; in old packages an object.
    license: Option<serde_json::Value>,
    /// For a link: where it leads.
    resolved: Option<String>,
    link: bool,
    dev: bool,
    optional: bool,
    dev_optional: bool,
    dependencies: BTreeMap<String, serde_json::Value>,
    dev_dependencies: BTreeMap<String, serde_json::Value>,
    optional_dependencies: BTreeMap<String, serde_json::Value>,
    peer_dependencies: BTreeMap<String, serde_json::Value>,
}

/// Folders of packages within each other.
const MODULES: &str = "node_modules/";

pub(super) fn read(path: &ProjectPath, content: &[u8]) -> Result<Resolved, SbomError> {
    let lock: Lock = serde_json::from_slice(content)
        .map_err(|error| SbomError::Unreadable { lockfile: path.clone(), reason: error.to_string() })?;
    let places = lock.packages.ok_or_else(|| SbomError::UnknownFormat(path.clone()))?;
    let mut resolved = Resolved::default();
    for (place, entry) in &places {
        let dependencies = dependencies(&places, place, entry);
        match id_at(place, entry) {
            Some(id) => merge(resolved.packages.entry(id), entry, dependencies),
            // The application, or a part of it in a workspace.
            None if !entry.link => resolved.roots.extend(dependencies),
            None => {}
        }
    }
    Ok(resolved)
}

/// The package at a place; `None` for what is the project's own.
fn id_at(place: &str, entry: &Entry) -> Option<Id> {
    let (_, folder) = place.rsplit_once(MODULES)?;
    if entry.link {
        return None;
    }
    Some(Id::new(entry.name.as_deref().unwrap_or(folder), entry.version.as_deref()?))
}

/// The same package may lie at several places; it is needed as much as at the place where it is needed most.
fn merge(
    slot: std::collections::btree_map::Entry<'_, Id, Package>,
    entry: &Entry,
    dependencies: BTreeSet<Id>,
) {
    let need = match entry {
        Entry { dev: true, .. } | Entry { dev_optional: true, .. } => Need::Tool,
        Entry { optional: true, .. } => Need::Optional,
        _ => Need::Required,
    };
    let package =
        slot.and_modify(|package| package.need = package.need.min(need)).or_insert_with(|| Package {
            integrity: entry.integrity.clone(),
            license: entry.license.as_ref().and_then(|license| license.as_str().map(str::to_owned)),
            need,
            dependencies: BTreeSet::new(),
        });
    package.dependencies.extend(dependencies);
}

fn dependencies(places: &BTreeMap<String, Entry>, place: &str, entry: &Entry) -> BTreeSet<Id> {
    let is_root = !place.contains(MODULES);
    let own = entry.dev_dependencies.keys().filter(|_| is_root);
    let names = entry
        .dependencies
        .keys()
        .chain(entry.optional_dependencies.keys())
        .chain(entry.peer_dependencies.keys())
        .chain(own);
    names.filter_map(|name| found_from(places, place, name)).collect()
}

/// The package that `name` means at a place: the nearest `node_modules` on the way up has it, as in Node.js.
fn found_from(places: &BTreeMap<String, Entry>, place: &str, name: &str) -> Option<Id> {
    let mut at = place;
    loop {
        let candidate =
            if at.is_empty() { format!("{MODULES}{name}") } else { format!("{at}/{MODULES}{name}") };
        if let Some(entry) = places.get(&candidate) {
            return match (&entry.resolved, entry.link) {
                (Some(_), true) => None,
                _ => id_at(&candidate, entry),
            };
        }
        if at.is_empty() {
            return None;
        }
        at = at.rfind(&format!("/{MODULES}")).map_or("", |end| &at[..end]);
    }
}
