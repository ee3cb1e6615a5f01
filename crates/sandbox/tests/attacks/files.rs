//! Files and devices, `/proc` and `/sys`, descriptors and environment.

use nix::libc::{EACCES, EBADF, EINVAL, ENODATA, ENOENT, EPERM, EROFS};
use vitrine_jail::walls::Wall::{
    Capabilities, CommandDescriptors, CoveredProc, Landlock, LauncherDescriptors, NoHostFiles, PlainMounts,
    PrivateDevices, ReadOnlyRoot, UserNamespace,
};

use crate::attempt::Refusal::Errno;
use crate::attempt::Tries::{self, Inside};
use crate::attempt::{Attempt, Group, Proof, Refusal};
use crate::links::Deed;

const NO: Refusal = Errno(&[EPERM]);
const CLOSED: Refusal = Errno(&[EPERM, EACCES]);
const READ_ONLY: Refusal = Errno(&[EROFS, EACCES]);
const NOT_THERE: Refusal = Errno(&[ENOENT]);
const COVERED: Refusal = Errno(&[ENODATA]);

const fn row(name: &'static str, words: &'static [&'static str], refused: Refusal, proof: Proof) -> Attempt {
    with(name, Inside(words), refused, proof)
}

const fn with(name: &'static str, tries: Tries, refused: Refusal, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Files, tries, refused, proof }
}

const WRITABLE_ROOT: Proof = Proof::Without(&[ReadOnlyRoot, Landlock]);
const HOST_FILES: Proof = Proof::Without(&[NoHostFiles]);
const HOST_FILES_AS_ROOT: Proof = Proof::Without(&[NoHostFiles, UserNamespace]);
const HOST_FILES_TO_WRITE: Proof = Proof::Without(&[NoHostFiles, UserNamespace, Landlock]);
const OPEN_PROC: Proof = Proof::Without(&[CoveredProc]);
const OPEN_PROC_AS_ROOT: Proof = Proof::Without(&[CoveredProc, UserNamespace]);
const HOST_DEVICES: Proof = Proof::Without(&[PrivateDevices, Landlock]);
const HOST_DEVICES_AS_ROOT: Proof = Proof::Without(&[PrivateDevices, UserNamespace]);
const HOST_DEVICES_TO_WRITE: Proof = Proof::Without(&[PrivateDevices, UserNamespace, Landlock]);

#[rustfmt::skip]
pub(crate) const TABLE: &[Attempt] = &[
    // The own root and what is shared.
    row("put a file into the root", &["create", "/planted"], READ_ONLY, WRITABLE_ROOT),
    row("replace a program of the root", &["open-to-write", "/usr/bin/env"], READ_ONLY,
        Proof::Without(&[ReadOnlyRoot, Landlock, UserNamespace])),
    row("change who the users are", &["open-to-write", "/etc/passwd"], READ_ONLY,
        Proof::Without(&[ReadOnlyRoot, Landlock, UserNamespace])),
    row("put a file into a shared layer", &["create", "/opt/shared/planted"], READ_ONLY, WRITABLE_ROOT),
    // The host's files.
    row("read a file of the host", &["read", "{at}{dir}/secret"], NOT_THERE, HOST_FILES),
    row("write a file of the host", &["open-to-write", "{at}{dir}/secret"], NOT_THERE,
        Proof::Without(&[NoHostFiles, Landlock])),
    row("read the host's passwords", &["read", "{at}/etc/shadow"], NOT_THERE, HOST_FILES_AS_ROOT),
    row("connect to a socket of the host, such as Docker's", &["connect-file", "{at}{dir}/socket"], NOT_THERE, HOST_FILES),
    row("name a release agent", &["open-to-write", "{at}{groups}/release_agent"], NOT_THERE, HOST_FILES_TO_WRITE),
    row("leave the control group", &["open-to-write", "{at}{groups}/cgroup.procs"], NOT_THERE, HOST_FILES_TO_WRITE),
    row("look into the kernel's objects", &["list", "{at}/sys/kernel"], NOT_THERE, HOST_FILES),
    row("change a setting in sys", &["open-to-write", "{at}/sys/kernel/mm/transparent_hugepage/enabled"], NOT_THERE,
        HOST_FILES_TO_WRITE),
    row("name a helper for device events", &["open-to-write", "{at}/sys/kernel/uevent_helper"], NOT_THERE,
        Proof::Apart("this kernel calls none")),
    row("see the host's processes through its proc", &["read", "{at}/proc/{victim}/cmdline"], NOT_THERE, HOST_FILES),
    // proc.
    row("name a program for core dumps", &["open-to-write", "/proc/sys/kernel/core_pattern"], READ_ONLY, OPEN_PROC_AS_ROOT),
    row("name a program for switching off", &["open-to-write", "/proc/sys/kernel/poweroff_cmd"], READ_ONLY,
        OPEN_PROC_AS_ROOT),
    row("make the kernel panic for lack of memory", &["open-to-write", "/proc/sys/vm/panic_on_oom"], READ_ONLY,
        OPEN_PROC_AS_ROOT),
    row("drop the host's caches", &["open-to-write", "/proc/sys/vm/drop_caches"], READ_ONLY, OPEN_PROC_AS_ROOT),
    row("move interrupts", &["open-to-write", "/proc/irq/default_smp_affinity"], Errno(&[ENOENT]), OPEN_PROC_AS_ROOT),
    row("press the magic key", &["open-to-write", "/proc/sysrq-trigger"], Errno(&[ENOENT, EROFS]),
        Proof::Apart("this kernel has no magic key")),
    row("name a program that loads modules", &["open-to-write", "/proc/sys/kernel/modprobe"], Errno(&[ENOENT, EROFS, EACCES]),
        Proof::Apart("this kernel has no modules")),
    row("read the kernel's memory", &["read", "/proc/kcore"], Errno(&[ENOENT, ENODATA]),
        Proof::Apart("this kernel does not show it")),
    row("read where the kernel's functions are", &["read", "/proc/kallsyms"], COVERED, OPEN_PROC),
    row("read how the machine was started", &["read", "/proc/cmdline"], COVERED, OPEN_PROC),
    row("change how memory is cached", &["open-to-write", "/proc/mtrr"], READ_ONLY,
        Proof::Without(&[CoveredProc, UserNamespace, Capabilities])),
    row("read the kernel's timers", &["read", "/proc/timer_list"], COVERED, OPEN_PROC_AS_ROOT),
    row("read the kernel's allocations", &["read", "/proc/slabinfo"], COVERED, OPEN_PROC_AS_ROOT),
    row("read the interrupts of others", &["read", "/proc/interrupts"], COVERED, OPEN_PROC),
    row("read how busy the host is", &["read", "/proc/pressure/cpu"], NOT_THERE, OPEN_PROC),
    row("read the host's partitions", &["read", "/proc/partitions"], COVERED, OPEN_PROC),
    // Devices.
    row("write to the kernel's log", &["open-to-write", "/dev/kmsg"], NOT_THERE, HOST_DEVICES_TO_WRITE),
    row("open the host's disk", &["open", "{disk}"], NOT_THERE, HOST_DEVICES_AS_ROOT),
    row("open a device for file systems of programs", &["open-to-both", "/dev/fuse"], NOT_THERE, HOST_DEVICES),
    row("open a device for networks", &["open-to-both", "/dev/net/tun"], NOT_THERE, HOST_DEVICES),
    row("open a device for loops", &["open", "/dev/loop-control"], NOT_THERE, HOST_DEVICES_AS_ROOT),
    row("open a terminal of the host", &["open", "/dev/console"], NOT_THERE, HOST_DEVICES_AS_ROOT),
    row("open the machine's memory", &["open", "/dev/mem"], NOT_THERE, Proof::Apart("this kernel has no such device")),
    row("make a block device", &["make-device", "{major}", "{minor}"], CLOSED,
        Proof::Without(&[Capabilities, UserNamespace, Landlock])),
    row("make a block device and read the disk", &["read-made-device", "{major}", "{minor}"], CLOSED,
        Proof::Without(&[Capabilities, UserNamespace, Landlock, PlainMounts])),
    row("give a file to another user", &["give-away"], Errno(&[EINVAL, EPERM]),
        Proof::Without(&[Capabilities, UserNamespace])),
    with("leave a program of root's on the host", Tries::With(Deed::LeaveRootsProgram), NO,
        Proof::Without(&[UserNamespace])),
    // Descriptors.
    row("read a folder that the server forgot to close", &["read-descriptors", "secret"], Errno(&[EBADF]),
        Proof::Without(&[LauncherDescriptors, CommandDescriptors])),
    with("work in a folder that the server forgot to close", Tries::With(Deed::WorkInLeakedFolder), NOT_THERE,
        Proof::Without(&[LauncherDescriptors])),
    with("find something of the server's environment", Tries::With(Deed::ReadEnvironment), Errno(&[ENODATA]),
        Proof::Apart("the environment is written out, not taken away")),
];
