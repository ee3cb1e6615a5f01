//! How much memory there is for sandboxes: of the machine, or of the part of it that the server may use.

use std::path::{Path, PathBuf};

/// Control groups are mounted here on every machine that has them (kernel documentation, `cgroup-v2`, "Mounting").
const GROUPS_DIR: &str = "/sys/fs/cgroup";

/// What can be had now: what the kernel calls available (free, or free as soon as it is needed), or less when a control
/// group around this process allows less.
pub(crate) fn available() -> Option<u64> {
    let machine = meminfo("MemAvailable:");
    let groups = own_groups().iter().filter_map(|dir| left_in(dir)).min();
    machine.into_iter().chain(groups).min()
}

/// The memory that is kept for everything but sandboxes unless the operator says otherwise: a tenth.
pub(crate) fn default_reserve() -> u64 {
    let groups = own_groups().iter().filter_map(|dir| limit_of(dir)).min();
    meminfo("MemTotal:").into_iter().chain(groups).min().unwrap_or(0) / 10
}

/// A line of `/proc/meminfo`, in bytes.
pub(super) fn meminfo(name: &str) -> Option<u64> {
    let meminfo = std::fs::read_to_string("/proc/meminfo").ok()?;
    let kib = meminfo.lines().find_map(|line| line.strip_prefix(name))?;
    let kib: u64 = kib.trim().trim_end_matches(" kB").parse().ok()?;
    Some(kib * 1_024)
}

/// The directories of the control groups that count this process's memory, the innermost first.
fn own_groups() -> Vec<PathBuf> {
    let groups = std::fs::read_to_string("/proc/self/cgroup").unwrap_or_default();
    groups_in(&groups, Path::new(GROUPS_DIR))
}

fn groups_in(text: &str, mounted: &Path) -> Vec<PathBuf> {
    let lines = text.lines().filter_map(|line| {
        let (controllers, path) = line.split_once(':')?.1.split_once(':')?;
        let root = match controllers {
            "" => mounted.to_owned(),
            controllers if controllers.split(',').any(|name| name == "memory") => mounted.join("memory"),
            _ => return None,
        };
        Some((root, path.trim_start_matches('/').to_owned()))
    });
    lines
        .flat_map(|(root, path)| {
            let path = PathBuf::from(path);
            path.ancestors().map(|part| root.join(part)).collect::<Vec<_>>()
        })
        .collect()
}

/// What a group may use still; none where it has no limit. The page cache in it makes room when it is needed.
fn left_in(dir: &Path) -> Option<u64> {
    let limit = limit_of(dir)?;
    let used = number(&dir.join("memory.current")).or_else(|| number(&dir.join("memory.usage_in_bytes")))?;
    let stat = std::fs::read_to_string(dir.join("memory.stat")).unwrap_or_default();
    let field = |name: &str| {
        let line = stat.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '));
        line.and_then(|value| value.parse::<u64>().ok())
    };
    let files = |kind: &str| field(&format!("total_{kind}")).or_else(|| field(kind)).unwrap_or(0);
    let reclaimable = files("inactive_file") + files("active_file");
    Some((limit + reclaimable).saturating_sub(used).min(limit))
}

/// Version 1 says that there is no limit by a number beyond any machine's memory.
fn limit_of(dir: &Path) -> Option<u64> {
    let version_2 = number(&dir.join("memory.max"));
    version_2.or_else(|| number(&dir.join("memory.limit_in_bytes")).filter(|limit| *limit < 1 << 60))
}

fn number(path: &Path) -> Option<u64> {
    std::fs::read_to_string(path).ok()?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_group_around_the_server_counts_with_those_around_it() {
        let mounted = Path::new("/groups");
        let paths =
            |text| groups_in(text, mounted).iter().map(|dir| dir.display().to_string()).collect::<Vec<_>>();
        assert_eq!(
            paths("0::/system.slice/v.service\n"),
            ["/groups/system.slice/v.service", "/groups/system.slice", "/groups/"]
        );
        assert_eq!(
            paths("5:cpu,cpuacct:/a\n4:memory:/a\n0::/\n"),
            ["/groups/memory/a", "/groups/memory/", "/groups/"]
        );
    }

    #[test]
    fn what_is_left_is_the_limit_less_what_does_not_go_away_by_itself() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("memory.current", "600\n");
        write("memory.stat", "anon 350\ninactive_file 200\nactive_file 50\n");
        write("memory.max", "max\n");
        assert_eq!(left_in(dir.path()), None);
        write("memory.max", "1000\n");
        assert_eq!(left_in(dir.path()), Some(650));
    }

    #[test]
    fn version_1_counts_the_groups_within() {
        let dir = tempfile::tempdir().unwrap();
        let write = |name: &str, text: &str| std::fs::write(dir.path().join(name), text).unwrap();
        write("memory.usage_in_bytes", "600\n");
        write("memory.stat", "inactive_file 1\ntotal_inactive_file 200\ntotal_active_file 50\n");
        write("memory.limit_in_bytes", "9223372036854771712\n");
        assert_eq!(left_in(dir.path()), None);
        write("memory.limit_in_bytes", "1000\n");
        assert_eq!(left_in(dir.path()), Some(650));
    }
}
