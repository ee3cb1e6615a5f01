//! Namespaces, mounts and system calls.

use nix::libc::{EAFNOSUPPORT, EINVAL, ENOSYS, EPERM};
use vitrine_jail::walls::Wall::{
    Capabilities, CgroupNamespace, CoveredProc, Filter, Keyring, Landlock, ProcessNamespace, UserNamespace,
};

use crate::attempt::Refusal::{Errno, Killed};
use crate::attempt::Tries::Inside;
use crate::attempt::{Attempt, Group, Proof, Refusal};

const NO: Refusal = Errno(&[EPERM]);
const NO_SUCH_CALL: Refusal = Errno(&[ENOSYS]);

const fn row(name: &'static str, words: &'static [&'static str], refused: Refusal, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Kernel, tries: Inside(words), refused, proof }
}

const ROOT_OF_THE_HOST: Proof = Proof::Without(&[Filter, Capabilities, UserNamespace]);
const MOUNTING: Proof = Proof::Without(&[Filter, Capabilities, UserNamespace, Landlock]);
const ROOT_INSIDE: Proof = Proof::Without(&[Filter, Capabilities]);
const FILTERED: Proof = Proof::Without(&[Filter]);

#[rustfmt::skip]
pub(crate) const TABLE: &[Attempt] = &[
    // Namespaces.
    row("unshare a user namespace", &["unshare", "user"], NO, FILTERED),
    row("clone into a user namespace", &["clone-user"], NO, FILTERED),
    row("clone3 into a user namespace", &["clone3-user"], NO_SUCH_CALL, FILTERED),
    row("unshare a mount namespace", &["unshare", "mount"], NO, ROOT_INSIDE),
    row("unshare a network namespace", &["unshare", "network"], NO, ROOT_INSIDE),
    row("unshare a process namespace", &["unshare", "process"], NO, ROOT_INSIDE),
    row("unshare an ipc namespace", &["unshare", "ipc"], NO, ROOT_INSIDE),
    row("unshare a host name namespace", &["unshare", "host-name"], NO, ROOT_INSIDE),
    row("unshare a cgroup namespace", &["unshare", "cgroup"], NO, ROOT_INSIDE),
    row("enter the own namespace again", &["join-namespace", "/proc/self/ns/uts"], NO, ROOT_OF_THE_HOST),
    row("enter the host's namespaces", &["join-namespace", "/proc/{victim}/ns/uts"], Errno(&[nix::libc::ENOENT]),
        Proof::Without(&[Filter, Capabilities, UserNamespace, Landlock, ProcessNamespace])),
    // Mounts.
    row("mount a file system", &["mount", "tmpfs"], NO, MOUNTING),
    row("mount control groups, for a release agent", &["mount", "cgroup", "memory"], NO, MOUNTING),
    row("mount the kernel's debugging files", &["mount", "debugfs"], NO, MOUNTING),
    row("mount the kernel's tracing files", &["mount", "tracefs"], NO, MOUNTING),
    row("mount the kernel's security files", &["mount", "securityfs"], NO, MOUNTING),
    row("mount handlers of binary formats", &["mount", "binfmt_misc"], NO, MOUNTING),
    row("mount as root of a new user namespace", &["mount-as-new-user"], NO, Proof::Without(&[Filter, Landlock])),
    row("mount a fresh proc over the covers", &["fresh-proc"], NO, Proof::Without(&[Filter, Landlock, CoveredProc])),
    row("remount the root to write", &["remount", "/"], NO, MOUNTING),
    row("make the root writable the new way", &["make-writable"], NO, ROOT_OF_THE_HOST),
    row("uncover a part of proc", &["unmount", "/proc/sys"], NO, MOUNTING),
    row("open a file system the new way", &["open-file-system"], NO, ROOT_OF_THE_HOST),
    row("clone the tree of mounts", &["clone-tree"], NO, ROOT_OF_THE_HOST),
    row("list mounts by number", &["list-mounts"], NO, FILTERED),
    row("change the root of the namespace", &["pivot-root"], NO, MOUNTING),
    row("change the own root", &["chroot"], NO, ROOT_INSIDE),
    // Facilities of the kernel with a history of holes.
    row("make a bpf map", &["bpf"], NO, ROOT_OF_THE_HOST),
    row("count performance events", &["perf"], NO, FILTERED),
    row("handle page faults", &["userfaultfd"], NO, FILTERED),
    row("set up io_uring", &["io-uring"], NO_SUCH_CALL, FILTERED),
    row("add a key", &["add-key"], NO, FILTERED),
    row("find a key of the server", &["find-key", "{key}"], NO, Proof::Without(&[Filter, Keyring])),
    row("watch the whole file system", &["fanotify"], NO, ROOT_OF_THE_HOST),
    row("open a file by handle, as shocker did", &["file-handle"], NO, ROOT_OF_THE_HOST),
    row("make a call that is newer than the filter", &["new-call"], NO_SUCH_CALL, FILTERED),
    row("make a call of 32-bit programs", &["old-call"], Killed, FILTERED),
    row("read segment descriptors", &["segments"], NO, FILTERED),
    row("open a vsock to the hypervisor", &["socket", "40", "1", "0"], Errno(&[EAFNOSUPPORT]), FILTERED),
    row("make a pair of vsocks", &["socket-pair", "40", "1", "0"], Errno(&[EAFNOSUPPORT]), FILTERED),
    row("listen to the kernel's device events", &["socket", "16", "3", "15"], Errno(&[EAFNOSUPPORT]), FILTERED),
    row("open netlink to the audit system", &["socket", "16", "3", "9"], Errno(&[EAFNOSUPPORT]), FILTERED),
    row("open netlink to the firewall", &["socket", "16", "3", "12"], Errno(&[EAFNOSUPPORT]), FILTERED),
    // The machine.
    row("reboot", &["reboot"], NO, ROOT_OF_THE_HOST),
    row("swap to a file", &["swapon"], NO, ROOT_OF_THE_HOST),
    row("read the kernel's log", &["kernel-log"], NO, ROOT_OF_THE_HOST),
    row("set the clock", &["clock"], NO, ROOT_OF_THE_HOST),
    row("set the host name", &["host-name"], NO, ROOT_OF_THE_HOST),
    row("reach ports of devices", &["port-access"], NO, ROOT_OF_THE_HOST),
    // Who one is.
    row("become another user", &["become-user"], Errno(&[EINVAL, EPERM]), Proof::Without(&[Capabilities, UserNamespace])),
    row("leave groups", &["leave-groups"], NO, Proof::Without(&[Capabilities, UserNamespace])),
    row("have capabilities after executing", &["capabilities"], NO, Proof::Without(&[Capabilities])),
    row("see the path of the control group", &["find-in", "/proc/self/cgroup", "vitrine-"],
        Errno(&[nix::libc::ENODATA]), Proof::Without(&[CgroupNamespace])),
    // Not on this kernel.
    row("load a module", &["init-module"], NO, Proof::Apart("this kernel has no modules")),
    row("load another kernel", &["kexec"], NO, Proof::Apart("this kernel cannot be replaced")),
    row("use the kernel's ciphers", &["socket", "38", "5", "0"], Errno(&[EAFNOSUPPORT]),
        Proof::Apart("this kernel has none for programs")),
];
