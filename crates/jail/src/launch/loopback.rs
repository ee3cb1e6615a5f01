//! The one network interface a sandbox has.

use rustix::io::Errno;
use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType};

use super::LaunchError;

/// The loopback interface is the first of every network namespace.
const LOOPBACK_INDEX: i32 = 1;
const RTM_NEWLINK: u16 = 16;
const NLM_F_REQUEST: u16 = 1;
const NLM_F_ACK: u16 = 4;
const NLMSG_ERROR: u16 = 2;
const IFF_UP: u32 = 1;

/// Sets the loopback interface up; it gets its addresses by itself.
pub(super) fn bring_up() -> Result<(), LaunchError> {
    set(true).map_err(LaunchError::Loopback)
}

/// Sets it up or down.
pub(crate) fn set(is_up: bool) -> Result<(), Errno> {
    // No protocol means zero, which is NETLINK_ROUTE.
    let socket =
        rustix::net::socket_with(AddressFamily::NETLINK, SocketType::RAW, SocketFlags::CLOEXEC, None)?;
    rustix::net::send(&socket, &request(is_up), SendFlags::empty())?;
    let mut answer = [0_u8; 256];
    let (_, count) = rustix::net::recv(&socket, &mut answer[..], RecvFlags::empty())?;
    acknowledged(&answer[..count.min(256)])
}

/// `struct nlmsghdr` and `struct ifinfomsg` of rtnetlink(7).
fn request(is_up: bool) -> Vec<u8> {
    let mut message = Vec::with_capacity(32);
    message.extend_from_slice(&32_u32.to_ne_bytes());
    message.extend_from_slice(&RTM_NEWLINK.to_ne_bytes());
    message.extend_from_slice(&(NLM_F_REQUEST | NLM_F_ACK).to_ne_bytes());
    message.extend_from_slice(&[0; 8]);
    message.extend_from_slice(&[0; 4]);
    message.extend_from_slice(&LOOPBACK_INDEX.to_ne_bytes());
    let flags = if is_up { IFF_UP } else { 0 };
    message.extend_from_slice(&flags.to_ne_bytes());
    message.extend_from_slice(&IFF_UP.to_ne_bytes());
    message
}

/// The answer is an error message whose error is zero.
fn acknowledged(answer: &[u8]) -> Result<(), Errno> {
    let kind = answer.get(4..6).map(|bytes| u16::from_ne_bytes([bytes[0], bytes[1]]));
    let code = answer.get(16..20).map(|bytes| i32::from_ne_bytes([bytes[0], bytes[1], bytes[2], bytes[3]]));
    match (kind, code) {
        (Some(NLMSG_ERROR), Some(0)) => Ok(()),
        (Some(NLMSG_ERROR), Some(code)) => Err(Errno::from_raw_os_error(-code)),
        _ => Err(Errno::PROTO),
    }
}
