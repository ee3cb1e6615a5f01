//! Who a sandbox is on the host: a user of its own out of a range that nobody else uses.
//!
//! The kernel counts some things for each user and not for each control group: descriptors on their way through sockets,
//! watches, pipes, pending signals. Sandboxes of one user could use them up for each other.

use std::collections::BTreeSet;
use std::fs;
use std::sync::{Arc, Mutex, PoisonError};

use vitrine_jail::spec::Identity;

use crate::driver::DriverError;

/// Users and groups of the host that sandboxes become, one each.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostIds {
    /// The first.
    pub first: u32,
    /// How many: as many sandboxes can run at once.
    pub count: u32,
}

impl Default for HostIds {
    /// In a range that distributions and container managers leave alone, below the sign bit of 32 bits (systemd, "Users,
    /// Groups, UIDs and GIDs": 1879048192 to 2147483647 are unused), and above what directories of users are given by
    /// default (sssd, FreeIPA: up to 2000200000).
    fn default() -> Self {
        Self { first: 2_100_000_000, count: 65_536 }
    }
}

impl HostIds {
    fn last(self) -> Option<u32> {
        self.first.checked_add(self.count.checked_sub(1)?).filter(|last| self.first > 0 && *last < NO_ID - 1)
    }

    fn meets(self, first: u64, count: u64) -> bool {
        let (own_first, own_end) = (u64::from(self.first), u64::from(self.first) + u64::from(self.count));
        first < own_end && own_first < first.saturating_add(count)
    }
}

/// `(uid_t) -1`: nobody and nothing; the one before is the same in 16 bits to some systems.
const NO_ID: u32 = u32::MAX;

/// Where other users of the host are written down: the field of the first id, and that of how many there are.
const OTHERS: [(&str, usize, Option<usize>); 4] = [
    ("/etc/subuid", 1, Some(2)),
    ("/etc/subgid", 1, Some(2)),
    ("/etc/passwd", 2, None),
    ("/etc/group", 2, None),
];

/// Hands out identities.
#[derive(Debug)]
pub(super) enum Users {
    /// Each sandbox is somebody else.
    Own(Arc<Ids>),
    /// All are this one.
    Shared(Identity),
}

#[derive(Debug)]
pub(super) struct Ids {
    range: HostIds,
    state: Mutex<Taken>,
}

#[derive(Debug)]
struct Taken {
    in_use: BTreeSet<u32>,
    /// Where the search for the next begins: an id that was given back rests as long as possible.
    next: u32,
}

/// An identity that nobody else has until this is dropped.
#[derive(Debug)]
pub(super) struct User {
    pub(super) identity: Identity,
    _hold: Option<Hold>,
}

#[derive(Debug)]
struct Hold {
    ids: Arc<Ids>,
    id: u32,
}

impl Users {
    /// Looks at who this process is, and whether the range is its to use. `seed` says where in the range to begin, so that two
    /// servers on one machine, which know nothing of each other, hardly meet.
    pub(super) fn detect(range: HostIds, seed: u32) -> Result<Self, DriverError> {
        let unusable = |reason: String| DriverError::Unsupported(reason);
        let last = range
            .last()
            .ok_or_else(|| unusable(format!("{} ids from {} are no range", range.count, range.first)))?;
        let maps = ["/proc/self/uid_map", "/proc/self/gid_map"].map(read);
        let are_there = |ids: &[u32]| ids.iter().all(|id| maps.iter().all(|map| maps_id(map, *id)));
        if !rustix::process::geteuid().is_root() || !are_there(&[Identity::NOBODY]) {
            return Ok(Self::Shared(Identity::Myself));
        }
        if !are_there(&[range.first, last]) {
            return Ok(Self::Shared(Identity::nobody()));
        }
        for (file, first, count) in OTHERS {
            if let Some(line) = whoever_meets(range, &read(file), first, count) {
                let reason = format!(
                    "the ids that sandboxes become on the host, {} to {last}, are in use: {file} has `{line}`",
                    range.first
                );
                return Err(unusable(reason));
            }
        }
        let state = Mutex::new(Taken { in_use: BTreeSet::new(), next: seed % range.count });
        Ok(Self::Own(Arc::new(Ids { range, state })))
    }

    /// One that no other sandbox of this driver has.
    pub(super) fn take(&self) -> Result<User, DriverError> {
        match self {
            Self::Shared(identity) => Ok(User { identity: *identity, _hold: None }),
            Self::Own(ids) => {
                let id = ids.take().ok_or_else(|| {
                    DriverError::Limit(format!("{} sandboxes are running, one for each id", ids.range.count))
                })?;
                let hold = Hold { ids: ids.clone(), id };
                Ok(User { identity: Identity::Mapped { uid: id, gid: id }, _hold: Some(hold) })
            }
        }
    }

    /// True when sandboxes share a user that they need not share: what the kernel counts by user is theirs together.
    pub(super) fn are_shared(&self) -> bool {
        matches!(self, Self::Shared(_))
    }
}

impl Ids {
    fn take(&self) -> Option<u32> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        let Taken { in_use, next } = &mut *state;
        let free = (0..self.range.count)
            .map(|step| (u64::from(*next) + u64::from(step)) % u64::from(self.range.count))
            .filter_map(|offset| u32::try_from(offset).ok())
            .find(|offset| !in_use.contains(offset))?;
        in_use.insert(free);
        *next = free.wrapping_add(1) % self.range.count;
        Some(self.range.first + free)
    }
}

impl Drop for Hold {
    fn drop(&mut self) {
        let mut state = self.ids.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.in_use.remove(&(self.id - self.ids.range.first));
    }
}

fn read(path: &str) -> String {
    fs::read_to_string(path).unwrap_or_default()
}

/// The line of a file like `/etc/passwd` or `/etc/subuid` whose ids are among those of the range.
fn whoever_meets(range: HostIds, file: &str, first: usize, count: Option<usize>) -> Option<&str> {
    let number = |line: &str, field: usize| line.split(':').nth(field)?.trim().parse::<u64>().ok();
    file.lines().find(|line| {
        let many = count.map_or(Some(1), |count| number(line, count));
        number(line, first).zip(many).is_some_and(|(first, count)| range.meets(first, count))
    })
}

/// Whether `id` exists in this user namespace: a map has lines of first id, first id outside, and count.
fn maps_id(map: &str, id: u32) -> bool {
    map.lines().any(|line| {
        let mut numbers = line.split_ascii_whitespace().map_while(|number| number.parse::<u32>().ok());
        match (numbers.next(), numbers.nth(1)) {
            (Some(first), Some(count)) => id.checked_sub(first).is_some_and(|at| at < count),
            _ => false,
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn own(count: u32, next: u32) -> Users {
        let state = Mutex::new(Taken { in_use: BTreeSet::new(), next });
        Users::Own(Arc::new(Ids { range: HostIds { first: 1_000, count }, state }))
    }

    fn id(user: &User) -> u32 {
        match user.identity {
            Identity::Mapped { uid, gid } if uid == gid => uid,
            other => panic!("{other:?}"),
        }
    }

    #[test]
    fn no_two_sandboxes_are_the_same_user_and_an_id_that_was_given_back_rests() {
        let users = own(3, 2);
        let [first, second, third] = [(); 3].map(|()| users.take().unwrap());
        assert_eq!([&first, &second, &third].map(id), [1_002, 1_000, 1_001]);
        assert!(matches!(users.take(), Err(DriverError::Limit(_))));
        drop(first);
        drop(third);
        assert_eq!(id(&users.take().unwrap()), 1_002);
        drop(second);
        assert_eq!(id(&users.take().unwrap()), 1_000, "not the one that was given back just now");
    }

    #[test]
    fn a_range_that_somebody_else_has_is_refused() {
        let range = HostIds::default();
        let subordinate = |line: &str| whoever_meets(range, line, 1, Some(2)).is_some();
        assert!(!subordinate("ubuntu:100000:65536\nother:2099999000:1000\n"));
        assert!(subordinate("ubuntu:100000:65536\nother:2099999000:1001\n"));
        assert!(subordinate("other:2100065535:1\n") && !subordinate("other:2100065536:1\n"));
        assert!(whoever_meets(range, "root:x:0:0::/:/bin/sh\nx:x:2100000000:1::/:\n", 2, None).is_some());
        assert!(whoever_meets(range, "root:x:0:0::/:/bin/sh\nnonsense\n", 2, None).is_none());
    }

    #[test]
    fn what_is_no_range_is_refused() {
        let last = |first, count| HostIds { first, count }.last();
        assert_eq!(last(2_100_000_000, 65_536), Some(2_100_065_535));
        assert_eq!(last(5, 1), Some(5));
        for (first, count) in [(0, 10), (1_000, 0), (u32::MAX - 1, 1), (u32::MAX - 10, 20)] {
            assert_eq!(last(first, count), None);
        }
    }

    #[test]
    fn an_id_is_looked_for_in_every_line_of_the_map() {
        let nobody = Identity::NOBODY;
        assert!(maps_id("         0          0 4294967295\n", nobody));
        assert!(maps_id("0 1000 1\n1 100000 65536\n", nobody));
        assert!(!maps_id("0 1000 1\n", nobody));
        assert!(!maps_id("0 1000 1\n1 100000 65533\n", nobody));
        assert!(!maps_id("", nobody));
    }
}
