//! Who descends from whom, read from `/proc`.

use std::collections::HashMap;
use std::fs;

use rustix::process::{Pid, Signal, kill_process};

/// Kills every descendant of `ancestor`, and not itself. What they start meanwhile is for the next call.
pub(super) fn kill_descendants(ancestor: Pid) {
    for pid in descendants(ancestor.as_raw_nonzero().get(), &children()) {
        kill(pid);
    }
}

/// Kills the children of this process (with all their descendants) that are not among `keepers`: what a keeper left
/// behind that was killed from inside.
pub(super) fn kill_strays(keepers: &[Pid]) {
    let children = children();
    let own = rustix::process::getpid().as_raw_nonzero().get();
    let is_keeper = |pid: i32| keepers.iter().any(|keeper| keeper.as_raw_nonzero().get() == pid);
    for stray in children.get(&own).into_iter().flatten().copied().filter(|pid| !is_keeper(*pid)) {
        for pid in descendants(stray, &children).into_iter().chain([stray]) {
            kill(pid);
        }
    }
}

fn kill(pid: i32) {
    // Gone already is as good.
    let _ = Pid::from_raw(pid).map(|pid| kill_process(pid, Signal::KILL));
}

/// Children by parent.
fn children() -> HashMap<i32, Vec<i32>> {
    let mut children: HashMap<i32, Vec<i32>> = HashMap::new();
    for entry in fs::read_dir("/proc").into_iter().flatten().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse::<i32>().ok()) else {
            continue;
        };
        let parent = fs::read(format!("/proc/{pid}/stat")).ok().and_then(|stat| parent_of(&stat));
        if let Some(parent) = parent {
            children.entry(parent).or_default().push(pid);
        }
    }
    children
}

/// The fourth field of `/proc/<pid>/stat`; the second, the name, ends with the last parenthesis.
fn parent_of(stat: &[u8]) -> Option<i32> {
    let after_name = stat.iter().rposition(|byte| *byte == b')')? + 1;
    let rest = std::str::from_utf8(&stat[after_name..]).ok()?;
    rest.split_ascii_whitespace().nth(1)?.parse().ok()
}

fn descendants(ancestor: i32, children: &HashMap<i32, Vec<i32>>) -> Vec<i32> {
    let mut found: Vec<i32> = children.get(&ancestor).cloned().unwrap_or_default();
    let mut at = 0;
    while let Some(pid) = found.get(at) {
        found.extend(children.get(pid).into_iter().flatten());
        at += 1;
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_parent_is_found_whatever_the_process_is_called() {
        assert_eq!(parent_of(b"7 (node) S 3 7 7 0"), Some(3));
        assert_eq!(parent_of(b"7 (a) R 9) (b) S 3 7 7 0"), Some(3));
        assert_eq!(parent_of(b"7 \xff"), None);
    }

    #[test]
    fn descendants_are_found_at_any_depth() {
        let children = HashMap::from([(1, vec![2, 3]), (2, vec![4]), (4, vec![5])]);
        assert_eq!(descendants(2, &children), [4, 5]);
        assert_eq!(descendants(1, &children), [2, 3, 4, 5]);
        assert_eq!(descendants(5, &children), Vec::<i32>::new());
    }
}
