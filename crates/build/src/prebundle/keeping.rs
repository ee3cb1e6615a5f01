//! The pre-bundles beside one layer, on disk: `prebundles/<origin>/.vite`, and `prebundles/<origin>.bytes` with what they weigh, whose
//! modification time is the last use.

use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use super::PrebundleFiles;
use crate::layers::weigh;

/// What the pre-bundles beside one layer may weigh: two hundred of the usual five MiB. Code in sandboxes decides how large they
/// are and apps cost little, so beyond this those of apps go, the least recently used first.
pub(super) const MAX_SHELF_BYTES: u64 = 1024 * 1024 * 1024;

/// What a file takes on the disk at least, for which every file counts.
const BLOCK_BYTES: u64 = 4 * 1024;

const STAGING_PREFIX: &str = ".staging-";
const WEIGHT_ENDING: &str = ".bytes";

/// Written beside its place and moved there whole; an earlier one goes away only then.
pub(super) fn write(
    shelf: &Path,
    name: &str,
    files: &PrebundleFiles,
    now: SystemTime,
) -> io::Result<PathBuf> {
    std::fs::create_dir_all(shelf)?;
    let staging = tempfile::Builder::new().prefix(STAGING_PREFIX).tempdir_in(shelf)?;
    let (fresh, weight) = (staging.path().join("new"), staging.path().join("weight"));
    let mut bytes = 0;
    for (path, content) in files {
        let path = fresh.join(path);
        std::fs::create_dir_all(path.parent().unwrap_or(&fresh))?;
        std::fs::write(path, content)?;
        bytes += (content.len() as u64).next_multiple_of(BLOCK_BYTES).max(BLOCK_BYTES);
    }
    std::fs::write(&weight, bytes.to_string())?;
    File::options().write(true).open(&weight)?.set_modified(now)?;
    let place = shelf.join(name);
    put_away(&place, &staging.path().join("old"))?;
    std::fs::rename(weight, weight_of(shelf, name))?;
    std::fs::rename(&fresh, &place)?;
    Ok(place)
}

/// Notes that one is used. A failure makes it look older than it is, and nothing worse.
pub(super) fn touch(shelf: &Path, name: &str, now: SystemTime) {
    let file = File::options().write(true).open(weight_of(shelf, name));
    if let Err(error) = file.and_then(|file| file.set_modified(now)) {
        tracing::debug!(shelf = %shelf.display(), name, %error, "the use of a pre-bundle could not be noted");
    }
}

/// Removes what is there of one origin. Dev servers that have started have their copy.
pub(super) fn remove(shelf: &Path, name: &str) -> io::Result<()> {
    if !shelf.join(name).is_dir() {
        return Ok(());
    }
    let staging = tempfile::Builder::new().prefix(STAGING_PREFIX).tempdir_in(shelf)?;
    put_away(&shelf.join(name), &staging.path().join("old"))?;
    put_away(&weight_of(shelf, name), &staging.path().join("weight"))
}

/// Removes those of apps, the least recently used first, until all weigh at most `most` bytes; `keep` stays. Those of templates stay
/// too: there are few, they are ours, and every new app begins with one.
pub(super) fn make_room(shelf: &Path, keep: &str, most: u64) -> io::Result<()> {
    let mut kept = list(shelf)?;
    let mut bytes: u64 = kept.iter().map(|one| one.bytes).sum();
    kept.retain(|one| one.name != keep && !one.name.starts_with(super::TEMPLATE_PREFIX));
    kept.sort_by_key(|one| one.last_use);
    for one in kept {
        if bytes <= most {
            break;
        }
        remove(shelf, &one.name)?;
        bytes -= one.bytes;
    }
    Ok(())
}

/// What all of them weigh.
pub(crate) fn weigh_all(shelf: &Path) -> u64 {
    list(shelf).map_or(0, |kept| kept.iter().map(|one| one.bytes).sum())
}

struct Shelved {
    name: String,
    bytes: u64,
    last_use: SystemTime,
}

fn list(shelf: &Path) -> io::Result<Vec<Shelved>> {
    let mut kept = Vec::new();
    let entries = match std::fs::read_dir(shelf) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(kept),
        entries => entries?,
    };
    for entry in entries {
        let entry = entry?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if name.starts_with(STAGING_PREFIX) || !entry.file_type()?.is_dir() {
            continue;
        }
        let weight = weight_of(shelf, &name);
        let known = std::fs::read_to_string(&weight).ok().and_then(|text| text.parse().ok());
        let last_use = weight.metadata().and_then(|metadata| metadata.modified());
        kept.push(Shelved {
            bytes: known.unwrap_or_else(|| weigh(&entry.path())),
            last_use: last_use.unwrap_or(SystemTime::UNIX_EPOCH),
            name,
        });
    }
    Ok(kept)
}

fn weight_of(shelf: &Path, name: &str) -> PathBuf {
    shelf.join(format!("{name}{WEIGHT_ENDING}"))
}

fn put_away(from: &Path, to: &Path) -> io::Result<()> {
    match std::fs::rename(from, to) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use bytes::Bytes;

    use super::*;

    fn files(text: &'static str) -> PrebundleFiles {
        vec![(".vite/deps/_metadata.json".to_owned(), Bytes::from_static(text.as_bytes()))]
    }

    fn at(secs: u64) -> SystemTime {
        SystemTime::UNIX_EPOCH + Duration::from_secs(secs)
    }

    #[test]
    fn a_newer_one_takes_the_place_of_the_older() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "app_x", &files("1"), at(1)).unwrap();
        let place = write(dir.path(), "app_x", &files("2"), at(2)).unwrap();
        assert_eq!(std::fs::read(place.join(".vite/deps/_metadata.json")).unwrap(), b"2");
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 2, "it and its weight");
        assert_eq!(weigh_all(dir.path()), BLOCK_BYTES);
    }

    #[test]
    fn the_least_recently_used_of_apps_make_room_and_those_of_templates_stay() {
        let dir = tempfile::tempdir().unwrap();
        for (secs, name) in ["template-1", "app_a", "app_b", "app_c"].into_iter().enumerate() {
            write(dir.path(), name, &files("1"), at(secs as u64)).unwrap();
        }
        touch(dir.path(), "app_a", at(10));
        make_room(dir.path(), "app_c", 3 * BLOCK_BYTES).unwrap();
        let there = |names: [&str; 4]| names.map(|name| dir.path().join(name).exists());
        assert_eq!(there(["template-1", "app_a", "app_b", "app_c"]), [true, true, false, true]);
        make_room(dir.path(), "app_c", 0).unwrap();
        assert_eq!(there(["template-1", "app_a", "app_b", "app_c"]), [true, false, false, true]);
        assert_eq!(weigh_all(dir.path()), 2 * BLOCK_BYTES);
    }

    #[test]
    fn what_is_removed_leaves_nothing_and_one_without_a_record_is_weighed() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), "app_a", &files("1"), at(1)).unwrap();
        std::fs::remove_file(weight_of(dir.path(), "app_a")).unwrap();
        assert!(weigh_all(dir.path()) > 0);
        write(dir.path(), "app_a", &files("1"), at(1)).unwrap();
        remove(dir.path(), "app_a").unwrap();
        remove(dir.path(), "app_a").unwrap();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
    }
}
