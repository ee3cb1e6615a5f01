//! Starting the launcher and hearing from it until the guest is ready.

use std::io;
use std::os::fd::OwnedFd;
use std::os::unix::net::UnixStream;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::{
    Pid, PidfdFlags, Signal, WaitId, WaitIdOptions, kill_process, pidfd_open, pidfd_send_signal, waitid,
};
use vitrine_jail::protocol::{Message, frame};
use vitrine_jail::spec::LaunchSpec;

use crate::driver::DriverError;

/// A launcher that was started and told what to make.
#[derive(Debug)]
pub(super) struct Launched {
    /// Frames to and from launcher and guest.
    pub(super) control: UnixStream,
    /// Requests for connections.
    pub(super) dial: OwnedFd,
    launcher: Child,
}

/// A sandbox's first process, which is a child of this one.
#[derive(Debug)]
pub(super) struct Init {
    /// Readable when it has ended.
    pub(super) pidfd: OwnedFd,
    /// As this process's namespace counts it.
    pub(super) pid: i32,
}

impl Launched {
    /// Starts the launcher and sends it the spec. It dies when this value's sockets are closed.
    pub(super) fn start(guest: &Path, spec: &LaunchSpec) -> Result<Self, DriverError> {
        let (mut control, control_inside) = UnixStream::pair()?;
        let (dial, dial_inside) =
            socketpair(AddressFamily::UNIX, SocketType::SEQPACKET, SocketFlags::CLOEXEC, None)
                .map_err(io::Error::from)?;
        let launcher = Command::new(guest)
            .arg("launch")
            .env_clear()
            .current_dir("/")
            .stdin(OwnedFd::from(control_inside))
            .stdout(dial_inside)
            .stderr(Stdio::null())
            .spawn()
            .map_err(|error| setup("guest", &format!("cannot start {}: {error}", guest.display())))?;
        let launched = Self { control: control.try_clone()?, dial, launcher };
        frame::write(&mut control, spec, &[]).map_err(|error| setup("launch", &error.to_string()))?;
        Ok(launched)
    }

    /// Waits for the launcher, whose work is done; it is about to exit or has done so.
    pub(super) fn reap_launcher(&mut self) {
        let _ = self.launcher.wait();
    }
}

impl Drop for Launched {
    fn drop(&mut self) {
        // No effect on one that was reaped.
        let _ = self.launcher.kill();
        let _ = self.launcher.wait();
    }
}

impl Init {
    /// Takes hold of the process that the launcher announced. It cannot have been reaped by anyone else, so the number
    /// still means it.
    pub(super) fn open(pid: i32) -> Result<Self, DriverError> {
        let handle = Pid::from_raw(pid).ok_or_else(|| setup("launch", "no process id"))?;
        let pidfd = pidfd_open(handle, PidfdFlags::NONBLOCK).map_err(io::Error::from)?;
        Ok(Self { pidfd, pid })
    }

    /// Kills it, and with it every process of its namespace.
    pub(super) fn kill(&self) {
        // Dead already is as good.
        let _ = pidfd_send_signal(&self.pidfd, Signal::KILL);
    }

    /// Takes its exit status off the kernel's hands. To be called once it has ended.
    pub(super) fn reap(&self) {
        use std::os::fd::AsFd as _;
        let _ = waitid(WaitId::PidFd(self.pidfd.as_fd()), WaitIdOptions::EXITED);
    }
}

/// Kills the process that the launcher announced, and with it every process of its namespace, by its number: it is this
/// process's child and was not reaped, so the number still means it. Blocks until it has ended.
pub(super) fn end(pid: i32) {
    let Some(pid) = Pid::from_raw(pid) else { return };
    // Dead already is as good.
    let _ = kill_process(pid, Signal::KILL);
    let _ = waitid(WaitId::Pid(pid), WaitIdOptions::EXITED);
}

/// What the first messages mean. `None` for one that is none of theirs.
pub(super) enum Progress {
    /// The sandbox's first process.
    Launched(i32),
    /// Requests may be sent.
    Ready,
}

/// Reads the launcher's progress out of a message.
pub(super) fn progress(message: Message) -> Result<Progress, DriverError> {
    match message {
        Message::Launched { pid } => Ok(Progress::Launched(pid)),
        Message::Ready => Ok(Progress::Ready),
        Message::Failed { step, reason } => Err(DriverError::Setup { step, reason }),
        other => Err(setup("launch", &format!("an unexpected message: {other:?}"))),
    }
}

/// A step that failed.
pub(super) fn setup(step: &str, reason: &str) -> DriverError {
    DriverError::Setup { step: step.to_owned(), reason: reason.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    #[expect(clippy::zombie_processes, reason = "that it is reaped by its number is what is tested")]
    fn a_process_that_cannot_be_held_is_ended_and_reaped_by_its_number() {
        let process = Command::new("sleep").arg("600").spawn().unwrap();
        let pid = i32::try_from(process.id()).unwrap();
        end(pid);
        assert!(!Path::new(&format!("/proc/{pid}")).exists());
    }
}
