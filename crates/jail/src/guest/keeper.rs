//! Keepers: one small process for each command, to which everything the command ever starts belongs.
//!
//! A keeper is forked from the guest and declares itself a *subreaper*: whatever a command's processes do (fork twice,
//! start sessions of their own), those they leave behind become the keeper's children and not the guest's. So "the
//! command and everything it started" is exactly "the descendants of its keeper". The keeper waits for all of them,
//! reports how the command itself ended, and exits when nothing is left.

use std::ffi::{CStr, CString};
use std::io::Read;
use std::os::fd::{AsRawFd, OwnedFd, RawFd};
use std::{fs::File, io, ptr};

use nix::libc;
use rustix::fs::{Mode, OFlags};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Resource, Rlimit, getrlimit, setrlimit};

use super::program::Program;
use crate::walls::{Wall, stands};

/// A running keeper.
#[derive(Debug)]
pub(super) struct Keeper {
    /// Its process id, as the guest sees it.
    pub(super) pid: Pid,
    /// The command's, which leads a session and a process group of its own.
    pub(super) command: Pid,
    /// Carries the command's wait status (four bytes) when it ends, and ends when the keeper does.
    pub(super) status: OwnedFd,
}

/// Why no command was started.
#[derive(Debug, thiserror::Error)]
pub(super) enum KeeperError {
    /// No pipe or no process: a limit is reached.
    #[error("cannot start a process: {0}")]
    Process(#[from] Errno),
    /// The command's own process failed before its first instruction.
    #[error("cannot {step}: {source}")]
    Command {
        /// Doing what.
        step: &'static str,
        /// Why.
        source: Errno,
    },
}

/// The steps of the command's process, as it reports them.
const STEPS: [&str; 4] =
    ["start a process", "take the output", "enter the working directory", "execute the program"];

/// Written to the command's `oom_score_adj`: when memory runs out, the kernel should end it and not the guest.
const OOM_SCORE: &[u8] = b"500";

/// What every command starts with.
#[derive(Debug)]
pub(super) struct Ground {
    /// Its standard input.
    null: OwnedFd,
    /// How many files it may open, once and for all.
    files: libc::rlimit,
}

impl Ground {
    /// Takes the limit that the launcher has left for commands, and as much as there is for the guest itself: its descriptors
    /// have to pass when those of commands do not any more. To be called once.
    pub(super) fn prepare() -> io::Result<Self> {
        let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
        let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
        setrlimit(Resource::Nofile, Rlimit { current: maximum, maximum })?;
        let most = current.unwrap_or(libc::RLIM_INFINITY);
        Ok(Self { null, files: libc::rlimit { rlim_cur: most, rlim_max: most } })
    }
}

/// Starts a keeper and its command; `output` are the write ends of its standard output and error. Returns when the
/// program runs.
pub(super) fn start(program: &Program, ground: &Ground, output: [OwnedFd; 2]) -> Result<Keeper, KeeperError> {
    let (status, status_end) = pipe_with(PipeFlags::CLOEXEC)?;
    let (report, report_end) = pipe_with(PipeFlags::CLOEXEC)?;
    let pointers = |strings: &[CString]| -> Vec<*const libc::c_char> {
        strings.iter().map(|string| string.as_ptr()).chain([ptr::null()]).collect()
    };
    let (arguments, environment) = (pointers(&program.arguments), pointers(&program.environment));
    let prepared = Prepared {
        program: &program.path,
        arguments: &arguments,
        environment: &environment,
        directory: &program.directory,
        stdio: [ground.null.as_raw_fd(), output[0].as_raw_fd(), output[1].as_raw_fd()],
        status: status_end.as_raw_fd(),
        report: report_end.as_raw_fd(),
        files: ground.files,
    };
    let pid = fork_keeper(&prepared)?;
    drop((status_end, report_end, output));
    match read_report(report) {
        Ok(command) => Ok(Keeper { pid, command, status }),
        Err(error) => {
            // It is about to exit by itself; wait so that it does not stay a zombie.
            let _ = rustix::process::waitpid(Some(pid), rustix::process::WaitOptions::empty());
            Err(error)
        }
    }
}

/// What comes through the report pipe: the command's process id from the keeper, then nothing when `exec` closed the
/// pipe, or a step and an error number from the process that failed.
fn read_report(report: OwnedFd) -> Result<Pid, KeeperError> {
    let mut bytes = Vec::new();
    File::from(report)
        .read_to_end(&mut bytes)
        .map_err(|error| Errno::from_io_error(&error).unwrap_or(Errno::IO))?;
    let mut numbers =
        bytes.chunks_exact(4).map(|four| i32::from_ne_bytes([four[0], four[1], four[2], four[3]]));
    let mut command = None;
    while let (Some(kind), Some(value)) = (numbers.next(), numbers.next()) {
        match usize::try_from(kind) {
            Err(_) => command = Pid::from_raw(value),
            Ok(0) => return Err(KeeperError::Process(Errno::from_raw_os_error(value))),
            Ok(step) => {
                let step = STEPS.get(step).copied().unwrap_or("start");
                return Err(KeeperError::Command { step, source: Errno::from_raw_os_error(value) });
            }
        }
    }
    command.ok_or(KeeperError::Process(Errno::AGAIN))
}

/// Everything the two new processes need, prepared before the fork.
struct Prepared<'a> {
    program: &'a CStr,
    arguments: &'a [*const libc::c_char],
    environment: &'a [*const libc::c_char],
    directory: &'a CStr,
    stdio: [RawFd; 3],
    status: RawFd,
    report: RawFd,
    /// How many files the command may open, once and for all.
    files: libc::rlimit,
}

/// Marks the command's process id in the report; steps are zero and above.
const COMMAND_PID: i32 = -1;

#[allow(unsafe_code, reason = "std cannot make a process that does not execute a program")]
fn fork_keeper(prepared: &Prepared<'_>) -> io::Result<Pid> {
    // SAFETY: the guest has several threads, so the child may only do what is safe in a signal handler; `keep` is.
    match unsafe { libc::fork() } {
        // SAFETY: this is the fresh child; the pointers in `prepared` are into strings that its borrower holds. `keep`
        // makes system calls on memory that was prepared before, takes no lock, allocates nothing and never returns.
        0 => unsafe { keep(prepared) },
        pid => Pid::from_raw(pid).filter(|_| pid > 0).ok_or_else(io::Error::last_os_error),
    }
}

impl From<io::Error> for KeeperError {
    fn from(error: io::Error) -> Self {
        Self::Process(Errno::from_io_error(&error).unwrap_or(Errno::IO))
    }
}

/// The keeper's whole life.
///
/// # Safety
///
/// To be called in a freshly forked process only; the pointers in `prepared` are valid.
#[allow(unsafe_code, reason = "raw system calls between fork and exit")]
unsafe fn keep(prepared: &Prepared<'_>) -> ! {
    // SAFETY: plain system calls on numbers and on live local memory; `run_command` is called in a fresh fork.
    unsafe {
        libc::prctl(libc::PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0);
        let command = libc::fork();
        if command == 0 {
            run_command(prepared);
        }
        let report = match command {
            -1 => [0, *libc::__errno_location()],
            pid => [COMMAND_PID, pid],
        };
        libc::write(prepared.report, report.as_ptr().cast(), size_of_val(&report));
        // Nothing but the status pipe stays open: not the report, not the output, not the guest's sockets.
        let status = prepared.status as libc::c_uint;
        libc::close_range(0, status.wrapping_sub(1), 0);
        libc::close_range(status + 1, libc::c_uint::MAX, 0);
        loop {
            let mut wait_status: libc::c_int = 0;
            let pid = libc::waitpid(-1, &raw mut wait_status, libc::__WALL);
            if pid == command && pid > 0 {
                libc::write(prepared.status, (&raw const wait_status).cast(), size_of::<libc::c_int>());
            }
            if pid < 0 && *libc::__errno_location() != libc::EINTR {
                libc::_exit(0);
            }
        }
    }
}

/// The command's process up to its program.
///
/// # Safety
///
/// As for [`keep`].
#[allow(unsafe_code, reason = "raw system calls between fork and exec")]
unsafe fn run_command(prepared: &Prepared<'_>) -> ! {
    // SAFETY: plain system calls; every pointer is to memory that was prepared before the fork, NUL-terminated, and
    // the pointer lists end with a null pointer.
    unsafe {
        libc::setsid();
        // Rust ignores SIGPIPE; programs expect to be ended by it.
        libc::signal(libc::SIGPIPE, libc::SIG_DFL);
        let mut no_signals: libc::sigset_t = std::mem::zeroed();
        libc::sigemptyset(&raw mut no_signals);
        libc::sigprocmask(libc::SIG_SETMASK, &raw const no_signals, ptr::null_mut());
        let score = libc::open(c"/proc/self/oom_score_adj".as_ptr(), libc::O_WRONLY | libc::O_CLOEXEC);
        libc::write(score, OOM_SCORE.as_ptr().cast(), OOM_SCORE.len());
        for (to, from) in (0..).zip(prepared.stdio) {
            if libc::dup2(from, to) < 0 {
                give_up(prepared, 1);
            }
        }
        if libc::chdir(prepared.directory.as_ptr()) < 0 {
            give_up(prepared, 2);
        }
        if stands(Wall::ResourceLimits) {
            libc::setrlimit(libc::RLIMIT_NOFILE, &raw const prepared.files);
        }
        if stands(Wall::CommandDescriptors) {
            libc::close_range(3, libc::c_uint::MAX, libc::CLOSE_RANGE_CLOEXEC as libc::c_int);
        }
        libc::execve(prepared.program.as_ptr(), prepared.arguments.as_ptr(), prepared.environment.as_ptr());
        give_up(prepared, 3)
    }
}

/// # Safety
///
/// As for [`keep`].
#[allow(unsafe_code, reason = "raw system calls between fork and exec")]
unsafe fn give_up(prepared: &Prepared<'_>, step: i32) -> ! {
    // SAFETY: plain system calls on a live local array.
    unsafe {
        let report = [step, *libc::__errno_location()];
        libc::write(prepared.report, report.as_ptr().cast(), size_of_val(&report));
        libc::_exit(127)
    }
}
