//! Lockfiles as texts: what of them names a layer, and the two small changes they undergo on their way in and out.

use bytes::Bytes;
use serde_json::Value;
use vitrine_model::ProjectPath;

use crate::Files;
use crate::package_json::PackageJson;

/// The project's name inside an installation: the true one would end in a layer that others share.
pub(super) const NEUTRAL_NAME: &str = "vitrine-app";

/// A lockfile without what says nothing about the tree: the project's name, its version, line ends.
pub(super) fn normalise(path: &ProjectPath, content: &Bytes) -> Bytes {
    if path.extension() == Some("json")
        && let Ok(Value::Object(mut lock)) = serde_json::from_slice(content)
    {
        lock.remove("name");
        lock.remove("version");
        if let Some(Value::Object(root)) = lock.get_mut("packages").and_then(|packages| packages.get_mut(""))
        {
            for field in ["name", "version", "license", "engines", "bin", "funding"] {
                root.remove(field);
            }
        }
        return serde_json::to_vec(&lock).map_or_else(|_| content.clone(), Bytes::from);
    }
    match content.contains(&b'\r') {
        true => String::from_utf8_lossy(content).replace("\r\n", "\n").into_bytes().into(),
        false => content.clone(),
    }
}

/// Puts the project's own name where an installation wrote the neutral one.
pub(super) fn with_own_name(lockfile: &Bytes, files: &Files) -> Bytes {
    let package = files.get("package.json").and_then(|content| PackageJson::parse(content).ok());
    let name = package.as_ref().and_then(|package| package.field("name")).filter(|name| name.is_string());
    let (Some(name), Ok(text)) = (name, std::str::from_utf8(lockfile)) else {
        return lockfile.clone();
    };
    let neutral = format!("\"name\": \"{NEUTRAL_NAME}\"");
    text.replace(&neutral, &format!("\"name\": {name}")).into_bytes().into()
}

/// An npm lockfile with the addresses of this registry where it names none or another registry's; `None` when nothing
/// is to change.
///
/// A lockfile made behind a mirror, or by us, names no addresses; `npm ci` then asks for the metadata of every package
/// and takes half as long again. One made elsewhere names a registry that the sandbox cannot reach. Every registry
/// serves archives under the same path; where one does not, the installation is tried again without. Only packages
/// with a SHA-512 are touched: whatever arrives is the very archive that the lockfile means, or refused. (npm's own
/// `replace-registry-host=always` has no such condition, and would put a stranger's package in the place of a URL.)
pub(super) fn with_addresses(content: &Bytes, registry_url: &str) -> Option<Bytes> {
    let mut lock: Value = serde_json::from_slice(content).ok()?;
    let mut added = false;
    for (place, entry) in lock.get_mut("packages")?.as_object_mut()? {
        if let Some(address) = address_of(place, entry, registry_url)
            && let Some(entry) = entry.as_object_mut()
        {
            entry.insert("resolved".to_owned(), address.into());
            added = true;
        }
    }
    added.then(|| serde_json::to_vec(&lock).ok()).flatten().map(Bytes::from)
}

fn address_of(place: &str, entry: &Value, registry_url: &str) -> Option<String> {
    let text = |field: &str| entry.get(field).and_then(Value::as_str);
    let is_archive = entry.get("link").is_none() && entry.get("inBundle").is_none();
    let is_pinned = text("integrity").is_some_and(|integrity| integrity.starts_with("sha512-"));
    if !is_archive || !is_pinned {
        return None;
    }
    let version = text("version")?;
    // An alias lies under another name than its own.
    let name = text("name").or_else(|| place.rsplit_once("node_modules/").map(|(_, name)| name))?;
    let base = name.rsplit('/').next()?;
    let path = format!("{name}/-/{base}-{version}.tgz");
    match text("resolved") {
        Some(url) if url.starts_with(registry_url) => None,
        Some(url) if !url.ends_with(&format!("/{path}")) => None,
        _ => Some(format!("{registry_url}{path}")),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_added_where_an_archive_of_the_registry_is_meant() {
        let lock = r#"{"packages":{
            "":{"version":"1.0.0"},
            "node_modules/a":{"version":"1.0.0","integrity":"sha512-x"},
            "node_modules/a/node_modules/@s/b":{"version":"2.0.0","integrity":"sha512-x"},
            "node_modules/alias":{"name":"real","version":"3.0.0","integrity":"sha512-x"},
            "node_modules/there":{"version":"1.0.0","integrity":"sha512-x","resolved":"https://elsewhere/x.tgz"},
            "node_modules/mirror":{"version":"1.0.0","integrity":"sha512-x","resolved":"https://mirror/npm/mirror/-/mirror-1.0.0.tgz"},
            "node_modules/weak":{"version":"1.0.0","integrity":"sha1-x","resolved":"https://mirror/npm/weak/-/weak-1.0.0.tgz"},
            "node_modules/linked":{"link":true},
            "packages/c":{"version":"1.0.0"}
        }}"#;
        let added = with_addresses(&Bytes::from(lock), "https://registry.example/npm/").unwrap();
        let added: Value = serde_json::from_slice(&added).unwrap();
        let resolved = |place: &str| added["packages"][place]["resolved"].as_str();
        assert_eq!(resolved("node_modules/a"), Some("https://registry.example/npm/a/-/a-1.0.0.tgz"));
        assert_eq!(
            resolved("node_modules/a/node_modules/@s/b"),
            Some("https://registry.example/npm/@s/b/-/b-2.0.0.tgz")
        );
        assert_eq!(
            resolved("node_modules/alias"),
            Some("https://registry.example/npm/real/-/real-3.0.0.tgz")
        );
        assert_eq!(
            resolved("node_modules/mirror"),
            Some("https://registry.example/npm/mirror/-/mirror-1.0.0.tgz")
        );
        for (place, url) in [
            ("node_modules/there", "https://elsewhere/x.tgz"),
            ("node_modules/weak", "https://mirror/npm/weak/-/weak-1.0.0.tgz"),
        ] {
            assert_eq!(resolved(place), Some(url));
        }
        assert!(
            [resolved(""), resolved("node_modules/linked"), resolved("packages/c")]
                .iter()
                .all(Option::is_none)
        );
        assert_eq!(with_addresses(&Bytes::from(r#"{"packages":{"":{}}}"#), "https://r/"), None);
        assert_eq!(with_addresses(&Bytes::from("lockfileVersion: 9"), "https://r/"), None);
    }

    #[test]
    fn a_made_lockfile_gets_the_projects_own_name() {
        let files: Files =
            [(ProjectPath::parse("package.json").unwrap(), Bytes::from_static(br#"{"name":"@me/it"}"#))]
                .into();
        let made = Bytes::from_static(b"{\n  \"name\": \"vitrine-app\",\n  \"x\": 1\n}");
        assert_eq!(with_own_name(&made, &files), "{\n  \"name\": \"@me/it\",\n  \"x\": 1\n}");
    }
}
