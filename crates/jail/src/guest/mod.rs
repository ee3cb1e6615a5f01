//! The guest: process 1 of a sandbox, without privileges.
//!
//! Three threads, all started before any foreign code runs, so that a fork bomb cannot keep the guest from working:
//! the main thread answers requests in order, one supervises commands and forwards their output, one hands out
//! connections. When the control socket ends, because the server closed it or died, the guest exits, and the kernel
//! kills everything else in the process namespace.

mod control;
mod dial;
mod keeper;
mod processes;
mod program;
mod supervisor;

use std::fs::File;
use std::io;
use std::os::fd::{AsFd, OwnedFd};
use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;
use std::thread;

use rustix::fs::{Mode, OFlags};
use rustix::process::{DumpableBehavior, set_dumpable_behavior};

use crate::files::Project;
use crate::layout::{PROJECT, STAGING};
use crate::protocol::Message;
use crate::walls::{Wall, stands};
use control::Outbox;
use keeper::Ground;

/// Runs the guest until the server goes away. Standard input is the control socket, standard output the dial socket.
pub fn run() -> ExitCode {
    let Ok((control, dial)) = take_sockets() else { return ExitCode::FAILURE };
    let control = Arc::new(control);
    let outbox = Outbox::new(control.clone());
    match serve(&control, dial, &outbox) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            outbox.send(&Message::Failed { step: "guest".to_owned(), reason: error.to_string() }, &[]);
            ExitCode::FAILURE
        }
    }
}

/// Moves the two sockets away from the standard descriptors, so that commands can never inherit them.
fn take_sockets() -> io::Result<(File, OwnedFd)> {
    // Executing the guest made it inspectable again; it is alone until it starts the first command.
    if stands(Wall::ClosedGuest) {
        set_dumpable_behavior(DumpableBehavior::NotDumpable)?;
    }
    // Executed by descriptor, it would be called after the descriptor's number.
    rustix::thread::set_name(c"vitrine-guest")?;
    let control = io::stdin().as_fd().try_clone_to_owned()?;
    let dial = io::stdout().as_fd().try_clone_to_owned()?;
    let null = rustix::fs::open("/dev/null", OFlags::RDWR | OFlags::CLOEXEC, Mode::empty())?;
    rustix::stdio::dup2_stdin(&null)?;
    rustix::stdio::dup2_stdout(&null)?;
    rustix::stdio::dup2_stderr(&null)?;
    Ok((File::from(control), dial))
}

fn serve(control: &File, dial: OwnedFd, outbox: &Outbox) -> io::Result<()> {
    let project = Project::open(Path::new(PROJECT), Path::new(STAGING))?;
    let ground = Ground::prepare()?;
    let (supervisor, orders) = supervisor::channel()?;
    let events = outbox.clone();
    thread::Builder::new()
        .name("commands".to_owned())
        .stack_size(STACK_BYTES)
        .spawn(move || supervisor::run(orders, events, ground))?;
    thread::Builder::new().name("dial".to_owned()).stack_size(STACK_BYTES).spawn(move || dial::run(&dial))?;
    outbox.send(&Message::Ready, &[]);
    control::answer_requests(control, &project, &supervisor, outbox);
    Ok(())
}

/// Stacks of the two helper threads: they keep their buffers on the heap.
const STACK_BYTES: usize = 256 * 1024;
