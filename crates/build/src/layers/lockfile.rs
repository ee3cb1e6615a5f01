//! Lockfiles as texts: what of them names a layer, whether they say all about one, and the small changes they undergo on their way
//! in and out.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use serde_json::{Map, Value};
use vitrine_model::ProjectPath;

use crate::Files;
use crate::package_json::PackageJson;
use crate::policy::lock::Lock;

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

/// An npm lockfile without the addresses of archives that it has no SHA-512 for; `None` when it cannot be read.
///
/// `npm install` believes such an address and leaves it out of the lockfile that it writes: what lies in `node_modules/react`
/// may then be any archive of the registry, and nothing that names the layer tells. Without the address npm asks the registry
/// for the package of this name.
pub(super) fn without_loose_addresses(content: &Bytes) -> Option<Bytes> {
    let mut lock: Map<String, Value> = serde_json::from_slice(content).ok()?;
    let mut removed = false;
    if let Some(Value::Object(packages)) = lock.get_mut("packages") {
        packages.values_mut().for_each(|entry| removed |= remove_loose_address(entry));
    }
    // As npm wrote it before its seventh release, and still reads it.
    let mut older: Vec<_> = lock.get_mut("dependencies").into_iter().collect();
    while let Some(entries) = older.pop() {
        for entry in entries.as_object_mut().into_iter().flat_map(|entries| entries.values_mut()) {
            removed |= remove_loose_address(entry);
            older.extend(entry.get_mut("dependencies"));
        }
    }
    match removed {
        true => serde_json::to_vec(&lock).ok().map(Bytes::from),
        false => Some(content.clone()),
    }
}

/// The target of a link is a folder of the project.
fn remove_loose_address(entry: &mut Value) -> bool {
    let is_link = entry.get("link") == Some(&Value::Bool(true));
    if is_link || is_pinned(entry) {
        return false;
    }
    entry.as_object_mut().is_some_and(|entry| entry.remove("resolved").is_some())
}

fn is_pinned(entry: &Value) -> bool {
    entry.get("integrity").and_then(Value::as_str).is_some_and(has_sha512)
}

/// Whatever arrives is checked by the strongest hash of the list, and there is none stronger.
fn has_sha512(integrity: &str) -> bool {
    const BYTES: usize = 64;
    let digest = |one: &str| STANDARD.decode(one.strip_prefix("sha512-")?).ok();
    integrity.split_whitespace().filter_map(digest).any(|digest| digest.len() == BYTES)
}

/// True when the lockfile has a hash for everything that is downloaded: whoever has the same lockfile has the same tree. A
/// lockfile that cannot be read says nothing.
pub(super) fn says_all(path: &ProjectPath, content: &Bytes) -> bool {
    if path.extension() != Some("json") {
        let lock = Lock::read(path, content);
        return lock.is_ok_and(|lock| lock.packages.iter().all(|package| package.has_integrity));
    }
    let Ok(lock) = serde_json::from_slice::<Map<String, Value>>(content) else {
        return false;
    };
    let Some(Value::Object(packages)) = lock.get("packages") else {
        return false;
    };
    packages.iter().all(|(place, entry)| {
        let is_true = |field: &str| entry.get(field) == Some(&Value::Bool(true));
        // What lies elsewhere is the project itself and its own packages; what comes in an archive is hashed with it.
        !place.contains("node_modules/") || is_true("link") || is_true("inBundle") || is_pinned(entry)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sha512(text: &str) -> String {
        format!("sha512-{}", STANDARD.encode([text.as_bytes()[0]; 64]))
    }

    #[test]
    fn addresses_without_a_hash_are_taken_out_before_versions_are_chosen() {
        let evil = "https://registry.example/evil/-/evil-1.0.0.tgz";
        let good = sha512("a");
        let lock = serde_json::json!({
            "packages": {
                "": {"version": "1.0.0"},
                "node_modules/react": {"version": "1.0.0", "resolved": evil},
                "node_modules/weak": {"version": "1.0.0", "resolved": evil, "integrity": "sha1-2jmj7l5rSw0yVb/vlWAYkK/YBwk="},
                "node_modules/odd": {"version": "1.0.0", "resolved": [evil], "integrity": "sha512-x"},
                "node_modules/fine": {"version": "1.0.0", "resolved": evil, "integrity": good},
                "node_modules/own": {"resolved": "packages/own", "link": true},
            },
            "dependencies": {
                "react": {"version": "1.0.0", "resolved": evil, "dependencies": {"deep": {"resolved": evil}}},
                "fine": {"version": "1.0.0", "resolved": evil, "integrity": good},
            },
        });
        let stripped = without_loose_addresses(&lock.to_string().into()).unwrap();
        let stripped: Value = serde_json::from_slice(&stripped).unwrap();
        let packages = &stripped["packages"];
        for place in ["node_modules/react", "node_modules/weak", "node_modules/odd"] {
            assert_eq!(packages[place].get("resolved"), None, "{place}");
            assert_eq!(packages[place]["version"], "1.0.0");
        }
        assert_eq!(packages["node_modules/fine"]["resolved"], evil);
        assert_eq!(packages["node_modules/own"]["resolved"], "packages/own");
        let older = &stripped["dependencies"];
        assert_eq!(older["react"].get("resolved"), None);
        assert_eq!(older["react"]["dependencies"]["deep"].get("resolved"), None);
        assert_eq!(older["fine"]["resolved"], evil);
    }

    #[test]
    fn a_lockfile_without_loose_addresses_stays_as_it_is_and_none_is_made_of_what_is_none() {
        let lock = Bytes::from(format!(
            r#"{{"packages": {{"node_modules/a": {{"integrity": "{}"}}}} }}"#,
            sha512("a")
        ));
        assert_eq!(without_loose_addresses(&lock), Some(lock));
        for text in ["<<<<<<< ours\n{}", "\u{feff}{}", "[]", ""] {
            assert_eq!(without_loose_addresses(&Bytes::from(text)), None, "{text}");
        }
    }

    #[test]
    fn a_lockfile_says_all_when_everything_that_is_downloaded_has_a_hash() {
        let says = |name: &str, text: &str| {
            says_all(&ProjectPath::parse(name).unwrap(), &Bytes::from(text.to_owned()))
        };
        let npm = |entry: &str| {
            let text = format!(
                r#"{{"packages":{{"":{{}},"packages/own":{{"version":"1.0.0"}},"node_modules/own":{{"link":true}},"node_modules/a":{{{entry}}}}}}}"#
            );
            says("package-lock.json", &text)
        };
        assert!(npm(&format!(r#""version":"1.0.0","integrity":"{}""#, sha512("a"))));
        assert!(npm(&format!(r#""version":"1.0.0","integrity":"sha1-x {}""#, sha512("a"))));
        assert!(npm(r#""version":"1.0.0","inBundle":true"#));
        for loose in
            [r#""version":"1.0.0""#, r#""version":"1.0.0","integrity":"sha512-x""#, r#""integrity":"sha1-x""#]
        {
            assert!(!npm(loose), "{loose}");
        }
        assert!(!says("package-lock.json", "{}") && !says("package-lock.json", "<<<<<<<"));
        let pnpm = |resolution: &str| {
            says(
                "pnpm-lock.yaml",
                &format!("lockfileVersion: '9.0'\npackages:\n  a@1.0.0:\n    resolution: {resolution}\n"),
            )
        };
        assert!(pnpm("{integrity: sha512-x}"));
        assert!(!pnpm("{tarball: https://registry.example/evil/-/evil-1.0.0.tgz}"));
        assert!(!pnpm("[]"));
    }

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
