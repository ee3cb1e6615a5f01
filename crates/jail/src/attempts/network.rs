//! The network, and sockets that lead elsewhere.

use std::fs;
use std::io;
use std::net::{SocketAddr, TcpStream, UdpSocket};
use std::os::linux::net::SocketAddrExt;
use std::os::unix::net::{SocketAddr as UnixAddr, UnixStream};
use std::time::Duration;

use nix::libc;

use super::call::call;
use super::{Attempt, argument, number};
use crate::launch;

pub(super) const ATTEMPTS: &[(&str, Attempt)] = &[
    ("socket", socket),
    ("socket-pair", socket_pair),
    ("connect", connect),
    ("route-to", route_to),
    ("connect-file", |arguments| UnixStream::connect(argument(arguments, 0)?).map(drop)),
    ("connect-name", connect_name),
    ("change-interface", |_| launch::set_loopback(false)),
    ("other-interface", |_| other_interface()),
    ("host-name-of", host_name_of),
];

/// A listener on the same machine answers at once.
const CONNECT_WITHIN: Duration = Duration::from_secs(2);

/// A socket of the given family, kind and protocol.
fn socket(arguments: &[String]) -> io::Result<()> {
    let of = |index| number::<i32>(arguments, index).map(Into::into);
    call(libc::SYS_socket, [of(0)?, of(1)?, of(2)?]).map(drop)
}

/// No family but Unix makes pairs in good faith; one that says so has been reached.
fn socket_pair(arguments: &[String]) -> io::Result<()> {
    let of = |index| number::<i32>(arguments, index).map(Into::into);
    match call(libc::SYS_socketpair, [of(0)?, of(1)?, of(2)?, (&mut [0]).into()]) {
        Err(error) if error.raw_os_error() != Some(libc::EOPNOTSUPP) => Err(error),
        _ => Ok(()),
    }
}

fn connect(arguments: &[String]) -> io::Result<()> {
    let address: SocketAddr = number(arguments, 0)?;
    TcpStream::connect_timeout(&address, CONNECT_WITHIN).map(drop)
}

/// Whether there is a way to an address at all; sends nothing.
fn route_to(arguments: &[String]) -> io::Result<()> {
    let address: SocketAddr = number(arguments, 0)?;
    let any = if address.is_ipv4() { "0.0.0.0:0" } else { "[::]:0" };
    UdpSocket::bind(any)?.connect(address)
}

/// An abstract Unix socket: a name that is in no file system.
fn connect_name(arguments: &[String]) -> io::Result<()> {
    UnixStream::connect_addr(&UnixAddr::from_abstract_name(argument(arguments, 0)?)?).map(drop)
}

/// Whether there is an interface beside the loopback.
fn other_interface() -> io::Result<()> {
    let devices = fs::read_to_string("/proc/net/dev")?;
    let mut names = devices.lines().skip(2).filter_map(|line| Some(line.split_once(':')?.0.trim()));
    match names.any(|name| name != "lo") {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::ENODEV)),
    }
}

/// Whether this is the host's name.
fn host_name_of(arguments: &[String]) -> io::Result<()> {
    match nix::unistd::gethostname()?.to_str() == Some(argument(arguments, 0)?) {
        true => Ok(()),
        false => Err(io::Error::from_raw_os_error(libc::ENODATA)),
    }
}
