//! What the attack suite leaves lying about on the host for an attempt to find. Never part of what ships.

use std::io;

use nix::libc;

use super::call::call;

/// Readable and writable by everybody, and made anew.
const OPEN_TO_ALL: i32 = 0o666 | libc::IPC_CREAT;

/// Makes a piece of System V shared memory of this key; its id.
pub fn make_shared_memory(key: i32) -> io::Result<i64> {
    call(libc::SYS_shmget, [key.into(), 4096.into(), OPEN_TO_ALL.into()])
}

/// Removes it.
pub fn remove_shared_memory(id: i64) -> io::Result<()> {
    call(libc::SYS_shmctl, [id.into(), libc::IPC_RMID.into(), 0.into()]).map(drop)
}

/// Makes a System V message queue of this key; its id.
pub fn make_message_queue(key: i32) -> io::Result<i64> {
    call(libc::SYS_msgget, [key.into(), OPEN_TO_ALL.into()])
}

/// Removes it.
pub fn remove_message_queue(id: i64) -> io::Result<()> {
    call(libc::SYS_msgctl, [id.into(), libc::IPC_RMID.into(), 0.into()]).map(drop)
}

/// Gives this process, and what it executes, a session keyring with one key of this name in it.
pub fn hold_key(name: &std::ffi::CStr) -> io::Result<()> {
    let join = i64::from(libc::KEYCTL_JOIN_SESSION_KEYRING);
    call(libc::SYS_keyctl, [join.into(), 0.into()])?;
    let keyring = libc::KEY_SPEC_SESSION_KEYRING;
    call(libc::SYS_add_key, [c"user".into(), name.into(), c"x".into(), 1.into(), keyring.into()]).map(drop)
}
