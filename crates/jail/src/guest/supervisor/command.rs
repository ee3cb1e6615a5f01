//! One running command, from its start to the moment when nothing of it is left.

use std::os::fd::{AsFd, BorrowedFd};
use std::time::{Duration, Instant};

use rustix::fs::{OFlags, fcntl_getfl, fcntl_setfl};
use rustix::io::Errno;
use rustix::pipe::{PipeFlags, pipe_with};
use rustix::process::{Pid, Signal, kill_process_group};

use super::super::control::Outbox;
use super::super::keeper::{self, Ground, Keeper, KeeperError};
use super::super::processes;
use super::super::program::Program;
use super::SWEEP_EVERY;
use super::stream::{Passed, Sink, Stream};
use crate::lines::REPORT_EVERY;
use crate::protocol::{CommandSpec, Ended, Event, FailureKind, Message, Reply};

/// Between asking a command to end and killing it.
const POLITELY: Duration = Duration::from_secs(2);

/// Of each stream of an `exec`, at most; both fit one frame.
const MAX_EXEC_OUTPUT: usize = 8 * 1024 * 1024;

/// What a command was started for.
#[derive(Debug)]
pub(super) enum Purpose {
    Named {
        name: String,
        spawn_id: u64,
    },
    Exec {
        id: u64,
        deadline: Option<Instant>,
        max_output: usize,
    },
    /// Somebody watches. `left` bytes may still be passed on.
    Run {
        id: u64,
        deadline: Option<Instant>,
        left: u64,
        is_truncated: bool,
    },
}

impl Purpose {
    /// The request that started it.
    pub(super) fn request_id(&self) -> u64 {
        match self {
            Self::Named { spawn_id: id, .. } | Self::Exec { id, .. } | Self::Run { id, .. } => *id,
        }
    }

    /// When its time is up.
    fn deadline(&self) -> Option<Instant> {
        match self {
            Self::Named { .. } => None,
            Self::Exec { deadline, .. } | Self::Run { deadline, .. } => *deadline,
        }
    }

    /// Passes on what one of its streams had to say.
    fn pass(&mut self, is_stderr: bool, passed: Passed<'_>, outbox: &Outbox) {
        match (self, passed) {
            (Self::Named { name, .. }, Passed::Lines(lines)) => {
                let name = name.clone();
                outbox.send(&Message::Event(Event::Output { name, is_stderr, lines }), &[]);
            }
            (Self::Run { id, left, is_truncated, .. }, Passed::Piece(bytes)) => {
                let most = usize::try_from(*left).unwrap_or(usize::MAX).min(bytes.len());
                *is_truncated |= most < bytes.len();
                *left -= most as u64;
                if most > 0 {
                    let reply = Reply::Piece { is_stderr };
                    outbox.send(&Message::Reply { id: *id, reply }, &bytes[..most]);
                }
            }
            _ => {}
        }
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Phase {
    Running,
    /// Asked to end.
    Ending {
        kill_at: Instant,
    },
    /// Whatever is left is killed, again and again until nothing is.
    Killing {
        sweep_at: Instant,
    },
}

#[derive(Debug)]
pub(super) struct Command {
    purpose: Purpose,
    keeper: Keeper,
    streams: [Stream; 2],
    exit: Option<Ended>,
    phase: Phase,
    /// Requests to be answered when it is over.
    waiting: Vec<u64>,
    /// What takes its name afterwards.
    next: Option<(u64, CommandSpec)>,
    is_keeper_gone: bool,
    is_keeper_reaped: bool,
    is_keeper_lost: bool,
    reported: Instant,
}

impl Command {
    pub(super) fn start(program: &Program, ground: &Ground, purpose: Purpose) -> Result<Self, KeeperError> {
        let (stdout, stdout_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let (stderr, stderr_end) = pipe_with(PipeFlags::CLOEXEC)?;
        let keeper = keeper::start(program, ground, [stdout_end, stderr_end])?;
        for descriptor in [&stdout, &stderr, &keeper.status] {
            fcntl_setfl(descriptor, fcntl_getfl(descriptor)? | OFlags::NONBLOCK)?;
        }
        let now = Instant::now();
        let sink = || match &purpose {
            Purpose::Named { .. } => Sink::lines(now),
            Purpose::Exec { max_output, .. } => Sink::tail((*max_output).min(MAX_EXEC_OUTPUT)),
            Purpose::Run { .. } => Sink::Pieces,
        };
        let streams = [Stream::new(stdout, sink()), Stream::new(stderr, sink())];
        Ok(Self {
            purpose,
            keeper,
            streams,
            exit: None,
            phase: Phase::Running,
            waiting: Vec::new(),
            next: None,
            is_keeper_gone: false,
            is_keeper_reaped: false,
            is_keeper_lost: false,
            reported: now,
        })
    }

    pub(super) fn name(&self) -> Option<&str> {
        match &self.purpose {
            Purpose::Named { name, .. } => Some(name),
            Purpose::Exec { .. } | Purpose::Run { .. } => None,
        }
    }

    /// True when the request of this id started it for somebody who watches.
    pub(super) fn is_run(&self, request: u64) -> bool {
        matches!(self.purpose, Purpose::Run { id, .. } if id == request)
    }

    /// Kills it without asking: nobody watches any more.
    pub(super) fn cancel(&mut self) {
        if matches!(self.phase, Phase::Running) {
            self.exit.get_or_insert(Ended::Signal { signal: nix::libc::SIGKILL });
            self.phase = Phase::Killing { sweep_at: Instant::now() };
        }
    }

    pub(super) fn keeper(&self) -> Pid {
        self.keeper.pid
    }

    /// True when the keeper was killed before it could report; what it kept is the guest's now.
    pub(super) fn lost_its_keeper(&self) -> bool {
        self.is_keeper_lost
    }

    pub(super) fn keeper_was_reaped(&mut self) {
        self.is_keeper_reaped = true;
    }

    pub(super) fn is_keeper_reaped(&self) -> bool {
        self.is_keeper_reaped
    }

    /// True when nothing of it is left.
    pub(super) fn is_over(&self) -> bool {
        self.is_keeper_gone
    }

    /// What to poll for reading.
    pub(super) fn sources(&self) -> impl Iterator<Item = BorrowedFd<'_>> {
        let status = (!self.is_keeper_gone).then(|| self.keeper.status.as_fd());
        status.into_iter().chain(self.streams.iter().filter_map(Stream::source))
    }

    /// When it needs attention even if nothing happens.
    pub(super) fn next_deadline(&self, now: Instant) -> Option<Instant> {
        let ending = match self.phase {
            Phase::Running => None,
            Phase::Ending { kill_at: at } | Phase::Killing { sweep_at: at } => Some(at),
        };
        let running_out = self.purpose.deadline().filter(|_| self.phase == Phase::Running);
        let report = self.streams.iter().any(Stream::has_dropped).then(|| self.reported + REPORT_EVERY);
        [ending, running_out, report].into_iter().flatten().min().map(|at| at.max(now))
    }

    /// Asks it to end, and answers `id` when it has.
    pub(super) fn end_politely(&mut self, id: Option<u64>) {
        self.waiting.extend(id);
        if self.phase == Phase::Running && self.exit.is_none() {
            // The command leads the group; its id is taken as long as its end has not been reported.
            let _ = kill_process_group(self.keeper.command, Signal::TERM);
            self.phase = Phase::Ending { kill_at: Instant::now() + POLITELY };
        }
    }

    /// Ends it, to be followed by another command of its name.
    pub(super) fn replace_with(&mut self, id: u64, command: CommandSpec) -> Option<u64> {
        self.end_politely(None);
        self.next.replace((id, command)).map(|(superseded, _)| superseded)
    }

    /// Looks at everything that may have happened.
    pub(super) fn advance(&mut self, now: Instant, outbox: &Outbox) {
        self.read_status(now);
        self.pump(now, outbox);
        if self.phase == Phase::Running && self.purpose.deadline().is_some_and(|deadline| deadline <= now) {
            self.exit = Some(Ended::TimedOut);
            self.phase = Phase::Killing { sweep_at: now };
        }
        match self.phase {
            Phase::Ending { kill_at } if kill_at <= now => self.sweep(now),
            Phase::Killing { sweep_at } if sweep_at <= now => self.sweep(now),
            _ => {}
        }
    }

    fn sweep(&mut self, now: Instant) {
        if !self.is_keeper_gone {
            processes::kill_descendants(self.keeper.pid);
        }
        self.phase = Phase::Killing { sweep_at: now + SWEEP_EVERY };
    }

    fn read_status(&mut self, now: Instant) {
        let mut status = [0; 4];
        while !self.is_keeper_gone {
            match rustix::io::read(&self.keeper.status, &mut status) {
                Ok(4) => {
                    self.exit.get_or_insert(ended(i32::from_ne_bytes(status)));
                    // Mostly nothing is left and the keeper is about to exit; looking for more can wait a moment.
                    self.phase = Phase::Killing { sweep_at: now + SWEEP_EVERY };
                }
                Err(Errno::AGAIN) => return,
                Err(Errno::INTR) => {}
                _ => {
                    self.is_keeper_gone = true;
                    self.is_keeper_lost = self.exit.is_none();
                }
            }
        }
    }

    fn pump(&mut self, now: Instant, outbox: &Outbox) {
        let Self { purpose, streams, .. } = self;
        for (is_stderr, stream) in [false, true].into_iter().zip(streams) {
            stream.pump(now, |passed| purpose.pass(is_stderr, passed, outbox));
        }
        if now >= self.reported + REPORT_EVERY {
            self.report_dropped(outbox);
            self.reported = now;
        }
    }

    fn report_dropped(&mut self, outbox: &Outbox) {
        let dropped: u64 = self.streams.iter_mut().map(Stream::take_dropped).sum();
        if let (Purpose::Named { name, .. }, 1..) = (&self.purpose, dropped) {
            let name = name.clone();
            outbox.send(&Message::Event(Event::Dropped { name, lines: dropped }), &[]);
        }
    }

    /// Says how it ended to everyone who wants to know. Returns its name and what comes next under it.
    pub(super) fn conclude(mut self, outbox: &Outbox) -> (Option<String>, Option<(u64, CommandSpec)>) {
        self.drain(outbox);
        let exit = self.exit.unwrap_or(Ended::Signal { signal: nix::libc::SIGKILL });
        let name = match self.purpose {
            Purpose::Named { name, .. } => {
                outbox.send(&Message::Event(Event::Exited { name: name.clone(), exit }), &[]);
                Some(name)
            }
            Purpose::Exec { id, .. } => {
                let [stdout, stderr] = self.streams.map(Stream::into_tail);
                let reply = Reply::Exec { exit, stdout_bytes: stdout.len() as u64 };
                outbox.send(&Message::Reply { id, reply }, &[stdout, stderr].concat());
                None
            }
            Purpose::Run { id, is_truncated, .. } => {
                outbox.reply(id, Reply::Ran { exit, is_truncated });
                None
            }
        };
        self.waiting.iter().for_each(|id| outbox.reply(*id, Reply::Done));
        (name, self.next)
    }

    /// Takes what is still in the pipes. Every writer is dead, unless a descriptor was passed to another command; what
    /// that one writes is not waited for.
    fn drain(&mut self, outbox: &Outbox) {
        let now = Instant::now();
        for _ in 0..DRAIN_ROUNDS {
            if self.streams.iter().all(|stream| stream.source().is_none()) {
                break;
            }
            self.pump(now, outbox);
        }
        let Self { purpose, streams, .. } = self;
        if let Purpose::Named { name, .. } = &*purpose {
            for (is_stderr, stream) in [false, true].into_iter().zip(streams) {
                let lines = stream.last_line(now);
                if !lines.is_empty() {
                    let name = name.clone();
                    outbox.send(&Message::Event(Event::Output { name, is_stderr, lines }), &[]);
                }
            }
        }
        self.report_dropped(outbox);
    }
}

/// Each takes up to a quarter of a mebibyte, the whole of an ordinary pipe.
const DRAIN_ROUNDS: usize = 4;

fn ended(wait_status: i32) -> Ended {
    match (nix::libc::WIFEXITED(wait_status), nix::libc::WIFSIGNALED(wait_status)) {
        (true, _) => Ended::Code { code: nix::libc::WEXITSTATUS(wait_status) },
        (_, true) => Ended::Signal { signal: nix::libc::WTERMSIG(wait_status) },
        _ => Ended::Signal { signal: nix::libc::SIGKILL },
    }
}

/// The answer to a request to start a command that was replaced before it started.
pub(super) fn superseded() -> Reply {
    let reason = "another command took this name meanwhile".to_owned();
    Reply::Failed { kind: FailureKind::Refused, reason }
}
