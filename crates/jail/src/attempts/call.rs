//! System calls as an attacker makes them: by number.

use std::ffi::CStr;
use std::io;

use nix::libc;

/// One argument of a system call.
pub(super) enum Arg<'a> {
    /// A number, a flag, a descriptor, or a null pointer. Never an address.
    Number(i64),
    /// A text that the kernel reads.
    Text(&'a CStr),
    /// Memory that the kernel reads or writes, as whole words.
    Words(&'a mut [u64]),
}

impl From<i32> for Arg<'_> {
    fn from(number: i32) -> Self {
        Self::Number(number.into())
    }
}

impl From<i64> for Arg<'_> {
    fn from(number: i64) -> Self {
        Self::Number(number)
    }
}

impl<'a> From<&'a CStr> for Arg<'a> {
    fn from(text: &'a CStr) -> Self {
        Self::Text(text)
    }
}

impl<'a, const COUNT: usize> From<&'a mut [u64; COUNT]> for Arg<'a> {
    fn from(words: &'a mut [u64; COUNT]) -> Self {
        Self::Words(words)
    }
}

/// Makes the call; its result, or the error number.
#[allow(unsafe_code, reason = "no crate wraps the calls that no honest program makes")]
pub(super) fn call<const COUNT: usize>(number: libc::c_long, arguments: [Arg<'_>; COUNT]) -> io::Result<i64> {
    let mut raw = [0_i64; 6];
    for (slot, argument) in raw.iter_mut().zip(arguments) {
        *slot = match argument {
            Arg::Number(number) => number,
            Arg::Text(text) => text.as_ptr() as i64,
            Arg::Words(words) => words.as_mut_ptr() as i64,
        };
    }
    let [a, b, c, d, e, f] = raw;
    // SAFETY: every address among the arguments is of memory that the caller lends for the call, and mutably where the
    // kernel may write; the structures of these calls are whole words within it. No call here changes this process's
    // memory map or shares its memory with a new process.
    match unsafe { libc::syscall(number, a, b, c, d, e, f) } {
        result if result < 0 => Err(io::Error::last_os_error()),
        result => Ok(result),
    }
}

/// For a call whose input is incomplete on purpose: got through when the error is none of those that walls answer with.
pub(super) fn reached(result: io::Result<i64>) -> io::Result<()> {
    const OF_WALLS: [i32; 4] = [libc::EPERM, libc::EACCES, libc::ENOSYS, libc::ESRCH];
    match result {
        Err(error) if error.raw_os_error().is_some_and(|errno| OF_WALLS.contains(&errno)) => Err(error),
        _ => Ok(()),
    }
}

/// Runs `work` in a forked child and answers as it did.
#[allow(unsafe_code, reason = "a child that goes on in the same program needs a plain fork")]
pub(super) fn in_child(work: impl FnOnce() -> io::Result<()>) -> io::Result<()> {
    // SAFETY: an attempt has one thread, so the child may go on as its parent would.
    match unsafe { libc::fork() } {
        0 => {
            let errno = work().err().map_or(0, |error| error.raw_os_error().unwrap_or(libc::EIO));
            std::process::exit(errno)
        }
        child => wait_for(child),
    }
}

/// Waits for a child; the error number it exited with.
pub(super) fn wait_for(child: i32) -> io::Result<()> {
    let child = rustix::process::Pid::from_raw(child).filter(|_| child > 0);
    let child = child.ok_or_else(io::Error::last_os_error)?;
    let waited = rustix::process::waitpid(Some(child), rustix::process::WaitOptions::empty())?;
    match waited.and_then(|(_, status)| status.exit_status()) {
        Some(0) => Ok(()),
        Some(errno) => Err(io::Error::from_raw_os_error(errno)),
        None => Err(io::Error::from_raw_os_error(libc::EINTR)),
    }
}
