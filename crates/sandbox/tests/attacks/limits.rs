//! More than one's share. The sandboxes here have 192 MiB of memory, 48 processes, 32 MiB and 16,384 files of disk, 512
//! open files and a fifth of a core.

use nix::libc::{EAGAIN, EBUSY, EMFILE, ENOSPC};
use vitrine_jail::walls::Wall::{ControlGroup, DiskSize, ResourceLimits};

use crate::attempt::Refusal::{Errno, OutOfMemory};
use crate::attempt::Tries::Inside;
use crate::attempt::{Attempt, Group, Proof, Refusal};

const fn row(name: &'static str, words: &'static [&'static str], refused: Refusal, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Limits, tries: Inside(words), refused, proof }
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
];
