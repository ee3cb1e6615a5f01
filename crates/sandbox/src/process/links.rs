//! Copies of directory trees made of hard links.

use std::fs;
use std::io;
use std::os::unix::fs::symlink;
use std::path::Path;

/// Makes `target` hold whatever `source` holds and it does not hold yet. Files are linked, or copied to another file
/// system; links are made anew. A file is taken, too.
pub(super) fn link_tree(source: &Path, target: &Path) -> io::Result<()> {
    if !fs::metadata(source)?.is_dir() {
        return link_file(source, target);
    }
    fs::create_dir_all(target)?;
    for entry in fs::read_dir(source)? {
        let entry = entry?;
        let to = target.join(entry.file_name());
        let kind = entry.file_type()?;
        if kind.is_dir() {
            link_tree(&entry.path(), &to)?;
        } else if kind.is_symlink() {
            ignore_existing(symlink(fs::read_link(entry.path())?, to))?;
        } else if kind.is_file() {
            link_file(&entry.path(), &to)?;
        }
    }
    Ok(())
}

fn link_file(source: &Path, target: &Path) -> io::Result<()> {
    match fs::hard_link(source, target) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        // Another file system, or one that has no hard links.
        Err(_) => fs::copy(source, target).map(drop),
        Ok(()) => Ok(()),
    }
}

fn ignore_existing(result: io::Result<()>) -> io::Result<()> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        result => result,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_source_wins_and_links_stay_links() {
        let dir = tempfile::tempdir().unwrap();
        let [top, bottom, merged] = ["top", "bottom", "merged"].map(|name| dir.path().join(name));
        fs::create_dir_all(top.join("react")).unwrap();
        fs::create_dir_all(bottom.join("react")).unwrap();
        fs::write(top.join("react/index.js"), "top").unwrap();
        fs::write(bottom.join("react/index.js"), "bottom").unwrap();
        fs::write(bottom.join("react/more.js"), "more").unwrap();
        symlink("../react/index.js", bottom.join("link")).unwrap();
        link_tree(&top, &merged).unwrap();
        link_tree(&bottom, &merged).unwrap();
        assert_eq!(fs::read_to_string(merged.join("react/index.js")).unwrap(), "top");
        assert_eq!(fs::read_to_string(merged.join("react/more.js")).unwrap(), "more");
        assert_eq!(fs::read_link(merged.join("link")).unwrap(), Path::new("../react/index.js"));
    }
}
