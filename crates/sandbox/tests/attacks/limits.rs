//! More than one's share. The sandboxes here have 192 MiB of memory, 48 processes, 32 MiB and 16,384 files of disk, 512
//! open files and a fifth of a core.

use nix::libc::{EAGAIN, EBUSY, EMFILE, ENOSPC, EPERM, ETOOMANYREFS};
use vitrine_jail::walls::Wall::{ControlGroup, DiskSize, Filter, OwnUser, ResourceLimits, UserLimits};

use crate::attempt::Refusal::{Errno, OutOfMemory};
use crate::attempt::Tries::{self, Inside};
use crate::attempt::{Attempt, Group, Proof, Refusal};
use crate::links::Deed;

const fn row(name: &'static str, words: &'static [&'static str], refused: Refusal, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Limits, tries: Inside(words), refused, proof }
}

const fn deed(name: &'static str, deed: Deed, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Limits, tries: Tries::With(deed), refused: Errno(&[ETOOMANYREFS]), proof }
}

const UNGROUPED: Proof = Proof::Without(&[ControlGroup]);
const BOUNDLESS: Proof = Proof::Without(&[DiskSize]);

#[rustfmt::skip]
pub(crate) const TABLE: &[Attempt] = &[
    row("fork without end", &["processes", "300"], Errno(&[EAGAIN]), UNGROUPED),
    row("use up the memory", &["memory", "256"], OutOfMemory, UNGROUPED),
    row("use up the processor", &["processor", "1200", "5000"], Errno(&[EBUSY]), UNGROUPED),
    row("fill the scratch directory", &["fill", "/tmp/fill", "64"], Errno(&[ENOSPC]), BOUNDLESS),
    row("fill the project", &["fill", "/workspace/app/fill", "64"], Errno(&[ENOSPC]), BOUNDLESS),
    row("fill shared memory", &["fill", "/dev/shm/fill", "64"], Errno(&[ENOSPC]), BOUNDLESS),
    row("make files without end", &["litter", "/tmp", "17000"], Errno(&[ENOSPC]), BOUNDLESS),
    row("open files without end", &["hoard", "600"], Errno(&[EMFILE]), Proof::Without(&[ResourceLimits])),
    row("watch without end", &["inotify", "100"], Errno(&[EMFILE]), Proof::Without(&[UserLimits])),
    row("watch files without end", &["watches", "66000"], Errno(&[ENOSPC]),
        Proof::Apart("how much a host lets a user watch depends on its memory")),
    row("have the host handle core dumps", &["dump-core"], Errno(&[EPERM]), Proof::Without(&[Filter])),
    deed("park descriptors that a neighbour's guest cannot pass then", Deed::ParkBesideNeighbour,
        Proof::Without(&[OwnUser, ResourceLimits])),
    deed("park descriptors that the own guest cannot pass then", Deed::ParkBesideGuest,
        Proof::Without(&[ResourceLimits])),
];
