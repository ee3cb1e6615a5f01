//! Where the control groups of this process are in the file system.

use std::io;
use std::path::{Path, PathBuf};

/// What `/proc/self/cgroup` and `/proc/self/mountinfo` say.
#[derive(Debug)]
pub(super) struct Place {
    groups: String,
    mounts: String,
}

impl Place {
    pub(super) fn of_this_process() -> io::Result<Self> {
        let read = |file: &str| std::fs::read_to_string(Path::new("/proc/self").join(file));
        Ok(Self { groups: read("cgroup")?, mounts: read("mountinfo")? })
    }

    /// The directory of this process's group of a version 1 controller.
    pub(super) fn v1(&self, controller: &str) -> Option<PathBuf> {
        let own = self.groups.lines().find_map(|line| {
            let mut fields = line.splitn(3, ':').skip(1);
            let names = fields.next()?;
            names.split(',').any(|name| name == controller).then(|| fields.next())?
        })?;
        self.directory(own, |kind, options| {
            kind == "cgroup" && options.split(',').any(|option| option == controller)
        })
    }

    /// The directory of this process's group of version 2.
    pub(super) fn v2(&self) -> Option<PathBuf> {
        let own = self.groups.lines().find_map(|line| line.strip_prefix("0::"))?;
        self.directory(own, |kind, _| kind == "cgroup2")
    }

    /// Finds the mount and goes down to the group. A mount may show a part of the tree only (in containers); when the
    /// group is not in that part, what is mounted is taken for our own.
    fn directory(&self, own: &str, is_wanted: impl Fn(&str, &str) -> bool) -> Option<PathBuf> {
        self.mounts.lines().find_map(|line| {
            // See proc_pid_mountinfo(5): id, parent, device, root, mount point, …, `-`, type, source, options.
            let (before, after) = line.split_once(" - ")?;
            let mut before = before.split(' ').skip(3);
            let (root, mount_point) = (before.next()?, before.next()?);
            let mut after = after.split(' ');
            let (kind, options) = (after.next()?, after.nth(1)?);
            if !is_wanted(kind, options) {
                return None;
            }
            let relative = Path::new(own).strip_prefix(root).unwrap_or(Path::new(""));
            let directory = Path::new(mount_point).join(relative);
            Some(if directory.is_dir() { directory } else { PathBuf::from(mount_point) })
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn groups_are_found_in_containers_and_outside() {
        let top = tempfile::tempdir().unwrap();
        std::fs::create_dir_all(top.path().join("memory/service")).unwrap();
        std::fs::create_dir_all(top.path().join("unified")).unwrap();
        let at = top.path().display();
        let place = Place {
            groups: "4:memory:/service\n3:cpu,cpuacct:/docker/abc\n0::/\n".to_owned(),
            mounts: format!(
                "1 2 0:1 / {at}/memory rw shared:1 - cgroup cgroup rw,memory\n\
                 1 2 0:2 /docker/abc {at}/cpu rw - cgroup cgroup rw,cpu,cpuacct\n\
                 1 2 0:3 / {at}/unified rw - cgroup2 cgroup2 rw\n"
            ),
        };
        assert_eq!(place.v1("memory"), Some(top.path().join("memory/service")));
        assert_eq!(place.v1("cpu"), Some(top.path().join("cpu")));
        assert_eq!(place.v1("pids"), None);
        assert_eq!(place.v2(), Some(top.path().join("unified")));
    }
}
