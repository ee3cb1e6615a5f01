//! What the kernel must refuse a program inside: this test program launches itself into a sandbox, tries everything
//! there, and reports each error number.

#![allow(unsafe_code, reason = "the attacks are raw system calls")]
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]
#![allow(clippy::print_stdout, reason = "how the attacker reports")]

use std::collections::BTreeMap;
use std::ffi::CStr;
use std::fs::{self, File};
use std::io;
use std::net::{SocketAddr, TcpListener, TcpStream, UdpSocket};
use std::os::fd::{AsRawFd, OwnedFd};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::fs::{PermissionsExt, chown};
use std::os::unix::net::{SocketAddr as UnixAddr, UnixListener, UnixStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::ptr;
use std::time::Duration;

use nix::libc;
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use vitrine_jail::protocol::{CommandSpec, Ended, Message, Reply, Request, RequestFrame, frame};
use vitrine_jail::spec::{Identity, LaunchSpec};

/// Says, inside, where listeners wait outside: a TCP port and the name of an abstract Unix socket.
const PORT: &str = "ATTACK_PORT";
const ABSTRACT: &str = "ATTACK_ABSTRACT";

/// A user that no machine has.
const USER: u32 = 54_321;

const NOBODY: u32 = 65_534;

#[test]
fn everything_that_is_no_business_of_a_sandbox_is_refused() {
    let tcp = TcpListener::bind("0.0.0.0:0").unwrap();
    let name = format!("vitrine-refusals-{}", std::process::id());
    let _unix = UnixListener::bind_addr(&UnixAddr::from_abstract_name(&name).unwrap()).unwrap();
    let env = BTreeMap::from([
        (PORT.to_owned(), tcp.local_addr().unwrap().port().to_string()),
        (ABSTRACT.to_owned(), name),
    ]);
    let report = attack(env);
    let mut wrong = Vec::new();
    for (attempt, allowed) in expected() {
        let outcome = report.get(attempt).copied();
        if !outcome.is_some_and(|errno| allowed.contains(&errno)) {
            wrong.push(format!("{attempt}: {outcome:?}, not one of {allowed:?}"));
        }
    }
    assert!(wrong.is_empty() && report.len() == expected().len(), "{wrong:#?}\n{report:#?}");
}

#[test]
fn everything_is_refused_for_an_ordinary_user_too() {
    if !rustix::process::getuid().is_root() {
        return;
    }
    let dir = tempfile::tempdir().unwrap();
    fs::set_permissions(dir.path(), PermissionsExt::from_mode(0o711)).unwrap();
    let (program, scratch) = (dir.path().join("tests"), dir.path().join("tmp"));
    fs::copy(std::env::current_exe().unwrap(), &program).unwrap();
    fs::create_dir(&scratch).unwrap();
    chown(&scratch, Some(USER), Some(USER)).unwrap();
    let output = Command::new(program)
        .args(["--exact", "everything_that_is_no_business_of_a_sandbox_is_refused", "--nocapture"])
        .env("TMPDIR", &scratch)
        .current_dir(&scratch)
        .uid(USER)
        .gid(USER)
        .output()
        .unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let passed = output.status.success() && text(&output.stdout).contains("1 passed");
    assert!(passed, "as a user:\n{}\n{}", text(&output.stdout), text(&output.stderr));
}

/// Launches a sandbox, runs [`attacker`] in it, and returns error numbers by attempt; zero for a success.
fn attack(env: BTreeMap<String, String>) -> BTreeMap<String, i32> {
    let dir = tempfile::tempdir().unwrap();
    let root = dir.path().join("root");
    make_root(&root);
    let mount_point = dir.path().join("mnt");
    fs::create_dir(&mount_point).unwrap();
    let spec = LaunchSpec {
        cgroup_procs: Vec::new(),
        identity: match rustix::process::getuid().is_root() {
            true => Identity::Mapped { uid: NOBODY, gid: NOBODY },
            false => Identity::Myself,
        },
        mount_point,
        root,
        mounts: Vec::new(),
        disk_bytes: 1 << 20,
        disk_inodes: 1024,
        open_files: 256,
        processes: None,
    };
    let (mut control, inside) = UnixStream::pair().unwrap();
    control.set_read_timeout(Some(Duration::from_secs(60))).unwrap();
    let (_dial, dial_inside) =
        socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None).unwrap();
    let mut launcher = Command::new(env!("CARGO_BIN_EXE_vitrine-guest"))
        .arg("launch")
        .stdin(OwnedFd::from(inside))
        .stdout(dial_inside)
        .stderr(Stdio::inherit())
        .spawn()
        .unwrap();
    frame::write(&mut control, &spec, &[]).unwrap();
    let Message::Launched { pid } = next(&mut control).0 else { panic!("not launched") };
    assert_eq!(next(&mut control).0, Message::Ready);
    launcher.wait().unwrap();
    let report = run_attacker(&mut control, env);
    drop(control);
    // The guest ends because its server has gone; it is a child of this process.
    let pid = rustix::process::Pid::from_raw(pid);
    rustix::process::waitpid(pid, rustix::process::WaitOptions::empty()).unwrap();
    report
}

fn run_attacker(control: &mut UnixStream, env: BTreeMap<String, String>) -> BTreeMap<String, i32> {
    let argv = ["/bin/sh", "--exact", "attacker", "--ignored", "--nocapture"].map(str::to_owned).to_vec();
    let command = CommandSpec { argv, env, cwd: "/tmp".to_owned() };
    let request = Request::Exec { command, timeout_ms: 30_000, max_output_bytes: 1 << 20 };
    frame::write(control, &RequestFrame { id: 1, request }, &[]).unwrap();
    let (message, payload) = next(control);
    let text = String::from_utf8_lossy(&payload).into_owned();
    let Message::Reply { id: 1, reply: Reply::Exec { exit, .. } } = message else { panic!("{message:?}") };
    assert_eq!(exit, Ended::Code { code: 0 }, "{text}");
    let lines = text.lines().filter_map(|line| line.strip_prefix("attempt ")?.split_once(": "));
    lines.map(|(attempt, errno)| (attempt.to_owned(), errno.parse().unwrap())).collect()
}

fn next(control: &mut UnixStream) -> (Message, Vec<u8>) {
    frame::read(control).unwrap().expect("the sandbox is gone")
}

/// A root with this very program as its shell, and what it is linked with.
fn make_root(root: &Path) {
    let program = std::env::current_exe().unwrap();
    let copy = |from: &Path, to: PathBuf| {
        fs::create_dir_all(to.parent().unwrap()).unwrap();
        fs::copy(from, to).unwrap();
    };
    copy(&program, root.join("bin/sh"));
    let loader = ["/lib64/ld-linux-x86-64.so.2", "/lib/ld-linux-aarch64.so.1"];
    let loader = loader.map(Path::new).into_iter().find(|loader| loader.exists()).expect("glibc");
    copy(loader, root.join(loader.strip_prefix("/").unwrap()));
    let listed = Command::new(loader).arg("--list").arg(&program).output().unwrap();
    for line in String::from_utf8(listed.stdout).unwrap().lines() {
        if let Some(path) = line.split_once("=> ").and_then(|(_, rest)| rest.split(" (").next()) {
            copy(Path::new(path), root.join(path.trim_start_matches('/')));
        }
    }
}

/// What each attempt must end with.
fn expected() -> Vec<(&'static str, &'static [i32])> {
    const NO: &[i32] = &[libc::EPERM];
    const ABSENT: &[i32] = &[libc::ENOSYS];
    const CLOSED: &[i32] = &[libc::EACCES, libc::EPERM];
    const READ_ONLY: &[i32] = &[libc::EROFS];
    const NO_FAMILY: &[i32] = &[libc::EAFNOSUPPORT];
    vec![
        ("mount", NO),
        ("umount2", NO),
        ("move_mount", NO),
        ("fsopen", NO),
        ("pivot_root", NO),
        ("chroot", NO),
        ("unshare user", NO),
        ("unshare net", NO),
        ("clone user", NO),
        ("clone3", ABSENT),
        ("setns", NO),
        ("ptrace attach", NO),
        ("ptrace me", NO),
        ("process_vm_readv", NO),
        ("pidfd_getfd", NO),
        ("keyctl", NO),
        ("add_key", NO),
        ("bpf", NO),
        ("perf_event_open", NO),
        ("userfaultfd", NO),
        ("io_uring_setup", ABSENT),
        ("future call", ABSENT),
        ("init_module", NO),
        ("finit_module", NO),
        ("kexec_load", NO),
        ("reboot", NO),
        ("swapon", NO),
        ("clock_settime", NO),
        ("settimeofday", NO),
        ("sethostname", NO),
        ("syslog", NO),
        ("open_by_handle_at", NO),
        ("mknod device", NO),
        ("setuid other", &[libc::EINVAL, libc::EPERM]),
        ("setgroups", NO),
        ("raise files", NO),
        ("real-time scheduling", NO),
        ("higher priority", CLOSED),
        ("raw socket", NO),
        ("packet socket", NO_FAMILY),
        ("vsock socket", NO_FAMILY),
        ("alg socket", NO_FAMILY),
        ("audit socket", NO_FAMILY),
        ("guest memory", CLOSED),
        ("guest environment", CLOSED),
        ("guest program", CLOSED),
        ("guest root", CLOSED),
        ("guest descriptors", CLOSED),
        ("write /etc", READ_ONLY),
        ("write /proc/sys", &[libc::EROFS, libc::EACCES]),
        ("write masked", &[libc::EROFS, libc::EACCES]),
        ("connect to the host", &[libc::ECONNREFUSED]),
        ("connect to metadata", &[libc::ENETUNREACH]),
        ("send to a name server", &[libc::ENETUNREACH]),
        ("abstract socket of the host", &[libc::ECONNREFUSED]),
    ]
}

/// Run inside by [`attack`]; nothing to run elsewhere.
#[test]
#[ignore = "only makes sense inside a sandbox"]
fn attacker() {
    namespaces_and_mounts();
    other_processes();
    kernel_facilities();
    identity_and_limits();
    sockets();
    files();
    // Process 1 takes no signal from inside; that it still answers is the proof.
    let guest = rustix::process::Pid::INIT;
    rustix::process::kill_process(guest, rustix::process::Signal::KILL).unwrap();
}

fn report(attempt: &str, call: impl FnOnce() -> libc::c_long) {
    let result = call();
    let errno = if result < 0 { io::Error::last_os_error().raw_os_error().unwrap_or(-1) } else { 0 };
    println!("attempt {attempt}: {errno}");
}

fn report_io<T>(attempt: &str, outcome: io::Result<T>) {
    println!("attempt {attempt}: {}", outcome.err().map_or(0, |error| error.raw_os_error().unwrap_or(-1)));
}

fn namespaces_and_mounts() {
    let (none, tmp): (&CStr, &CStr) = (c"none", c"/tmp");
    // SAFETY: every pointer is null or to a C string that lives for the program, and a call that succeeded would
    // change this process in no way that memory depends on: a `clone` without CLONE_VM is a fork.
    unsafe {
        report("mount", || {
            let data = ptr::null();
            libc::mount(none.as_ptr(), tmp.as_ptr(), c"tmpfs".as_ptr(), 0, data).into()
        });
        report("umount2", || libc::umount2(c"/proc".as_ptr(), libc::MNT_DETACH).into());
        report("move_mount", || libc::syscall(libc::SYS_move_mount, -1, tmp.as_ptr(), -1, tmp.as_ptr(), 0));
        report("fsopen", || libc::syscall(libc::SYS_fsopen, c"tmpfs".as_ptr(), 0));
        report("pivot_root", || libc::syscall(libc::SYS_pivot_root, tmp.as_ptr(), tmp.as_ptr()));
        report("chroot", || libc::chroot(tmp.as_ptr()).into());
        report("unshare user", || libc::unshare(libc::CLONE_NEWUSER).into());
        report("unshare net", || libc::unshare(libc::CLONE_NEWNET).into());
        let flags = libc::CLONE_NEWUSER | libc::SIGCHLD;
        report("clone user", || libc::syscall(libc::SYS_clone, flags, 0, 0, 0, 0));
        report("clone3", || libc::syscall(libc::SYS_clone3, 0, 0));
        let namespace = File::open("/proc/self/ns/net").unwrap();
        report("setns", || libc::setns(namespace.as_raw_fd(), 0).into());
    }
}

fn other_processes() {
    // SAFETY: no call gets a pointer that it could write through.
    unsafe {
        report("ptrace attach", || libc::ptrace(libc::PTRACE_ATTACH, 1, 0, 0));
        report("ptrace me", || libc::ptrace(libc::PTRACE_TRACEME, 0, 0, 0));
        report("process_vm_readv", || libc::syscall(libc::SYS_process_vm_readv, 1, 0, 0, 0, 0, 0));
        report("pidfd_getfd", || libc::syscall(libc::SYS_pidfd_getfd, -1, 0, 0));
    }
}

fn kernel_facilities() {
    // SAFETY: every pointer is null, to a C string that lives for the program, or to `time`, which outlives its call.
    unsafe {
        report("keyctl", || libc::syscall(libc::SYS_keyctl, 0, -3, 0, 0, 0));
        report("add_key", || {
            libc::syscall(libc::SYS_add_key, c"user".as_ptr(), c"k".as_ptr(), c"v".as_ptr(), 1, -3)
        });
        report("bpf", || libc::syscall(libc::SYS_bpf, 0, 0, 0));
        report("perf_event_open", || libc::syscall(libc::SYS_perf_event_open, 0, 0, -1, -1, 0));
        report("userfaultfd", || libc::syscall(libc::SYS_userfaultfd, 1));
        report("io_uring_setup", || libc::syscall(libc::SYS_io_uring_setup, 1, 0));
        report("future call", || libc::syscall(467, 0, 0, 0, 0, 0));
        report("init_module", || libc::syscall(libc::SYS_init_module, 0, 0, 0));
        report("finit_module", || libc::syscall(libc::SYS_finit_module, -1, 0, 0));
        report("kexec_load", || libc::syscall(libc::SYS_kexec_load, 0, 0, 0, 0));
        report("reboot", || libc::syscall(libc::SYS_reboot, 0, 0, 0, 0));
        report("swapon", || libc::swapon(c"/tmp/x".as_ptr(), 0).into());
        let time = libc::timespec { tv_sec: 1, tv_nsec: 0 };
        report("clock_settime", || libc::clock_settime(libc::CLOCK_REALTIME, &raw const time).into());
        report("settimeofday", || libc::syscall(libc::SYS_settimeofday, 0, 0));
        report("sethostname", || libc::sethostname(c"x".as_ptr(), 1).into());
        report("syslog", || libc::syscall(libc::SYS_syslog, 3, 0, 0));
        report("open_by_handle_at", || libc::syscall(libc::SYS_open_by_handle_at, -1, 0, 0));
    }
}

fn identity_and_limits() {
    // SAFETY: the pointers are null, to a C string that lives for the program, or to `limit` and `parameter`, which are
    // complete and outlive the calls.
    unsafe {
        let memory_device = libc::makedev(1, 1);
        report("mknod device", || {
            libc::mknod(c"/tmp/mem".as_ptr(), libc::S_IFCHR | 0o666, memory_device).into()
        });
        report("setuid other", || libc::setuid(1000).into());
        report("setgroups", || libc::setgroups(0, ptr::null()).into());
        let mut limit = libc::rlimit { rlim_cur: 0, rlim_max: 0 };
        libc::getrlimit(libc::RLIMIT_NOFILE, &raw mut limit);
        limit.rlim_max += 1;
        report("raise files", || libc::setrlimit(libc::RLIMIT_NOFILE, &raw const limit).into());
        let parameter = libc::sched_param { sched_priority: 1 };
        report("real-time scheduling", || {
            libc::sched_setscheduler(0, libc::SCHED_FIFO, &raw const parameter).into()
        });
        report("higher priority", || libc::setpriority(libc::PRIO_PROCESS, 0, -20).into());
    }
}

fn sockets() {
    // SAFETY: the arguments are numbers only.
    let socket = |family, kind, protocol| unsafe { libc::c_long::from(libc::socket(family, kind, protocol)) };
    report("raw socket", || socket(libc::AF_INET, libc::SOCK_RAW, libc::IPPROTO_ICMP));
    report("packet socket", || socket(libc::AF_PACKET, libc::SOCK_RAW, 0));
    report("vsock socket", || socket(libc::AF_VSOCK, libc::SOCK_STREAM, 0));
    report("alg socket", || socket(libc::AF_ALG, libc::SOCK_SEQPACKET, 0));
    report("audit socket", || socket(libc::AF_NETLINK, libc::SOCK_RAW, libc::NETLINK_AUDIT));
    let port: u16 = std::env::var(PORT).unwrap().parse().unwrap();
    report_io("connect to the host", TcpStream::connect(("127.0.0.1", port)));
    let metadata = SocketAddr::from(([169, 254, 169, 254], 80));
    report_io("connect to metadata", TcpStream::connect_timeout(&metadata, Duration::from_secs(2)));
    let udp = UdpSocket::bind("0.0.0.0:0").unwrap();
    report_io("send to a name server", udp.send_to(b"?", "8.8.8.8:53"));
    let name = UnixAddr::from_abstract_name(std::env::var(ABSTRACT).unwrap()).unwrap();
    report_io("abstract socket of the host", UnixStream::connect_addr(&name));
}

fn files() {
    let write = |path: &str| File::options().write(true).open(path);
    report_io("guest memory", File::open("/proc/1/mem"));
    report_io("guest environment", File::open("/proc/1/environ"));
    report_io("guest program", fs::read_link("/proc/1/exe"));
    report_io("guest root", fs::read_dir("/proc/1/root"));
    report_io("guest descriptors", File::open("/proc/1/fd/3"));
    report_io("write /etc", write("/etc/passwd"));
    report_io("write /proc/sys", write("/proc/sys/kernel/core_pattern"));
    report_io("write masked", write("/proc/interrupts"));
}
