//! Template packs: `<key>/template.manifest.json`, `<key>/thumbnail.png` and the project under `<key>/project/`.
//!
//! Packs come as (relative path, content) pairs, so that an embedded tree and a directory are read alike.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

use bytes::Bytes;
use vitrine_model::path::InvalidPath;
use vitrine_model::template::TemplateManifest;
use vitrine_model::tree::TreeError;
use vitrine_model::{FileEntry, FileMode, ProjectPath, Sha256, Tree};

use crate::Files;

/// The manifest's file name.
pub const MANIFEST: &str = "template.manifest.json";

/// The folder with the project.
const PROJECT: &str = "project";

/// Bytes of a thumbnail: it is shown small, and there is one per pack on a page.
const MAX_THUMBNAIL_BYTES: usize = 1024 * 1024;

/// The schema of the manifest, as it stands beside the packs.
const SCHEMA: &str = include_str!("../../../templates/template.manifest.schema.json");

/// One pack, checked and complete.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplatePack {
    /// What it says about itself.
    pub manifest: TemplateManifest,
    /// Its picture, a PNG.
    pub thumbnail: Bytes,
    /// The project's files.
    pub files: Files,
    /// The same as a tree.
    pub tree: Tree,
    /// The name of its content: the hash of the tree.
    pub hash: Sha256,
}

/// What is wrong with a pack.
#[derive(Debug, thiserror::Error)]
pub enum TemplateError {
    /// The directory cannot be read.
    #[error("`{path}` cannot be read: {reason}")]
    Unreadable {
        /// Which file or folder.
        path: String,
        /// What the system said.
        reason: std::io::Error,
    },
    /// The manifest is not JSON, or not as the schema says.
    #[error("template `{key}`: {MANIFEST}: {reason}")]
    Manifest {
        /// The pack's folder.
        key: String,
        /// What is wrong, and where.
        reason: String,
    },
    /// The manifest names another key than its folder.
    #[error("template `{key}`: its manifest says `{found}`")]
    KeyMismatch {
        /// The pack's folder.
        key: String,
        /// What the manifest says.
        found: String,
    },
    /// The thumbnail is missing, too large, or not a PNG.
    #[error("template `{key}`: the thumbnail `{file}` {reason}")]
    Thumbnail {
        /// The pack's folder.
        key: String,
        /// The file's name.
        file: String,
        /// What is wrong.
        reason: &'static str,
    },
    /// A file of the project has a name that no project may have.
    #[error("template `{key}`: `{path}`: {reason}")]
    Path {
        /// The pack's folder.
        key: String,
        /// The file.
        path: String,
        /// What is wrong.
        reason: InvalidPath,
    },
    /// The project has no files, or lacks its entry file.
    #[error("template `{key}`: the project has no `{path}`")]
    MissingFile {
        /// The pack's folder.
        key: String,
        /// The file.
        path: String,
    },
    /// The project would be no valid draft.
    #[error("template `{key}`: {reason}")]
    Tree {
        /// The pack's folder.
        key: String,
        /// What is wrong.
        reason: TreeError,
    },
}

#[expect(clippy::expect_used, reason = "the schema is embedded, and a test compiles it")]
static VALIDATOR: LazyLock<jsonschema::Validator> = LazyLock::new(|| {
    let schema = serde_json::from_str(SCHEMA).expect("the schema is JSON");
    jsonschema::validator_for(&schema).expect("the schema is a schema")
});

/// Loads every pack among `entries`, by key. Folders without a manifest are skipped; a bad pack is an error.
pub fn load<P: AsRef<str>>(
    entries: impl IntoIterator<Item = (P, Bytes)>,
) -> Result<BTreeMap<String, TemplatePack>, TemplateError> {
    let mut folders: BTreeMap<String, BTreeMap<String, Bytes>> = BTreeMap::new();
    for (path, content) in entries {
        if let Some((key, rest)) = path.as_ref().split_once('/') {
            folders.entry(key.to_owned()).or_default().insert(rest.to_owned(), content);
        }
    }
    let packs = folders.into_iter().filter(|(_, folder)| folder.contains_key(MANIFEST));
    packs.map(|(key, folder)| Ok((key.clone(), load_pack(key, folder)?))).collect()
}

/// Loads every pack of a directory. Links are not followed.
pub fn load_dir(root: &Path) -> Result<BTreeMap<String, TemplatePack>, TemplateError> {
    let mut entries = Vec::new();
    read_dir(root, "", &mut entries)?;
    load(entries)
}

fn read_dir(dir: &Path, prefix: &str, entries: &mut Vec<(String, Bytes)>) -> Result<(), TemplateError> {
    let unreadable =
        |path: &Path, reason| TemplateError::Unreadable { path: path.display().to_string(), reason };
    for entry in std::fs::read_dir(dir).map_err(|reason| unreadable(dir, reason))? {
        let entry = entry.map_err(|reason| unreadable(dir, reason))?;
        let name = entry.file_name().to_string_lossy().into_owned();
        let kind = entry.file_type().map_err(|reason| unreadable(&entry.path(), reason))?;
        if is_ignored(&name) {
            continue;
        }
        if kind.is_dir() {
            read_dir(&entry.path(), &format!("{prefix}{name}/"), entries)?;
        } else if kind.is_file() {
            let content = std::fs::read(entry.path()).map_err(|reason| unreadable(&entry.path(), reason))?;
            entries.push((format!("{prefix}{name}"), content.into()));
        }
    }
    Ok(())
}

/// What tools leave in a pack's folder while somebody works on it.
fn is_ignored(segment: &str) -> bool {
    matches!(segment, "node_modules" | "dist" | ".astro" | ".DS_Store") || segment.ends_with(".tsbuildinfo")
}

fn load_pack(key: String, folder: BTreeMap<String, Bytes>) -> Result<TemplatePack, TemplateError> {
    let manifest = parse_manifest(&key, &folder[MANIFEST])?;
    let thumbnail = check_thumbnail(&key, &manifest.thumbnail, folder.get(&manifest.thumbnail))?;
    let files = project_files(&key, folder)?;
    if !files.contains_key(&manifest.entry_file) {
        return Err(TemplateError::MissingFile { key, path: manifest.entry_file.into() });
    }
    let entry = |content: &Bytes| FileEntry {
        sha256: Sha256::of(content),
        size: content.len() as u64,
        mode: FileMode::Regular,
    };
    let tree: Tree = files.iter().map(|(path, content)| (path.clone(), entry(content))).collect();
    if let Err(reason) = tree.check() {
        return Err(TemplateError::Tree { key, reason });
    }
    Ok(TemplatePack { hash: tree.hash(), manifest, thumbnail, files, tree })
}

fn parse_manifest(key: &str, content: &Bytes) -> Result<TemplateManifest, TemplateError> {
    let wrong = |reason: String| TemplateError::Manifest { key: key.to_owned(), reason };
    let value: serde_json::Value =
        serde_json::from_slice(content).map_err(|error| wrong(error.to_string()))?;
    if let Some(error) = VALIDATOR.iter_errors(&value).next() {
        return Err(wrong(format!("at `{}`: {error}", error.instance_path())));
    }
    let manifest: TemplateManifest =
        serde_json::from_value(value).map_err(|error| wrong(error.to_string()))?;
    match manifest.key == key {
        true => Ok(manifest),
        false => Err(TemplateError::KeyMismatch { key: key.to_owned(), found: manifest.key }),
    }
}

fn check_thumbnail(key: &str, file: &str, content: Option<&Bytes>) -> Result<Bytes, TemplateError> {
    const PNG: &[u8] = b"\x89PNG\r\n\x1a\n";
    let wrong = |reason| TemplateError::Thumbnail { key: key.to_owned(), file: file.to_owned(), reason };
    match content {
        None => Err(wrong("is missing")),
        Some(content) if content.len() > MAX_THUMBNAIL_BYTES => Err(wrong("is larger than 1 MiB")),
        Some(content) if !content.starts_with(PNG) => Err(wrong("is not a PNG")),
        Some(content) => Ok(content.clone()),
    }
}

fn project_files(key: &str, folder: BTreeMap<String, Bytes>) -> Result<Files, TemplateError> {
    let mut files = Files::new();
    for (path, content) in folder {
        let Some(("", rest)) = path.strip_prefix(PROJECT).and_then(|rest| rest.split_once('/')) else {
            continue;
        };
        if rest.split('/').any(is_ignored) {
            continue;
        }
        let parsed = ProjectPath::parse(rest).map_err(|reason| TemplateError::Path {
            key: key.to_owned(),
            path: rest.to_owned(),
            reason,
        })?;
        files.insert(parsed, content);
    }
    Ok(files)
}

#[cfg(test)]
mod tests {
    use super::*;

    const MANIFEST_TEXT: &str = r##"{
        "key": "demo", "name": "Demo", "description": "A demo.", "tags": ["demo"], "thumbnail": "thumbnail.png",
        "profile": { "kind": "vite" }, "entry_file": "src/App.tsx", "style_tokens": { "accent": "#123456" }
    }"##;

    fn pack(changes: &[(&str, Option<&[u8]>)]) -> Result<TemplatePack, TemplateError> {
        let mut entries: BTreeMap<String, Bytes> = [
            ("demo/template.manifest.json", MANIFEST_TEXT.as_bytes()),
            ("demo/thumbnail.png", b"\x89PNG\r\n\x1a\nrest"),
            ("demo/project/src/App.tsx", b"x"),
            ("demo/project/.gitignore", b"dist"),
            ("demo/project/node_modules/a/index.js", b"x"),
            ("demo/project/tsconfig.tsbuildinfo", b"x"),
            ("demo/README.md", b"x"),
            ("no-pack/file", b"x"),
        ]
        .into_iter()
        .map(|(path, content)| (path.to_owned(), Bytes::from_static(content)))
        .collect();
        for (path, content) in changes {
            match content {
                Some(content) => entries.insert((*path).to_owned(), Bytes::copy_from_slice(content)),
                None => entries.remove(*path),
            };
        }
        load(entries).map(|mut packs| packs.remove("demo").unwrap())
    }

    #[test]
    fn a_pack_is_its_project_with_dotfiles_and_without_what_tools_leave() {
        let pack = pack(&[]).unwrap();
        let paths: Vec<_> = pack.files.keys().map(ProjectPath::as_str).collect();
        assert_eq!(paths, [".gitignore", "src/App.tsx"]);
        assert_eq!(pack.hash, pack.tree.hash());
        assert_eq!(pack.manifest.name, "Demo");
    }

    #[test]
    fn each_fault_of_a_pack_is_named() {
        let manifest = |from: &str, to: &str| MANIFEST_TEXT.replace(from, to).into_bytes();
        let fault = |path: &str, content: Option<&[u8]>| pack(&[(path, content)]).unwrap_err().to_string();
        let file = "demo/template.manifest.json";
        assert!(fault(file, Some(b"{")).contains("EOF"));
        assert!(
            fault(file, Some(&manifest("\"name\": \"Demo\",", "")))
                .contains("\"name\" is a required property")
        );
        assert!(
            fault(file, Some(&manifest("\"demo\", \"name\"", "\"other\", \"name\"")))
                .contains("says `other`")
        );
        assert!(fault(file, Some(&manifest("src/App.tsx", "src/Nope.tsx"))).contains("no `src/Nope.tsx`"));
        assert!(fault("demo/thumbnail.png", None).contains("is missing"));
        assert!(fault("demo/thumbnail.png", Some(b"GIF89a")).contains("not a PNG"));
        assert!(fault("demo/project/src/a?.ts", Some(b"x")).contains("src/a?.ts"));
        assert!(fault("demo/project/SRC/App.tsx", Some(b"x")).contains("differ only in case"));
    }
}
