//! What must hold for every archive, template, lockfile and source that is uploaded.

#![allow(clippy::expect_used, reason = "a property that does not hold is told by a panic")]

use std::io::{Cursor, Read as _};

use bytes::Bytes;
use vitrine_model::{FileMode, ProjectPath};

use crate::Files;
use crate::archive::{ArchiveLimits, read_zip, write_tar, write_zip};
use crate::package_json::PackageJson;
use crate::policy::lock::Lock;
use crate::profile;
use crate::template::{self, MANIFEST};

/// A name, and what panics when a property does not hold for the bytes it is given.
pub type Target = (&'static str, fn(&[u8]));

/// The targets of this crate, by the names of their folders in the corpus.
pub const TARGETS: &[Target] = &[
    ("archive", archive),
    ("template_manifest", template_manifest),
    ("npm_lockfile", npm_lockfile),
    ("pnpm_lockfile", pnpm_lockfile),
    ("package_json", package_json),
    ("project_source", crate::validate::fuzz::project_source),
    ("vite_config", crate::validate::fuzz::vite_config),
    ("built_page", crate::pipeline::fuzz::built_page),
];

pub(crate) fn path(text: &str) -> ProjectPath {
    ProjectPath::parse(text).expect("the path is good")
}

const LIMITS: ArchiveLimits = ArchiveLimits {
    files: 50,
    file_bytes: 64 * 1024,
    lockfile_bytes: 32 * 1024,
    total_bytes: 128 * 1024,
    archive_bytes: 16 * 1024,
    ratio: 200,
};

/// What is taken from an archive keeps the limits, and comes back from a zip and a tar as it is.
fn archive(data: &[u8]) {
    let Ok(imported) = read_zip(data, &LIMITS) else { return };
    let files = &imported.files;
    assert!(!files.is_empty() && files.len() <= LIMITS.files);
    assert!(files.windows(2).all(|two| two[0].path < two[1].path), "sorted, and each once");
    assert!(files.iter().all(|file| file.content.len() as u64 <= LIMITS.file_bytes));
    assert!(files.iter().map(|file| file.content.len() as u64).sum::<u64>() <= LIMITS.total_bytes);
    let entries = || files.iter().map(|file| (&file.path, file.mode, &file.content));
    let again = write_zip(Cursor::new(Vec::new()), entries()).expect("memory can be written").into_inner();
    let roomy = ArchiveLimits { archive_bytes: 1 << 20, ..LIMITS };
    if let Ok(again) = read_zip(&again, &roomy) {
        let names = |files: &[crate::archive::ImportedFile]| {
            files.iter().map(|file| (file.mode, file.content.clone())).collect::<Vec<_>>()
        };
        // One top folder more may be taken off; what is in the files stays.
        assert_eq!(names(&again.files).len(), files.len());
        let (mut one, mut other) = (names(&again.files), names(files));
        one.sort_by(|a, b| a.1.cmp(&b.1));
        other.sort_by(|a, b| a.1.cmp(&b.1));
        assert_eq!(
            one.iter().map(|(_, content)| content).collect::<Vec<_>>(),
            other.iter().map(|(_, content)| content).collect::<Vec<_>>()
        );
    }
    check_tar(&write_tar(Vec::new(), entries()).expect("memory can be written"), &imported.files);
}

fn check_tar(tar: &[u8], files: &[crate::archive::ImportedFile]) {
    let mut archive = tar::Archive::new(tar);
    let mut count = 0;
    for (entry, file) in archive.entries().expect("a tar of ours").zip(files) {
        let mut entry = entry.expect("an entry of ours");
        assert!(entry.header().entry_type().is_file());
        assert_eq!(entry.path_bytes(), file.path.as_str().as_bytes());
        let is_executable = entry.header().mode().expect("a mode of ours") & 0o100 != 0;
        assert_eq!(is_executable, file.mode == FileMode::Executable);
        let mut content = Vec::new();
        entry.read_to_end(&mut content).expect("memory can be read");
        assert_eq!(content, file.content);
        count += 1;
    }
    assert_eq!(count, files.len());
}

/// A pack with this manifest is loaded as the manifest says, or refused.
fn template_manifest(data: &[u8]) {
    let entries = [
        (format!("demo/{MANIFEST}"), Bytes::copy_from_slice(data)),
        ("demo/thumbnail.png".to_owned(), Bytes::from_static(b"\x89PNG\r\n\x1a\n")),
        ("demo/project/src/App.tsx".to_owned(), Bytes::from_static(b"export default 1")),
        ("demo/project/index.html".to_owned(), Bytes::from_static(b"<p>")),
    ];
    let Ok(packs) = template::load(entries) else { return };
    let pack = &packs["demo"];
    assert_eq!(pack.manifest.key, "demo");
    assert!(pack.files.contains_key(&pack.manifest.entry_file));
    assert_eq!(pack.hash, pack.tree.hash());
    let written = serde_json::to_vec(&pack.manifest).expect("a manifest is JSON");
    let again: vitrine_model::template::TemplateManifest =
        serde_json::from_slice(&written).expect("as it was written");
    assert_eq!(again, pack.manifest);
}

/// The readers of npm's lockfiles agree on what can be read.
fn npm_lockfile(data: &[u8]) {
    let lockfile = path("package-lock.json");
    check_lock(&lockfile, data);
    crate::layers::fuzz::lockfile(&lockfile, data);
}

/// The readers of pnpm's lockfiles.
fn pnpm_lockfile(data: &[u8]) {
    let lockfile = path("pnpm-lock.yaml");
    check_lock(&lockfile, data);
    crate::layers::fuzz::lockfile(&lockfile, data);
}

fn check_lock(lockfile: &ProjectPath, data: &[u8]) {
    if let Ok(lock) = Lock::read(lockfile, data) {
        assert_eq!(Lock::read(lockfile, data).as_ref(), Ok(&lock), "the same text gives the same table");
        assert!(lock.packages.len() <= data.len());
        let _ = lock.hoisted();
    }
    crate::pipeline::fuzz::bill_of_materials(lockfile, data);
}

/// A project is detected, or refused, by whatever `package.json` says.
fn package_json(data: &[u8]) {
    let Ok(package) = PackageJson::parse(data) else { return };
    let (parts, runtime) = (package.install_parts(), package.runtime_parts());
    assert!(serde_json::from_str::<serde_json::Value>(&parts).is_ok_and(|value| value.is_object()));
    assert!(serde_json::from_str::<serde_json::Value>(&runtime).is_ok_and(|value| value.is_object()));
    let files: Files = [
        (path("package.json"), Bytes::copy_from_slice(data)),
        (path("index.html"), Bytes::from_static(b"<script type=module src=/src/main.ts></script>")),
    ]
    .into();
    if let Ok(detected) = profile::detect(&files, None) {
        let again = profile::detect(&files, None).expect("as before");
        assert_eq!(again.profile, detected.profile);
    }
}

#[cfg(test)]
#[test]
fn nothing_in_the_corpus_or_near_it_breaks_a_property() {
    vitrine_fuzz::check(TARGETS);
}
