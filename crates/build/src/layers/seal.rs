//! Judging and measuring an installed tree before it is shared.
//!
//! What lies there was written by package managers from strangers' archives: regular files, folders and links that
//! stay inside are all there may be.

use std::collections::HashSet;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{FileTypeExt, MetadataExt, PermissionsExt, lchown};
use std::path::{Component, Path, PathBuf};

use super::{LayerError, LayerStats};

/// The most a layer may weigh: four times the heaviest project of our corpus.
pub(super) const MAX_LAYER_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// The most entries a layer may have: six times the largest project of our corpus.
const MAX_LAYER_ENTRIES: u64 = 300_000;

/// Checks everything beneath `node_modules` and counts it. Everything goes to the user and group `owner`, as the sandbox that
/// made it may have been somebody whom a later one is. Mode bits are put right where they are odd: owners must be able to
/// read, nobody gains a user id.
pub(super) fn seal(node_modules: &Path, owner: (u32, u32)) -> Result<LayerStats, LayerError> {
    let mut stats = LayerStats::default();
    give(node_modules, &node_modules.metadata().map_err(LayerError::io)?, owner).map_err(LayerError::io)?;
    let mut folders = vec![(node_modules.to_owned(), 0_usize)];
    while let Some((folder, depth)) = folders.pop() {
        for entry in std::fs::read_dir(&folder).map_err(LayerError::io)? {
            let entry = entry.map_err(LayerError::io)?;
            let metadata = entry.metadata().map_err(LayerError::io)?;
            let kind = metadata.file_type();
            stats.files += 1;
            if stats.files > MAX_LAYER_ENTRIES {
                return Err(LayerError::TooLarge);
            }
            give(&entry.path(), &metadata, owner).map_err(LayerError::io)?;
            if kind.is_dir() {
                normalise_mode(&entry.path(), &metadata, 0o755).map_err(LayerError::io)?;
                folders.push((entry.path(), depth + 1));
            } else if kind.is_symlink() {
                let target = std::fs::read_link(entry.path()).map_err(LayerError::io)?;
                check_link(&entry.path(), &target, depth)?;
            } else if kind.is_file() {
                // A file with several names (pnpm links) is counted for its share.
                stats.bytes += metadata.len() / metadata.nlink().max(1);
                normalise_mode(&entry.path(), &metadata, 0o644).map_err(LayerError::io)?;
            } else {
                return Err(refuse(&entry.path(), describe(kind)));
            }
        }
        if stats.bytes > MAX_LAYER_BYTES {
            return Err(LayerError::TooLarge);
        }
    }
    Ok(stats)
}

/// True when more lies there than a layer may have; for the watch over an installation that runs. Looks no further than it
/// has to.
pub(super) fn is_too_large(dir: &Path) -> bool {
    let weight = weigh_up_to(dir, MAX_LAYER_ENTRIES);
    weight.bytes > MAX_LAYER_BYTES || weight.entries > MAX_LAYER_ENTRIES
}

/// What lies in a folder.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
struct Weight {
    /// On the disk.
    bytes: u64,
    /// Files, folders and links; a file with several names (pnpm links) is one.
    entries: u64,
}

/// The bytes on the disk of everything in a folder; 0 where there is none.
pub(crate) fn weigh(dir: &Path) -> u64 {
    weigh_up_to(dir, u64::MAX).bytes
}

/// How much lies there, roughly; ends once there are more than `most` entries.
fn weigh_up_to(dir: &Path, most: u64) -> Weight {
    let (mut weight, mut folders, mut linked) = (Weight::default(), vec![dir.to_owned()], HashSet::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).into_iter().flatten().flatten() {
            let Ok(metadata) = entry.metadata() else { continue };
            if metadata.is_dir() {
                folders.push(entry.path());
            } else if metadata.nlink() > 1 && !linked.insert(metadata.ino()) {
                continue;
            }
            weight.bytes += metadata.blocks() * 512;
            weight.entries += 1;
            if weight.entries > most {
                return weight;
            }
        }
    }
    weight
}

/// Of a link, the link itself.
fn give(path: &Path, metadata: &std::fs::Metadata, owner: (u32, u32)) -> io::Result<()> {
    match (metadata.uid(), metadata.gid()) == owner {
        true => Ok(()),
        false => lchown(path, Some(owner.0), Some(owner.1)),
    }
}

fn normalise_mode(path: &Path, metadata: &std::fs::Metadata, least: u32) -> io::Result<()> {
    let mode = metadata.mode() & 0o7777;
    let wanted = (mode & 0o755) | least;
    if mode == wanted {
        return Ok(());
    }
    std::fs::set_permissions(path, Permissions::from_mode(wanted))
}

/// A link is relative and stays beneath the project: `node_modules` itself is one level down, so that links to
/// workspace packages (`../packages/a`) are fine. `depth` is how far beneath `node_modules` the link lies. `..` counts
/// only in front: behind a name, which may be a link itself, it would lead elsewhere than the text says.
fn check_link(path: &Path, target: &Path, depth: usize) -> Result<(), LayerError> {
    let ups = target.components().take_while(|component| *component == Component::ParentDir).count();
    let rest_is_plain =
        target.components().skip(ups).all(|component| matches!(component, Component::Normal(_)));
    match rest_is_plain && ups <= depth + 1 {
        true => Ok(()),
        false => Err(refuse(path, "a link that leads out of the project")),
    }
}

fn describe(kind: std::fs::FileType) -> &'static str {
    match () {
        () if kind.is_fifo() => "a pipe",
        () if kind.is_socket() => "a socket",
        () => "a device",
    }
}

fn refuse(path: &Path, what: &'static str) -> LayerError {
    let name: PathBuf = path.components().rev().take(3).collect::<Vec<_>>().into_iter().rev().collect();
    LayerError::UnsafeTree { path: name.display().to_string(), what }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::symlink;

    fn owner(of: &Path) -> (u32, u32) {
        let metadata = of.symlink_metadata().unwrap();
        (metadata.uid(), metadata.gid())
    }

    #[test]
    fn what_a_sandbox_made_belongs_to_the_server_afterwards() {
        let dir = tempfile::tempdir().unwrap();
        let own = owner(dir.path());
        if own.0 != 0 {
            return eprintln!("only root can give files away");
        }
        let tree = dir.path().join("node_modules");
        let places = ["", "a", "a/b.js", "link"].map(|place| tree.join(place));
        std::fs::create_dir_all(&places[1]).unwrap();
        std::fs::write(&places[2], "12345").unwrap();
        symlink("a/b.js", &places[3]).unwrap();
        places.iter().for_each(|place| lchown(place, Some(54_321), Some(54_321)).unwrap());
        seal(&tree, own).unwrap();
        places.iter().for_each(|place| assert_eq!(owner(place), own, "{}", place.display()));
    }

    #[test]
    fn an_ordinary_tree_is_counted_and_its_modes_put_right() {
        let dir = tempfile::tempdir().unwrap();
        let file = dir.path().join("a/b.js");
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(&file, "12345").unwrap();
        std::fs::set_permissions(&file, Permissions::from_mode(0o6711)).unwrap();
        symlink("../packages/x", dir.path().join("x")).unwrap();
        symlink("../../a/b.js", dir.path().join("a/up")).unwrap();
        let stats = seal(dir.path(), owner(dir.path())).unwrap();
        assert_eq!((stats.files, stats.bytes), (4, 5));
        assert_eq!(std::fs::metadata(&file).unwrap().mode() & 0o7777, 0o755);
    }

    #[test]
    fn a_growing_tree_is_weighed_by_files_and_not_by_their_names() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("a")).unwrap();
        std::fs::write(dir.path().join("a/one"), [b'x'; 10_000]).unwrap();
        for name in 0..5 {
            std::fs::hard_link(dir.path().join("a/one"), dir.path().join(format!("{name}"))).unwrap();
            symlink("a/one", dir.path().join(format!("link-{name}"))).unwrap();
        }
        let weight = weigh_up_to(dir.path(), 100);
        assert_eq!(weight.entries, 7);
        assert!((10_000..30_000).contains(&weight.bytes), "{weight:?}");
        // No further than has to be looked.
        assert_eq!(weigh_up_to(dir.path(), 3).entries, 4);
        assert!(!is_too_large(dir.path()));
    }

    #[test]
    fn links_that_lead_out_and_odd_files_are_refused() {
        for target in ["/etc/passwd", "../../x", "a/../b", "../../../../../.."] {
            let dir = tempfile::tempdir().unwrap();
            symlink(target, dir.path().join("link")).unwrap();
            assert!(
                matches!(seal(dir.path(), owner(dir.path())), Err(LayerError::UnsafeTree { .. })),
                "{target}"
            );
        }
        let dir = tempfile::tempdir().unwrap();
        let _socket = std::os::unix::net::UnixListener::bind(dir.path().join("s")).unwrap();
        assert!(matches!(
            seal(dir.path(), owner(dir.path())),
            Err(LayerError::UnsafeTree { what: "a socket", .. })
        ));
    }
}
