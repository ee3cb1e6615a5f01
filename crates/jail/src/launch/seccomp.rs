//! The seccomp filter: a documented deny-list, assembled here as classic BPF.
//!
//! Capabilities and namespaces already refuse most of this; the filter takes the code behind it out of reach. Denied
//! are: foreign architectures and the x32 calls (by killing, by `ENOSYS`); every call newer than this list; making or
//! joining namespaces; mounting; tracing and reading other processes; keys, BPF, performance events, userfaultfd,
//! io_uring; kernel modules, kexec, reboot, swap, accounting, quotas; clocks and host names; handles that bypass paths;
//! sockets of any family but Unix, IPv4, IPv6 and routing netlink (`AF_VSOCK`, for one, knows no network namespace), and pairs of
//! any but Unix; and setting the limit of core dumps, which has one value that keeps them from the host's handler.

use std::io;

use nix::libc;

use super::LaunchError;

#[cfg(target_arch = "x86_64")]
const ARCHITECTURE: u32 = 0xC000_003E;
#[cfg(target_arch = "aarch64")]
const ARCHITECTURE: u32 = 0xC000_00B7;

/// `removexattrat`, the newest call this list was written with in mind (Linux 6.13). What came later, beginning with
/// `open_tree_attr`, answers as on an older kernel.
const LAST_REVIEWED: u32 = 466;

/// Answered with `EPERM`.
const DENIED: &[libc::c_long] = &[
    // Namespaces, mounts and roots.
    libc::SYS_unshare,
    libc::SYS_setns,
    libc::SYS_mount,
    libc::SYS_umount2,
    libc::SYS_pivot_root,
    libc::SYS_chroot,
    libc::SYS_open_tree,
    libc::SYS_move_mount,
    libc::SYS_fsopen,
    libc::SYS_fsconfig,
    libc::SYS_fsmount,
    libc::SYS_fspick,
    libc::SYS_mount_setattr,
    SYS_STATMOUNT,
    SYS_LISTMOUNT,
    // Other processes.
    libc::SYS_ptrace,
    libc::SYS_process_vm_readv,
    libc::SYS_process_vm_writev,
    libc::SYS_pidfd_getfd,
    libc::SYS_kcmp,
    libc::SYS_move_pages,
    libc::SYS_migrate_pages,
    // Kernel facilities with a long history of holes.
    libc::SYS_add_key,
    libc::SYS_request_key,
    libc::SYS_keyctl,
    libc::SYS_bpf,
    libc::SYS_perf_event_open,
    libc::SYS_userfaultfd,
    libc::SYS_fanotify_init,
    // The machine.
    libc::SYS_init_module,
    libc::SYS_finit_module,
    libc::SYS_delete_module,
    libc::SYS_kexec_load,
    libc::SYS_kexec_file_load,
    libc::SYS_reboot,
    libc::SYS_swapon,
    libc::SYS_swapoff,
    libc::SYS_acct,
    libc::SYS_quotactl,
    libc::SYS_quotactl_fd,
    libc::SYS_syslog,
    libc::SYS_vhangup,
    libc::SYS_sethostname,
    libc::SYS_setdomainname,
    libc::SYS_settimeofday,
    libc::SYS_clock_settime,
    libc::SYS_clock_adjtime,
    libc::SYS_adjtimex,
    // Files by handle instead of by path.
    libc::SYS_name_to_handle_at,
    libc::SYS_open_by_handle_at,
];

/// Since Linux 6.8; the same numbers everywhere.
const SYS_STATMOUNT: libc::c_long = 457;
const SYS_LISTMOUNT: libc::c_long = 458;

/// Calls that only this architecture has.
#[cfg(target_arch = "x86_64")]
const DENIED_HERE: &[libc::c_long] = &[
    libc::SYS_iopl,
    libc::SYS_ioperm,
    libc::SYS_modify_ldt,
    libc::SYS_uselib,
    libc::SYS_ustat,
    libc::SYS_sysfs,
];
#[cfg(not(target_arch = "x86_64"))]
const DENIED_HERE: &[libc::c_long] = &[];

/// Answered with `ENOSYS`, so that programs fall back: `clone3` hides its flags in memory where no filter sees them,
/// and libuv has its own thread pool instead of io_uring.
const ABSENT: &[libc::c_long] =
    &[libc::SYS_clone3, libc::SYS_io_uring_setup, libc::SYS_io_uring_enter, libc::SYS_io_uring_register];

/// Flags of `clone` that make namespaces.
const NAMESPACE_FLAGS: u32 = (libc::CLONE_NEWNS
    | libc::CLONE_NEWCGROUP
    | libc::CLONE_NEWUTS
    | libc::CLONE_NEWIPC
    | libc::CLONE_NEWUSER
    | libc::CLONE_NEWPID
    | libc::CLONE_NEWNET) as u32;

// Offsets into `struct seccomp_data`. Arguments are 64 bits wide; their low half comes first.
const NUMBER: u32 = 0;
const ARCH: u32 = 4;
const ARGUMENT_0: u32 = 16;
const ARGUMENT_1: u32 = 24;
const ARGUMENT_2: u32 = 32;
const HIGH_HALF: u32 = 4;

/// `RLIMIT_CORE` of getrlimit(2), which C libraries do not agree on the type of.
const CORE: u32 = 4;

const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
const IF_EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
const IF_GREATER: u16 = (libc::BPF_JMP | libc::BPF_JGT | libc::BPF_K) as u16;
const IF_ANY_BIT: u16 = (libc::BPF_JMP | libc::BPF_JSET | libc::BPF_K) as u16;
const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;

/// Installs the filter for this process and all its descendants. `no_new_privs` must be set already.
#[allow(unsafe_code, reason = "no crate here wraps seccomp with a filter of one's own")]
pub(super) fn install() -> Result<(), LaunchError> {
    let mut filter = assemble();
    let program = libc::sock_fprog {
        len: u16::try_from(filter.len())
            .map_err(|_| LaunchError::Seccomp(io::ErrorKind::InvalidInput.into()))?,
        filter: filter.as_mut_ptr(),
    };
    // SAFETY: `program` points at `filter`, which holds `len` complete instructions and outlives the call; the kernel
    // copies both and keeps no pointer.
    let result =
        unsafe { libc::syscall(libc::SYS_seccomp, libc::SECCOMP_SET_MODE_FILTER, 0, &raw const program) };
    if result == 0 { Ok(()) } else { Err(LaunchError::Seccomp(io::Error::last_os_error())) }
}

fn assemble() -> Vec<libc::sock_filter> {
    let not_permitted = refuse(libc::EPERM);
    let no_such_call = refuse(libc::ENOSYS);
    let no_such_family = refuse(libc::EAFNOSUPPORT);
    let mut filter = vec![
        step(LOAD, ARCH, 0, 0),
        step(IF_EQUAL, ARCHITECTURE, 1, 0),
        step(RETURN, libc::SECCOMP_RET_KILL_PROCESS, 0, 0),
        step(LOAD, NUMBER, 0, 0),
        // The x32 calls of x86-64 have bit 30 set, and so are above this too.
        step(IF_GREATER, LAST_REVIEWED, 0, 1),
        no_such_call,
    ];
    for number in ABSENT {
        filter.extend([step(IF_EQUAL, *number as u32, 0, 1), no_such_call]);
    }
    for number in DENIED.iter().chain(DENIED_HERE) {
        filter.extend([step(IF_EQUAL, *number as u32, 0, 1), not_permitted]);
    }
    let allow = step(RETURN, libc::SECCOMP_RET_ALLOW, 0, 0);
    filter.extend([
        step(IF_EQUAL, libc::SYS_clone as u32, 0, 4),
        step(LOAD, ARGUMENT_0, 0, 0),
        step(IF_ANY_BIT, NAMESPACE_FLAGS, 0, 1),
        not_permitted,
        allow,
        // `setrlimit(RLIMIT_CORE, …)`.
        step(IF_EQUAL, libc::SYS_setrlimit as u32, 0, 4),
        step(LOAD, ARGUMENT_0, 0, 0),
        step(IF_EQUAL, CORE, 0, 1),
        not_permitted,
        allow,
        // `prlimit64(…, RLIMIT_CORE, new, …)`; reading, with a null pointer for what is new, is anybody's.
        step(IF_EQUAL, libc::SYS_prlimit64 as u32, 0, 8),
        step(LOAD, ARGUMENT_1, 0, 0),
        step(IF_EQUAL, CORE, 0, 5),
        step(LOAD, ARGUMENT_2, 0, 0),
        step(IF_EQUAL, 0, 0, 2),
        step(LOAD, ARGUMENT_2 + HIGH_HALF, 0, 0),
        step(IF_EQUAL, 0, 1, 0),
        not_permitted,
        allow,
        // `socketpair`: routing netlink has no pairs, and the kernel makes none of IPv4 and IPv6.
        step(IF_EQUAL, libc::SYS_socketpair as u32, 0, 4),
        step(LOAD, ARGUMENT_0, 0, 0),
        step(IF_EQUAL, libc::AF_UNIX as u32, 0, 1),
        allow,
        no_such_family,
        step(IF_EQUAL, libc::SYS_socket as u32, 1, 0),
        allow,
        step(LOAD, ARGUMENT_0, 0, 0),
        step(IF_EQUAL, libc::AF_UNIX as u32, 5, 0),
        step(IF_EQUAL, libc::AF_INET as u32, 4, 0),
        step(IF_EQUAL, libc::AF_INET6 as u32, 3, 0),
        step(IF_EQUAL, libc::AF_NETLINK as u32, 0, 3),
        step(LOAD, ARGUMENT_2, 0, 0),
        step(IF_EQUAL, libc::NETLINK_ROUTE as u32, 0, 1),
        allow,
        no_such_family,
    ]);
    filter
}

fn refuse(errno: i32) -> libc::sock_filter {
    step(RETURN, libc::SECCOMP_RET_ERRNO | errno as u32, 0, 0)
}

/// One instruction; `yes` and `no` are how many instructions a comparison skips.
fn step(code: u16, k: u32, yes: u8, no: u8) -> libc::sock_filter {
    libc::sock_filter { code, jt: yes, jf: no, k }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Runs the filter as the kernel would.
    fn verdict(arch: u32, number: libc::c_long, arguments: [u64; 6]) -> u32 {
        let filter = assemble();
        let mut data = Vec::new();
        data.extend((number as u32).to_le_bytes());
        data.extend(arch.to_le_bytes());
        data.extend([0; 8]);
        arguments.iter().for_each(|argument| data.extend(argument.to_le_bytes()));
        let (mut at, mut accumulator) = (0_usize, 0_u32);
        loop {
            let libc::sock_filter { code, jt, jf, k } = filter[at];
            at += 1;
            let skip = |yes: bool| usize::from(if yes { jt } else { jf });
            match code {
                LOAD => accumulator = u32::from_le_bytes(data[k as usize..][..4].try_into().unwrap()),
                IF_EQUAL => at += skip(accumulator == k),
                IF_GREATER => at += skip(accumulator > k),
                IF_ANY_BIT => at += skip(accumulator & k != 0),
                RETURN => return k,
                other => panic!("unknown instruction {other}"),
            }
        }
    }

    fn errno(number: libc::c_long, arguments: [u64; 6]) -> u32 {
        match verdict(ARCHITECTURE, number, arguments) {
            libc::SECCOMP_RET_ALLOW => 0,
            other => other & 0xffff,
        }
    }

    #[test]
    fn ordinary_calls_pass_and_listed_ones_do_not() {
        let none = [0; 6];
        for number in [libc::SYS_read, libc::SYS_openat, libc::SYS_execve, libc::SYS_clone, libc::SYS_futex] {
            assert_eq!(errno(number, none), 0, "{number}");
        }
        for number in DENIED.iter().chain(DENIED_HERE) {
            assert_eq!(errno(*number, none), libc::EPERM as u32, "{number}");
        }
        for number in ABSENT {
            assert_eq!(errno(*number, none), libc::ENOSYS as u32, "{number}");
        }
        assert_eq!(errno(libc::SYS_unshare | 0x4000_0000, none), libc::ENOSYS as u32);
        assert_eq!(errno(i64::from(LAST_REVIEWED) + 1, none), libc::ENOSYS as u32);
        assert_eq!(verdict(0x4000_0003, libc::SYS_read, none), libc::SECCOMP_RET_KILL_PROCESS);
    }

    #[test]
    fn clone_makes_threads_and_processes_but_no_namespaces() {
        let thread = (libc::CLONE_VM | libc::CLONE_THREAD | libc::CLONE_SIGHAND) as u64;
        assert_eq!(errno(libc::SYS_clone, [thread, 0, 0, 0, 0, 0]), 0);
        assert_eq!(errno(libc::SYS_clone, [libc::CLONE_NEWUSER as u64, 0, 0, 0, 0, 0]), libc::EPERM as u32);
        assert_eq!(
            errno(libc::SYS_clone, [thread | libc::CLONE_NEWNS as u64, 0, 0, 0, 0, 0]),
            libc::EPERM as u32
        );
    }

    #[test]
    fn only_ordinary_socket_families_exist() {
        let socket = |family: i32, protocol: i32| {
            errno(libc::SYS_socket, [family as u64, 1, protocol as u64, 0, 0, 0])
        };
        for family in [libc::AF_UNIX, libc::AF_INET, libc::AF_INET6] {
            assert_eq!(socket(family, 0), 0);
        }
        assert_eq!(socket(libc::AF_NETLINK, libc::NETLINK_ROUTE), 0);
        for (family, protocol) in [
            (libc::AF_NETLINK, libc::NETLINK_AUDIT),
            (libc::AF_VSOCK, 0),
            (libc::AF_PACKET, 0),
            (libc::AF_ALG, 0),
        ] {
            assert_eq!(socket(family, protocol), libc::EAFNOSUPPORT as u32, "{family}");
        }
        assert_eq!(socket(libc::AF_UNIX | 0x100, 0), libc::EAFNOSUPPORT as u32);
    }

    #[test]
    fn only_unix_sockets_come_in_pairs() {
        let pair = |family: i32| errno(libc::SYS_socketpair, [family as u64, 1, 0, 0, 0, 0]);
        assert_eq!(pair(libc::AF_UNIX), 0);
        for family in [libc::AF_TIPC, libc::AF_INET, libc::AF_NETLINK, libc::AF_VSOCK] {
            assert_eq!(pair(family), libc::EAFNOSUPPORT as u32, "{family}");
        }
    }

    #[test]
    fn the_limit_of_core_dumps_is_read_and_never_set() {
        let (core, files) = (u64::from(CORE), 7);
        let set = |resource: u64| errno(libc::SYS_setrlimit, [resource, 0x7fff_0000, 0, 0, 0, 0]);
        assert_eq!((set(core), set(files)), (libc::EPERM as u32, 0));
        let both =
            |resource: u64, new: u64| errno(libc::SYS_prlimit64, [0, resource, new, 0x7fff_0000, 0, 0]);
        for new in [1, 0x7fff_0000, 0x7fff_0000_0000, 0x1_0000_0000] {
            assert_eq!((both(core, new), both(files, new)), (libc::EPERM as u32, 0), "{new:x}");
        }
        assert_eq!(both(core, 0), 0);
    }
}
