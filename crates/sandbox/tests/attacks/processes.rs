//! Other processes: of the host, and the guest.

use nix::libc::{EACCES, EINVAL, ENOENT, EPERM, ESRCH};
use vitrine_jail::walls::Wall::{
    Capabilities, ClosedGuest, ControlGroup, Filter, IpcNamespace, Landlock, ProcessNamespace, UserNamespace,
};

use crate::attempt::Refusal::Errno;
use crate::attempt::Tries::Inside;
use crate::attempt::{Attempt, Group, Proof, Refusal};

const NO: Refusal = Errno(&[EPERM]);
const CLOSED: Refusal = Errno(&[EACCES, EPERM]);
const NOT_THERE: Refusal = Errno(&[ENOENT]);
const NOBODY_THERE: Refusal = Errno(&[ESRCH]);

const fn row(name: &'static str, words: &'static [&'static str], refused: Refusal, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Processes, tries: Inside(words), refused, proof }
}

/// `CAP_SYS_RESOURCE`, which the root of some containers and machines lacks.
const RESOURCES: Proof = Proof::WithoutWhereRootHas(24, &[Capabilities, UserNamespace]);
const OPEN_GUEST: Proof = Proof::Without(&[ClosedGuest]);
const OPEN_GUEST_CALL: Proof = Proof::Without(&[ClosedGuest, Filter]);

#[rustfmt::skip]
pub(crate) const TABLE: &[Attempt] = &[
    // The host's.
    row("see a process of the host", &["see-process", "{victim}", "{victim name}"], NOT_THERE,
        Proof::Without(&[ProcessNamespace])),
    row("signal a process of the host", &["signal", "{victim}"], NOBODY_THERE,
        Proof::Without(&[ProcessNamespace, UserNamespace, Landlock])),
    row("slow down a process of the host", &["slow-down", "{victim}"], NOBODY_THERE,
        Proof::Without(&[ProcessNamespace, UserNamespace, Capabilities])),
    row("trace a process of the host", &["trace", "{victim}"], NO,
        Proof::Without(&[ProcessNamespace, UserNamespace, Capabilities, Landlock, Filter])),
    row("read the memory of a process of the host", &["read-memory", "{victim}"], NO,
        Proof::Without(&[ProcessNamespace, UserNamespace, Capabilities, Landlock, Filter])),
    row("read the environment of a process of the host", &["read", "/proc/{victim}/environ"], NOT_THERE,
        Proof::Without(&[ProcessNamespace, UserNamespace, Capabilities])),
    row("go through a process of the host to its root", &["read", "/proc/{victim}/root/{dir}/secret"], NOT_THERE,
        Proof::Without(&[ProcessNamespace, UserNamespace, Capabilities, Landlock])),
    row("find shared memory of the host", &["shared-memory", "{ipc}"], NOT_THERE, Proof::Without(&[IpcNamespace])),
    row("find a message queue of the host", &["message-queue", "{ipc}"], NOT_THERE, Proof::Without(&[IpcNamespace])),
    // The guest.
    row("trace oneself", &["trace-me"], NO, Proof::Without(&[Filter])),
    row("trace the guest", &["trace", "1"], NO, OPEN_GUEST_CALL),
    row("read the guest's memory by call", &["read-memory", "1"], NO, OPEN_GUEST_CALL),
    row("take a socket out of the guest", &["take-socket", "1"], NO, OPEN_GUEST_CALL),
    row("open the guest's memory", &["open-to-both", "/proc/1/mem"], CLOSED, OPEN_GUEST),
    row("follow the guest's descriptors", &["follow", "/proc/1/fd/0"], CLOSED, OPEN_GUEST),
    row("go through the guest to its root", &["list", "/proc/1/root"], CLOSED, OPEN_GUEST),
    row("go through the guest to its working directory", &["list", "/proc/1/cwd"], CLOSED, OPEN_GUEST),
    row("find the launcher's program", &["follow", "/proc/1/exe"], CLOSED, OPEN_GUEST),
    row("open the launcher's program, as against runc", &["open", "/proc/1/exe"], CLOSED, OPEN_GUEST),
    row("watch what the guest does in the kernel", &["read", "/proc/1/stack"], CLOSED,
        Proof::Apart("a stack is shown to the host's root only")),
    row("enter a namespace through the guest", &["open", "/proc/1/ns/user"], CLOSED, OPEN_GUEST),
    // The own share of attention.
    row("run in real time", &["real-time"], Errno(&[EPERM, EINVAL]),
        Proof::Without(&[Capabilities, UserNamespace, ControlGroup])),
    row("run before others", &["priority"], CLOSED, Proof::Without(&[Capabilities, UserNamespace])),
    row("be spared when memory runs out", &["spare-me"], CLOSED, RESOURCES),
    row("raise the own limits", &["raise-limit"], NO, RESOURCES),
];
