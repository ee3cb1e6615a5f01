//! Round trips and hostile archives.

use std::io::{Cursor, Write};

use bytes::Bytes;
use proptest::prelude::*;
use vitrine_model::{FileMode, ProjectPath};
use zip::write::SimpleFileOptions;

use super::*;

/// A zip of the given entries as they stand, checked by nobody.
fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    zip_with(entries, SimpleFileOptions::default())
}

fn zip_with(entries: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        match name.strip_suffix('/') {
            Some(folder) => writer.add_directory(folder, options).unwrap(),
            None => {
                writer.start_file(*name, options).unwrap();
                writer.write_all(content).unwrap();
            }
        }
    }
    writer.finish().unwrap().into_inner()
}

/// The same with every `from` replaced by an equally long `to`: for names that writers refuse.
fn forged(entries: &[(&str, &[u8])], from: &str, to: &str) -> Vec<u8> {
    assert_eq!(from.len(), to.len());
    let mut bytes = zip(entries);
    while let Some(at) = bytes.windows(from.len()).position(|window| window == from.as_bytes()) {
        bytes[at..at + to.len()].copy_from_slice(to.as_bytes());
    }
    bytes
}

fn read(archive: &[u8]) -> Result<ImportedFiles, ArchiveError> {
    read_zip(archive, &ArchiveLimits::default())
}

fn paths(archive: &[u8]) -> Vec<String> {
    read(archive).unwrap().files.into_iter().map(|file| file.path.into()).collect()
}

#[test]
fn a_common_top_folder_is_stripped() {
    assert_eq!(
        paths(&zip(&[("repo-main/", b""), ("repo-main/a.ts", b"x"), ("repo-main/b/c.ts", b"x")])),
        ["a.ts", "b/c.ts"]
    );
    assert_eq!(paths(&zip(&[("a.ts", b"x"), ("b/c.ts", b"x")])), ["a.ts", "b/c.ts"]);
    assert_eq!(paths(&zip(&[("__MACOSX/._p", b"x"), ("p/a.ts", b"x")])), ["a.ts"]);
    assert_eq!(paths(&zip(&[("src/a.ts", b"x"), ("src/b.ts", b"x")])), ["src/a.ts", "src/b.ts"]);
}

#[test]
fn what_never_belongs_is_left_out_and_named_once() {
    let archive = zip(&[
        ("p/index.html", b"x"),
        ("p/node_modules/a/index.js", b"x"),
        ("p/node_modules/b/con.js", b"x"),
        ("p/.git/config", b"x"),
        ("p/dist/a.js", b"x"),
        ("p/src/dist/a.js", b"x"),
        ("p/.DS_Store", b"x"),
        ("p/.env", b"x"),
    ]);
    let imported = read(&archive).unwrap();
    let kept: Vec<_> = imported.files.iter().map(|file| file.path.as_str()).collect();
    assert_eq!(kept, [".env", "index.html", "src/dist/a.js"]);
    assert_eq!(imported.skipped, [".DS_Store", ".git", "dist", "node_modules"]);
}

#[test]
fn names_that_lead_out_are_refused_wherever_they_stand() {
    for (from, to) in [
        ("xx/evil", "../evil"),
        ("xetc/passwd", "/etc/passwd"),
        ("a/xx/xx/evil", "a/../../evil"),
        ("xx/evil", "C:/evil"),
        ("a_b/evil", "a\\b/evil"),
        ("node_modules/xx/evil", "node_modules/../evil"),
        ("a_evil", "a\0evil"),
        ("a/xevil", "a//evil"),
    ] {
        let archive = forged(&[("index.html", b"x"), (from, b"x")], from, to);
        let error = read(&archive).unwrap_err();
        assert!(matches!(error, ArchiveError::Path { .. }), "{to:?}: {error}");
        assert!(error.to_string().contains("evil") || error.to_string().contains("passwd"), "{error}");
    }
}

#[test]
fn links_and_devices_are_refused() {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    writer.add_symlink("link", "/etc/passwd", SimpleFileOptions::default()).unwrap();
    let archive = writer.finish().unwrap().into_inner();
    assert_eq!(read(&archive), Err(ArchiveError::NotAFile { entry: "link".into() }));
    for kind in [0o020_000_u32, 0o060_000, 0o010_000, 0o140_000] {
        let mut archive = zip(&[("device", b"")]);
        let at = archive.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
        archive[at + 5] = 3;
        archive[at + 38..at + 42].copy_from_slice(&((kind | 0o644) << 16).to_le_bytes());
        assert_eq!(read(&archive), Err(ArchiveError::NotAFile { entry: "device".into() }), "{kind:o}");
    }
}

#[test]
fn encrypted_entries_are_refused() {
    let mut archive = zip(&[("secret.txt", b"x")]);
    for (signature, flags) in [(b"PK\x03\x04", 6), (b"PK\x01\x02", 8)] {
        let at = archive.windows(4).position(|window| window == signature).unwrap();
        archive[at + flags] |= 1;
    }
    assert_eq!(read(&archive), Err(ArchiveError::Encrypted { entry: "secret.txt".into() }));
}

#[test]
fn equal_and_colliding_names_are_refused() {
    let twice = forged(&[("one/a.ts", b"x"), ("two/a.ts", b"y")], "two/a.ts", "one/a.ts");
    assert_eq!(read(&twice), Err(ArchiveError::Duplicate { entry: "one/a.ts".into() }));
    // Two spellings of one name: composed and decomposed.
    let spelled = zip(&[("x/caf\u{e9}", b"x"), ("x/cafe\u{301}", b"y"), ("y", b"")]);
    assert!(matches!(read(&spelled), Err(ArchiveError::Duplicate { .. })));
    let cased = zip(&[("a/App.tsx", b"x"), ("a/app.tsx", b"y"), ("y", b"")]);
    assert!(matches!(read(&cased), Err(ArchiveError::Collision(_))));
    let both = zip(&[("a", b"x"), ("a/b", b"y")]);
    assert!(matches!(read(&both), Err(ArchiveError::Collision(_))));
}

#[test]
fn every_limit_is_reached_and_not_passed() {
    let limits = ArchiveLimits {
        files: 2,
        file_bytes: 10,
        lockfile_bytes: 20,
        total_bytes: 25,
        ..ArchiveLimits::default()
    };
    let with = |entries: &[(&str, &[u8])]| read_zip(&zip(entries), &limits);
    assert!(with(&[("a", &[1; 10]), ("b", &[1; 10])]).is_ok());
    assert!(matches!(with(&[("a", &[1; 11])]), Err(ArchiveError::FileTooLarge { limit: 10, .. })));
    assert!(with(&[("package-lock.json", &[1; 20])]).is_ok());
    assert!(matches!(
        with(&[("package-lock.json", &[1; 21])]),
        Err(ArchiveError::FileTooLarge { limit: 20, .. })
    ));
    assert!(matches!(
        with(&[("a", b""), ("b", b""), ("c", b"")]),
        Err(ArchiveError::TooManyFiles { limit: 2 })
    ));
    let error = with(&[("a", &[1; 10]), ("package-lock.json", &[1; 16])]).unwrap_err();
    assert_eq!(error, ArchiveError::TotalTooLarge { entry: "package-lock.json".into(), limit: 25 });
    let tiny = ArchiveLimits { archive_bytes: 10, ..limits };
    assert_eq!(read_zip(&zip(&[("a", b"")]), &tiny), Err(ArchiveError::ArchiveTooLarge { limit: 10 }));
}

#[test]
fn a_bomb_is_refused_while_it_unpacks() {
    let zeros = vec![0; 20 * 1024 * 1024];
    let error = read(&zip(&[("a.txt", b"x"), ("zeros.bin", &zeros)])).unwrap_err();
    assert_eq!(error, ArchiveError::Bomb { entry: "zeros.bin".into(), limit: 200 });
    // One that lies about its size is no better off.
    let mut liar = zip(&[("zeros.bin", &zeros)]);
    let at = liar.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    liar[at + 24..at + 28].copy_from_slice(&5_u32.to_le_bytes());
    assert!(read(&liar).is_err());
}

#[test]
fn overlapping_entries_cost_no_more_than_the_limits() {
    let limits = ArchiveLimits { total_bytes: 1_000, ..ArchiveLimits::default() };
    let content = [7; 600];
    let error = read_zip(&zip(&[("a", &content), ("b", &content)]), &limits).unwrap_err();
    assert!(matches!(error, ArchiveError::TotalTooLarge { .. }));
}

#[test]
fn no_archive_an_empty_one_and_a_damaged_one_are_refused() {
    assert!(matches!(read(b"not a zip"), Err(ArchiveError::NotAnArchive(_))));
    assert_eq!(read(&zip(&[])), Err(ArchiveError::Empty));
    assert_eq!(read(&zip(&[("node_modules/a", b"x")])), Err(ArchiveError::Empty));
    let mut damaged = zip(&[("a.txt", b"hello hello hello hello")]);
    damaged[36] ^= 0xff;
    assert!(matches!(read(&damaged), Err(ArchiveError::Unreadable { .. })));
}

fn files() -> Vec<(ProjectPath, FileMode, Bytes)> {
    [
        ("b/run.sh", FileMode::Executable, "#!"),
        ("a.txt", FileMode::Regular, "a"),
        ("é.txt", FileMode::Regular, ""),
    ]
    .into_iter()
    .map(|(path, mode, text)| (ProjectPath::parse(path).unwrap(), mode, Bytes::from(text)))
    .collect()
}

fn export(files: &[(ProjectPath, FileMode, Bytes)]) -> Vec<u8> {
    let entries = files.iter().map(|(path, mode, content)| (path, *mode, content));
    write_zip(Cursor::new(Vec::new()), entries).unwrap().into_inner()
}

#[test]
fn an_export_comes_back_as_it_was_and_is_the_same_every_time() {
    let mut files = files();
    let archive = export(&files);
    files.reverse();
    assert_eq!(archive, export(&files));
    files.sort_by(|a, b| a.0.cmp(&b.0));
    let back: Vec<_> =
        read(&archive).unwrap().files.into_iter().map(|f| (f.path, f.mode, f.content)).collect();
    assert_eq!(back, files);
}

#[test]
fn a_tar_is_sorted_and_has_no_times_or_owners() {
    let files = files();
    let entries = files.iter().map(|(path, mode, content)| (path, *mode, content));
    let bytes = write_tar(Vec::new(), entries).unwrap();
    let mut archive = tar::Archive::new(&bytes[..]);
    let seen: Vec<_> = archive
        .entries()
        .unwrap()
        .map(|entry| {
            let entry = entry.unwrap();
            let header = entry.header();
            assert_eq!((header.mtime().unwrap(), header.uid().unwrap()), (0, 0));
            (entry.path().unwrap().display().to_string(), header.mode().unwrap())
        })
        .collect();
    assert_eq!(seen, [("a.txt".into(), 0o644), ("b/run.sh".into(), 0o755), ("é.txt".into(), 0o644)]);
}

proptest! {
    #[test]
    fn arbitrary_and_mangled_archives_never_panic(
        noise in proptest::collection::vec(any::<u8>(), 0..300),
        at in 0_usize..400,
        with: u8,
    ) {
        let _ = read(&noise);
        let mut archive = zip(&[("p/index.html", b"hello"), ("p/src/a.ts", b"x")]);
        let at = at % archive.len();
        archive[at] = with;
        if let Ok(imported) = read(&archive) {
            for file in imported.files {
                prop_assert_eq!(ProjectPath::parse(file.path.as_str()), Ok(file.path.clone()));
            }
        }
    }

    #[test]
    fn any_files_survive_export_and_import(names in proptest::collection::btree_set("[a-c]{1,3}(/[d-f]{1,3}){0,2}\\.ts", 2..10), content: Vec<u8>) {
        // A file of its own keeps the folders from being taken for a common top.
        let mut files = vec![(ProjectPath::parse("index.html").unwrap(), FileMode::Regular, Bytes::new())];
        files.extend(names.iter().map(|n| (ProjectPath::parse(n).unwrap(), FileMode::Regular, Bytes::from(content.clone()))));
        files.sort_by(|a, b| a.0.cmp(&b.0));
        let back: Vec<_> = read(&export(&files)).unwrap().files.into_iter().map(|f| (f.path, f.mode, f.content)).collect();
        prop_assert_eq!(back, files);
    }
}

/// The end of an archive that counts its entries in 64 bits, after so many bytes of nothing.
fn counting_in_64_bits(entries: u64, before: usize) -> Vec<u8> {
    let mut bytes = vec![0; before];
    let at = bytes.len() as u64;
    bytes.extend(b"PK\x06\x06");
    bytes.extend(44_u64.to_le_bytes());
    bytes.extend([45, 0, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    for number in [entries, entries, u64::MAX / 2, 0] {
        bytes.extend(number.to_le_bytes());
    }
    bytes.extend(b"PK\x06\x07\0\0\0\0");
    bytes.extend(at.to_le_bytes());
    bytes.extend(1_u32.to_le_bytes());
    bytes.extend(b"PK\x05\x06");
    bytes.extend([0xff; 16]);
    bytes.extend([0, 0]);
    bytes
}

#[test]
fn an_archive_that_announces_millions_of_entries_is_refused_before_there_is_room_made_for_them() {
    let limits = ArchiveLimits::default();
    let most = limits.files as u64 * 20;
    let bytes = counting_in_64_bits(most + 1, (most as usize + 1) * 46);
    assert_eq!(read(&bytes), Err(ArchiveError::TooManyFiles { limit: limits.files }));
    let bytes = counting_in_64_bits(most, most as usize * 46);
    assert!(
        matches!(read(&bytes), Err(ArchiveError::NotAnArchive(_))),
        "so many are looked for, and not found"
    );
    // The same bytes inside an archive are content like any other.
    let inside = zip(&[("a.zip", &counting_in_64_bits(u64::MAX, 0)), ("b", b"x")]);
    assert_eq!(paths(&inside), ["a.zip", "b"]);
}
