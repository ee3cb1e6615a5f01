//! Supervises commands: starts and ends them, forwards their output, answers when they are gone.
//!
//! One thread with one `poll` over a wake-up descriptor and, for each command, its keeper's status pipe and its two
//! outputs. It waits without a timeout unless something is being ended or a deadline runs.

mod command;
mod stream;

use std::collections::VecDeque;
use std::io;
use std::os::fd::OwnedFd;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use rustix::event::{EventfdFlags, PollFd, PollFlags, Timespec, eventfd, poll};
use rustix::process::{Pid, WaitOptions};

use self::command::{Command, Purpose};
use super::control::Outbox;
use super::keeper::{self, Ground, KeeperError};
use super::processes;
use super::program::Program;
use crate::protocol::{CommandSpec, FailureKind, Reply};

/// How often processes that were killed are looked for again until they are gone.
const SWEEP_EVERY: Duration = Duration::from_millis(2);

/// What the request thread asks for.
#[derive(Debug)]
pub(super) enum Order {
    Spawn { id: u64, name: String, command: CommandSpec },
    Kill { id: u64, name: String },
    Exec { id: u64, command: CommandSpec, timeout_ms: u64, max_output_bytes: u64 },
    Run { id: u64, command: CommandSpec, timeout_ms: u64, max_output_bytes: u64 },
    Cancel { id: u64 },
}

/// The sending side.
#[derive(Debug, Clone)]
pub(super) struct Orders {
    queue: Arc<Mutex<VecDeque<Order>>>,
    wake: Arc<OwnedFd>,
}

impl Orders {
    pub(super) fn send(&self, order: Order) {
        self.queue.lock().unwrap_or_else(PoisonError::into_inner).push_back(order);
        // Fails only when the counter is full, and then the supervisor is awake.
        let _ = rustix::io::write(&*self.wake, &1_u64.to_ne_bytes());
    }

    fn take(&self) -> VecDeque<Order> {
        let mut counter = [0; 8];
        let _ = rustix::io::read(&*self.wake, &mut counter);
        std::mem::take(&mut *self.queue.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

/// Both sides of the queue of orders.
pub(super) fn channel() -> io::Result<(Orders, Orders)> {
    let wake = eventfd(0, EventfdFlags::CLOEXEC | EventfdFlags::NONBLOCK)?;
    let orders = Orders { queue: Arc::default(), wake: Arc::new(wake) };
    Ok((orders.clone(), orders))
}

/// Supervises until the process exits.
pub(super) fn run(orders: Orders, outbox: Outbox, ground: Ground) {
    let mut supervisor = Supervisor { orders, outbox, ground, commands: Vec::new() };
    loop {
        supervisor.turn();
    }
}

struct Supervisor {
    orders: Orders,
    outbox: Outbox,
    ground: Ground,
    commands: Vec<Command>,
}

impl Supervisor {
    fn turn(&mut self) {
        self.wait();
        for order in self.orders.take() {
            self.obey(order);
        }
        let now = Instant::now();
        for command in &mut self.commands {
            command.advance(now, &self.outbox);
        }
        let (ended, running) = std::mem::take(&mut self.commands).into_iter().partition(Command::is_over);
        self.commands = running;
        if !ended.is_empty() {
            self.bury(ended);
        }
    }

    /// Waits for an order, output, an end or the next deadline.
    fn wait(&self) {
        let mut polled = vec![PollFd::new(&*self.orders.wake, PollFlags::IN)];
        for command in &self.commands {
            polled.extend(command.sources().map(|source| PollFd::from_borrowed_fd(source, PollFlags::IN)));
        }
        let now = Instant::now();
        let next = self.commands.iter().filter_map(|command| command.next_deadline(now)).min();
        let timeout = next.map(|deadline| deadline.saturating_duration_since(now));
        let timeout = timeout.and_then(|timeout| Timespec::try_from(timeout).ok());
        // An interrupted wait is a short one.
        let _ = poll(&mut polled, timeout.as_ref());
    }

    fn obey(&mut self, order: Order) {
        match order {
            Order::Spawn { id, name, command } => match self.named(&name) {
                Some(running) => {
                    let superseded = running.replace_with(id, command);
                    superseded.into_iter().for_each(|id| self.outbox.reply(id, command::superseded()));
                }
                None => self.start(command, Purpose::Named { name, spawn_id: id }),
            },
            Order::Kill { id, name } => match self.named(&name) {
                Some(running) => running.end_politely(Some(id)),
                None => self.outbox.reply(id, Reply::Done),
            },
            Order::Exec { id, command, timeout_ms, max_output_bytes } => {
                let purpose =
                    Purpose::Exec { id, deadline: after(timeout_ms), max_output: max_output_bytes as usize };
                self.start(command, purpose);
            }
            Order::Run { id, command, timeout_ms, max_output_bytes } => {
                let purpose = Purpose::Run {
                    id,
                    deadline: after(timeout_ms),
                    left: max_output_bytes,
                    is_truncated: false,
                };
                self.start(command, purpose);
            }
            Order::Cancel { id } => {
                let runs = self.commands.iter_mut().filter(|command| command.is_run(id));
                runs.for_each(Command::cancel);
            }
        }
    }

    fn named(&mut self, name: &str) -> Option<&mut Command> {
        self.commands.iter_mut().find(|command| command.name() == Some(name))
    }

    fn start(&mut self, spec: CommandSpec, purpose: Purpose) {
        let id = purpose.request_id();
        let started = Program::prepare(&spec).map_err(|error| refused(&error)).and_then(|program| {
            Command::start(&program, &self.ground, purpose).map_err(|error| not_started(&error))
        });
        match started {
            Ok(command) => {
                if command.name().is_some() {
                    self.outbox.reply(id, Reply::Done);
                }
                self.commands.push(command);
            }
            Err(reply) => self.outbox.reply(id, reply),
        }
    }

    /// Reaps keepers, tells whoever waited, and starts what was to come next.
    fn bury(&mut self, ended: Vec<Command>) {
        let keepers: Vec<Pid> = self.commands.iter().map(Command::keeper).collect();
        for command in ended {
            if !command.is_keeper_reaped() {
                let _ = rustix::process::waitpid(Some(command.keeper()), WaitOptions::empty());
            }
            if command.lost_its_keeper() {
                processes::kill_strays(&keepers);
            }
            let (name, next) = command.conclude(&self.outbox);
            if let (Some(name), Some((id, spec))) = (name, next) {
                self.start(spec, Purpose::Named { name, spawn_id: id });
            }
        }
        // Strays that were killed are this process's to reap; keepers are waited for by name.
        while let Ok(Some((pid, _))) = rustix::process::wait(WaitOptions::NOHANG) {
            self.commands
                .iter_mut()
                .filter(|command| command.keeper() == pid)
                .for_each(Command::keeper_was_reaped);
        }
    }
}

/// When a command's time is up; `None` for a time that never comes.
fn after(timeout_ms: u64) -> Option<Instant> {
    Instant::now().checked_add(Duration::from_millis(timeout_ms))
}

fn refused(error: &impl ToString) -> Reply {
    Reply::Failed { kind: FailureKind::Refused, reason: error.to_string() }
}

fn not_started(error: &keeper::KeeperError) -> Reply {
    match error {
        KeeperError::Process(_) => Reply::Failed { kind: FailureKind::Limit, reason: error.to_string() },
        KeeperError::Command { .. } => refused(error),
    }
}
