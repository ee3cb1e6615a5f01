//! The launcher: from an ordinary process of the server to a sandbox, one step after the other.
//!
//! It is single-threaded and runs for some milliseconds. Standard input is the control socket, standard output the
//! dial socket. The order matters:
//!
//! 1. read the spec; let go of foreign descriptors and keys; join the control groups, so that everything after is
//!    counted there;
//! 2. as an ordinary user: enter a user namespace first, because all that follows needs its privileges;
//! 3. clone a child into new mount, process, network, IPC, UTS and cgroup namespaces, as a child *of the server*
//!    (`CLONE_PARENT`): no process has to stay behind to wait for it;
//! 4. in the child: loopback up, root file system built and entered;
//! 5. as root: enter a user namespace last, where the sandbox's root is a user of the host that nothing else is; it was made
//!    before the clone, by that user;
//! 6. limits, capabilities, `no_new_privs`, Landlock, seccomp; then execute the same binary as the guest.
//!
//! Each of these is one wall ([`Wall`](crate::walls::Wall)).

mod cgroup;
mod devices;
mod error;
mod keyring;
mod landlock;
mod loopback;
mod mounts;
mod namespaces;
mod privileges;
mod procfs;
mod root;
mod seccomp;

use std::ffi::CStr;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::{AsFd, OwnedFd};
use std::process::ExitCode;

use rustix::fs::{Mode, OFlags};
use rustix::net::{AddressFamily, SocketFlags, SocketType, socketpair};
use rustix::process::Pid;

pub use error::LaunchError;

pub use self::landlock::version as landlock_version;

/// Sets the loopback interface up or down: for an attempt that must not get through.
pub(crate) fn set_loopback(is_up: bool) -> std::io::Result<()> {
    Ok(loopback::set(is_up)?)
}

use crate::layout::HOST_NAME;
use crate::protocol::{Message, frame};
use crate::spec::{Identity, LaunchSpec};
use crate::walls::{Wall, stands};

/// What the launcher tells the child.
const GO: u8 = b'g';

/// Runs the launcher. In the process that becomes the sandbox this never returns; it returns in the launcher itself,
/// and after a failure, which has been reported on the control socket.
pub fn run() -> ExitCode {
    let control = match std::io::stdin().as_fd().try_clone_to_owned() {
        Ok(descriptor) => File::from(descriptor),
        Err(_) => return ExitCode::FAILURE,
    };
    match launch(&control) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let failed = Message::Failed { step: error.step().to_owned(), reason: error.to_string() };
            // Nobody is there to be told when the server is gone.
            let _ = frame::write(&mut &control, &failed, &[]);
            ExitCode::FAILURE
        }
    }
}

fn launch(mut control: &File) -> Result<(), LaunchError> {
    let (mut spec, _) = frame::read::<LaunchSpec>(&mut control)
        .map_err(|error| LaunchError::Spec(error.to_string()))?
        .ok_or_else(|| LaunchError::Spec("the server is gone".to_owned()))?;
    if !stands(Wall::OwnUser) && spec.identity != Identity::Myself {
        spec.identity = Identity::nobody();
    }
    let program = rustix::fs::open("/proc/self/exe", OFlags::PATH | OFlags::CLOEXEC, Mode::empty())
        .map_err(LaunchError::OpenSelf)?;
    if stands(Wall::LauncherDescriptors) {
        privileges::keep_standard_descriptors_only()?;
    }
    if stands(Wall::Keyring) {
        keyring::join_fresh()?;
    }
    if stands(Wall::ControlGroup) {
        cgroup::join(&spec.cgroup_procs)?;
    }
    rustix::process::setsid().map_err(LaunchError::NewSession)?;
    if stands(Wall::ResourceLimits) {
        privileges::dump_no_core()?;
    }
    let user = match spec.identity {
        Identity::Myself => namespaces::enter_user_as_myself().map(|()| None)?,
        Identity::Mapped { uid, gid } if stands(Wall::UserNamespace) => {
            Some(namespaces::make_user(uid, gid)?)
        }
        Identity::Mapped { .. } => None,
    };
    let (ours, theirs) = socketpair(AddressFamily::UNIX, SocketType::STREAM, SocketFlags::CLOEXEC, None)
        .map_err(LaunchError::Pair)?;
    match namespaces::clone_into_namespaces()? {
        Some(pid) => {
            drop(theirs);
            attend(pid, control, File::from(ours))
        }
        None => {
            drop(ours);
            become_guest(&spec, user, File::from(theirs), program)
        }
    }
}

/// The launcher's part after the clone: says who the child is, and is done.
fn attend(pid: Pid, mut control: &File, mut child: File) -> Result<(), LaunchError> {
    let launched = Message::Launched { pid: pid.as_raw_nonzero().get() };
    frame::write(&mut control, &launched, &[]).map_err(|error| LaunchError::Report(error.to_string()))?;
    child.write_all(&[GO]).map_err(LaunchError::Handshake)
}

/// The child's part: everything up to the guest's first instruction. Returns only when a step failed.
fn become_guest(
    spec: &LaunchSpec,
    user: Option<OwnedFd>,
    mut launcher: File,
    program: OwnedFd,
) -> Result<(), LaunchError> {
    expect(&mut launcher, GO)?;
    if stands(Wall::HostNameNamespace) {
        nix::unistd::sethostname(HOST_NAME).map_err(|error| LaunchError::HostName(error.into()))?;
    }
    loopback::bring_up()?;
    let settings = root::enter(spec, user.as_ref())?;
    if let Identity::Mapped { .. } = spec.identity {
        namespaces::leave_groups()?;
    }
    if let Some(user) = &user {
        namespaces::enter_made_user(user)?;
        namespaces::become_inner_root()?;
    }
    // Without a user namespace of its own these would be the host's settings.
    let is_own = user.is_some() || spec.identity == Identity::Myself;
    if is_own && stands(Wall::UserLimits) {
        namespaces::bound_user(&settings)?;
    }
    give_up_privileges(spec)?;
    execute_guest(&program)
}

fn give_up_privileges(spec: &LaunchSpec) -> Result<(), LaunchError> {
    if stands(Wall::ResourceLimits) {
        privileges::lower_limits(spec.open_files, spec.processes)?;
    }
    privileges::ordinary_priority()?;
    privileges::gain_no_more()?;
    if stands(Wall::Capabilities) {
        privileges::drop_all()?;
    }
    if stands(Wall::Landlock) {
        landlock::restrict(spec)?;
    }
    if stands(Wall::Filter) {
        seccomp::install()?;
    }
    Ok(())
}

fn expect(launcher: &mut File, wanted: u8) -> Result<(), LaunchError> {
    let mut byte = [0];
    launcher.read_exact(&mut byte).map_err(LaunchError::Handshake)?;
    match byte[0] == wanted {
        true => Ok(()),
        false => Err(LaunchError::Handshake(std::io::ErrorKind::InvalidData.into())),
    }
}

/// Executing anew, instead of going on in this process, leaves behind the memory that holds host paths, and a libc
/// that has not noticed the clone.
fn execute_guest(program: &OwnedFd) -> Result<(), LaunchError> {
    let arguments = guest_arguments();
    let environment: [&CStr; 0] = [];
    let flags = nix::fcntl::AtFlags::AT_EMPTY_PATH;
    match nix::unistd::execveat(program, c"", &arguments, &environment, flags) {
        Err(error) => Err(LaunchError::Execute(error.into())),
        Ok(never) => match never {},
    }
}

#[cfg(not(feature = "weakened"))]
fn guest_arguments() -> [&'static CStr; 2] {
    [c"vitrine-guest", c"init"]
}

/// The guest builds walls, too.
#[cfg(feature = "weakened")]
fn guest_arguments() -> [std::ffi::CString; 3] {
    [
        c"vitrine-guest".into(),
        c"init".into(),
        std::ffi::CString::new(crate::walls::missing()).unwrap_or_default(),
    ]
}
