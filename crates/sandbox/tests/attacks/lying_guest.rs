//! A guest that lies: in the launcher's place stands a program that speaks the protocol and means harm. It costs its own
//! session at most; a neighbour made by the same driver goes on.

use std::io::{IoSlice, Read, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, AsRawFd, OwnedFd};
use std::os::unix::net::UnixStream;
use std::process::{Command, ExitCode, Stdio};
use std::sync::Arc;

use libtest_mimic::Trial;
use rustix::net::{SendAncillaryBuffer, SendAncillaryMessage, SendFlags, recv, sendmsg};
use vitrine_jail::protocol::{DialReply, DialRequest, Ended, Event, MAX_DIAL_BYTES, Message, Reply, frame};
use vitrine_jail::spec::LaunchSpec;
use vitrine_sandbox::driver::{EndReason, SandboxEvent, Started};
use vitrine_sandbox::{Driver, DriverError};

use crate::arena::{driver, open_dir, replace_launcher};
use crate::bait::Bait;
use crate::support;

/// What the guest does instead of its work.
const LIES: [(&str, &str); 6] = [
    ("huge", "lying_guest:_a_frame_larger_than_memory_ends_its_session"),
    ("nonsense", "lying_guest:_words_that_mean_nothing_end_its_session"),
    ("half", "lying_guest:_half_a_frame_ends_its_session"),
    ("flood", "lying_guest:_output_without_end_of_nothing_that_runs_is_passed_over"),
    ("file", "lying_guest:_a_file_in_the_place_of_a_connection_is_refused"),
    ("wrong", "lying_guest:_the_answer_to_another_question_is_an_error"),
];

/// One trial for each lie.
pub(crate) fn trials(bait: &Arc<Bait>) -> Vec<Trial> {
    let trial = |(lie, name): (&'static str, &'static str)| {
        let bait = bait.clone();
        Trial::test(name, move || {
            let runtime =
                tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
            Ok(runtime.block_on(is_held(&bait, lie))?)
        })
    };
    LIES.into_iter().map(trial).collect()
}

async fn is_held(bait: &Bait, lie: &str) -> Result<(), String> {
    let dir = open_dir();
    let driver = driver(bait, dir.path());
    let neighbour = driver.start(support::spec(Vec::new())).await.unwrap();
    replace_launcher(bait, dir.path(), &format!("lie {lie}"));
    let outcome = match driver.start(support::spec(Vec::new())).await {
        Ok(liar) => is_held_once_started(liar, &neighbour, lie).await,
        // Whoever breaks off at once may be gone before the start is over.
        Err(_) if matches!(lie, "huge" | "nonsense" | "half") => Ok(()),
        Err(error) => Err(format!("the liar was not started: {error}")),
    };
    let output = neighbour.sandbox.exec(support::sh("echo here"), support::limits()).await;
    let is_there = output.is_ok_and(|output| output.stdout.starts_with(b"here"));
    neighbour.sandbox.stop().await.map_err(|error| error.to_string())?;
    match is_there {
        true => outcome,
        false => Err("the neighbour is not well".to_owned()),
    }
}

async fn is_held_once_started(mut liar: Started, neighbour: &Started, lie: &str) -> Result<(), String> {
    let outcome = match lie {
        "huge" | "nonsense" | "half" => is_lost(&mut liar).await,
        "flood" => is_passed_over(&mut liar, neighbour).await,
        "file" => is_refused(liar.sandbox.dial(4_000).await.map(drop)),
        _ => is_refused(liar.sandbox.exec(support::sh("true"), support::limits()).await.map(drop)),
    };
    liar.sandbox.stop().await.map_err(|error| format!("the liar cannot be stopped: {error}"))?;
    outcome
}

async fn is_lost(liar: &mut Started) -> Result<(), String> {
    let reason = support::until(&mut liar.events, |event| match event {
        SandboxEvent::Ended { reason } => Some(reason),
        _ => None,
    });
    match reason.await {
        EndReason::GuestLost(_) => Ok(()),
        reason => Err(format!("{reason:?}")),
    }
}

/// While the guest says more than anybody could read, of a command that was never started, the neighbour is served and nobody
/// is told a thing.
async fn is_passed_over(liar: &mut Started, neighbour: &Started) -> Result<(), String> {
    for _ in 0..20 {
        let output = neighbour.sandbox.exec(support::sh("true"), support::limits()).await;
        output.map_err(|error| format!("the neighbour: {error}"))?;
    }
    match liar.events.try_recv() {
        Err(_) => Ok(()),
        Ok(event) => Err(format!("{event:?}")),
    }
}

fn is_refused(outcome: Result<(), DriverError>) -> Result<(), String> {
    match outcome {
        Err(DriverError::Refused(_)) => Ok(()),
        other => Err(format!("{other:?}")),
    }
}

/// In the launcher's place: starts the liar and is done.
#[allow(clippy::zombie_processes, reason = "it outlives this process, as a guest does its launcher")]
pub(crate) fn launch(lie: &str) -> ExitCode {
    let mut control = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    frame::read::<LaunchSpec>(&mut control).unwrap();
    let (mut go, waits) = UnixStream::pair().unwrap();
    let mut command = Command::new(std::env::current_exe().unwrap());
    let dial = std::io::stdout().as_fd().try_clone_to_owned().unwrap();
    command.args(["lie-on", lie]).stdin(control.try_clone().unwrap()).stdout(dial);
    let liar = command.stderr(Stdio::from(OwnedFd::from(waits))).spawn().unwrap();
    let launched = Message::Launched { pid: liar.id().cast_signed() };
    frame::write(&mut control, &launched, &[]).unwrap();
    go.write_all(b"g").unwrap();
    ExitCode::SUCCESS
}

/// The liar: standard input is the control socket, standard output the dial socket, and standard error says when to begin.
pub(crate) fn tell(lie: &str) -> ExitCode {
    let begin = std::io::stderr().as_fd().try_clone_to_owned().unwrap();
    std::fs::File::from(begin).read_exact(&mut [0]).unwrap();
    let mut control = std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned().unwrap());
    frame::write(&mut control, &Message::Ready, &[]).unwrap();
    match lie {
        "huge" => control.write_all(&[0xff; 8]).unwrap(),
        "nonsense" => control.write_all(b"\x05\0\0\0\0\0\0\0nonse").unwrap(),
        "half" => {
            control.write_all(b"\x40\0\0\0\0\0\0\0{").unwrap();
            return ExitCode::SUCCESS;
        }
        "flood" => flood(&mut control),
        "file" => pass_a_file(),
        _ => answer_otherwise(&mut control),
    }
    loop {
        std::thread::park();
    }
}

fn flood(control: &mut std::fs::File) {
    let lines = vec!["flood".to_owned(); 1_000];
    let event = Event::Output { name: "dev".to_owned(), is_stderr: false, lines };
    // Ends when the server has had enough of it.
    while frame::write(control, &Message::Event(event.clone()), &[]).is_ok() {}
}

fn pass_a_file() {
    let server = std::io::stdout().as_fd().try_clone_to_owned().unwrap();
    let mut packet = [0_u8; MAX_DIAL_BYTES];
    let (_, count) = recv(&server, &mut packet[..], rustix::net::RecvFlags::empty()).unwrap();
    let request: DialRequest = serde_json::from_slice(&packet[..count]).unwrap();
    let answer = serde_json::to_vec(&DialReply { id: request.id, error: None }).unwrap();
    let file = std::fs::File::open("/dev/null").unwrap();
    assert!(file.as_raw_fd() > 2);
    let passed = [file.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut ancillary = SendAncillaryBuffer::new(&mut space);
    ancillary.push(SendAncillaryMessage::ScmRights(&passed));
    sendmsg(&server, &[IoSlice::new(&answer)], &mut ancillary, SendFlags::empty()).unwrap();
}

/// Asked to run a command, it says what it has listed.
fn answer_otherwise(control: &mut std::fs::File) {
    let (asked, _) = frame::read::<vitrine_jail::protocol::RequestFrame>(control).unwrap().unwrap();
    let reply = Message::Reply { id: asked.id, reply: Reply::Listing };
    frame::write(control, &reply, &[]).unwrap();
    let ended = Event::Exited { name: "never started".to_owned(), exit: Ended::Code { code: 0 } };
    frame::write(control, &Message::Event(ended), &[]).unwrap();
}
