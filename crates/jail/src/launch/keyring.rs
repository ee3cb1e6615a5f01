//! A session keyring of the sandbox's own: without it, what it starts would hold the server's keys.

use std::io;

use nix::libc;

use super::LaunchError;

/// Joins a new, nameless session keyring. Joined as the server's user and not as the sandbox's: a user may have some two
/// hundred keyrings only, and sandboxes may have to share one. Nothing to do on a kernel without keys.
#[allow(unsafe_code, reason = "no crate here wraps keyctl")]
pub(super) fn join_fresh() -> Result<(), LaunchError> {
    let nameless = std::ptr::null::<libc::c_char>();
    // SAFETY: a null name asks for a nameless keyring; nothing is read or written.
    let result = unsafe {
        libc::syscall(libc::SYS_keyctl, libc::KEYCTL_JOIN_SESSION_KEYRING as libc::c_long, nameless)
    };
    match io::Error::last_os_error() {
        _ if result >= 0 => Ok(()),
        error if error.raw_os_error() == Some(libc::ENOSYS) => Ok(()),
        error => Err(LaunchError::Keyring(error)),
    }
}
