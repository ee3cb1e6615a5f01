//! More than its share: processes, memory, processor, files.

use std::fs::File;
use std::io::{self, IoSlice, Write as _};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd as _, BorrowedFd, OwnedFd};
use std::thread;
use std::time::{Duration, Instant};

use nix::libc;
use rustix::net::{
    AddressFamily, SendAncillaryBuffer, SendAncillaryMessage, SendFlags, SocketFlags, SocketType, sendmsg,
    socketpair,
};
use rustix::process::{Resource, Rlimit, Signal, kill_process, setrlimit};
use rustix::time::{ClockId, clock_gettime};

use super::{Attempt, argument, number};

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("processes", processes),
    ("memory", memory),
    ("processor", processor),
    ("fill", fill),
    ("litter", litter),
    ("hoard", hoard),
    ("park", park),
    ("inotify", inotify),
    ("watches", watches),
    ("dump-core", |_| dump_core()),
];

/// As many children as asked for, all at once.
#[allow(unsafe_code, reason = "a child that only waits needs a plain fork")]
fn processes(arguments: &[String]) -> io::Result<()> {
    let wanted: usize = number(arguments, 0)?;
    let mut children = Vec::with_capacity(wanted);
    let mut outcome = Ok(());
    while children.len() < wanted {
        // SAFETY: this program has one thread; the child only waits to be killed.
        match unsafe { libc::fork() } {
            0 => loop {
                thread::park();
            },
            child => match rustix::process::Pid::from_raw(child).filter(|_| child > 0) {
                Some(child) => children.push(child),
                None => {
                    outcome = Err(io::Error::last_os_error());
                    break;
                }
            },
        }
    }
    for child in children {
        kill_process(child, Signal::KILL)?;
    }
    outcome
}

/// As many MiB as asked for, each page of them touched.
fn memory(arguments: &[String]) -> io::Result<()> {
    let mebibytes: usize = number(arguments, 0)?;
    let held: Vec<Vec<u8>> = (0..mebibytes).map(|_| vec![1; 1 << 20]).collect();
    // The sum keeps the pages from being optimised away.
    match held.iter().map(|part| part.iter().map(|byte| usize::from(*byte)).sum::<usize>()).sum::<usize>() {
        0 => Err(io::ErrorKind::InvalidData.into()),
        _ => Ok(()),
    }
}

/// As much processor time as asked for (in milliseconds), within as much time (the same).
fn processor(arguments: &[String]) -> io::Result<()> {
    const THREADS: usize = 4;
    let wanted = Duration::from_millis(number(arguments, 0)?);
    let within = Duration::from_millis(number(arguments, 1)?);
    let until = Instant::now() + within;
    let spun = || -> Duration {
        let now = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(u64::try_from(now.tv_sec).unwrap_or(0), u32::try_from(now.tv_nsec).unwrap_or(0))
    };
    thread::scope(|scope| {
        for _ in 0..THREADS {
            scope.spawn(|| while Instant::now() < until && spun() < wanted {});
        }
    });
    match spun() >= wanted {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::EBUSY)),
    }
}

/// As many MiB into one file.
fn fill(arguments: &[String]) -> io::Result<()> {
    let mut file = File::create(argument(arguments, 0)?)?;
    let block = vec![1; 1 << 20];
    (0..number::<usize>(arguments, 1)?).try_for_each(|_| file.write_all(&block))
}

/// As many files into a folder.
fn litter(arguments: &[String]) -> io::Result<()> {
    let folder = argument(arguments, 0)?;
    (0..number::<usize>(arguments, 1)?)
        .try_for_each(|index| File::create(format!("{folder}/{index}")).map(drop))
}

/// As many open files.
fn hoard(arguments: &[String]) -> io::Result<()> {
    let wanted: usize = number(arguments, 0)?;
    let held: io::Result<Vec<File>> = (0..wanted).map(|_| File::open("/dev/null")).collect();
    held.map(drop)
}

/// Puts open files on their way through sockets, where no limit on what a process has open sees them, until the kernel takes
/// no more; makes the named file then, and stays, so that they do, too.
fn park(arguments: &[String]) -> io::Result<()> {
    let file = File::open("/dev/null")?;
    let mut held = Vec::new();
    let refused = 'parking: loop {
        let (near, far) = socketpair(AddressFamily::UNIX, SocketType::DGRAM, SocketFlags::NONBLOCK, None)?;
        for _ in 0..MESSAGES {
            if let Err(error) = pass(&near, &[file.as_fd(); DESCRIPTORS]) {
                break 'parking error;
            }
        }
        held.push((near, far));
    };
    match refused.raw_os_error() {
        Some(libc::ETOOMANYREFS) => File::create(argument(arguments, 0)?)?,
        _ => return Err(refused),
    };
    loop {
        thread::park();
    }
}

/// What one message takes: `SCM_MAX_FD` of the kernel.
const DESCRIPTORS: usize = 253;

/// Messages that wait in one socket everywhere: `net.unix.max_dgram_qlen` is 10 by default.
const MESSAGES: usize = 10;

fn pass(through: &OwnedFd, descriptors: &[BorrowedFd<'_>]) -> io::Result<()> {
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(DESCRIPTORS))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(descriptors));
    sendmsg(through, &[IoSlice::new(b"x")], &mut ancillary, SendFlags::empty())?;
    Ok(())
}

/// As many instances of inotify.
fn inotify(arguments: &[String]) -> io::Result<()> {
    let wanted: usize = number(arguments, 0)?;
    let held: io::Result<Vec<OwnedFd>> = (0..wanted).map(|_| watcher()).collect();
    held.map(drop)
}

fn watcher() -> io::Result<OwnedFd> {
    Ok(rustix::fs::inotify::init(rustix::fs::inotify::CreateFlags::CLOEXEC)?)
}

/// As many watched files: four thousand, by each of as many instances as it takes.
fn watches(arguments: &[String]) -> io::Result<()> {
    const FILES: usize = 4_000;
    let wanted: usize = number(arguments, 0)?;
    for name in 0..FILES {
        File::create(format!("/tmp/{name}"))?;
    }
    let mut held = Vec::new();
    for _ in 0..wanted.div_ceil(FILES) {
        let watcher = watcher()?;
        for name in 0..FILES {
            let path = format!("/tmp/{name}");
            rustix::fs::inotify::add_watch(&watcher, path, rustix::fs::inotify::WatchFlags::MODIFY)?;
        }
        held.push(watcher);
    }
    Ok(())
}

/// Sets the limit of core dumps to zero, with which the kernel hands them to the host's program for them all the same.
fn dump_core() -> io::Result<()> {
    Ok(setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: Some(0) })?)
}
