//! The network.

use nix::libc::{EAFNOSUPPORT, ECONNREFUSED, ENETUNREACH, ENODATA, ENODEV, EPERM};
use vitrine_jail::walls::Wall::{
    Capabilities, Filter, HostNameNamespace, Landlock, NetworkNamespace, UserNamespace,
};

use crate::attempt::Refusal::Errno;
use crate::attempt::Tries::{self, Inside};
use crate::attempt::{Attempt, Group, Proof, Refusal};
use crate::links::Deed;

const UNREACHABLE: Refusal = Errno(&[ENETUNREACH]);
const REFUSED: Refusal = Errno(&[ECONNREFUSED]);

const fn row(name: &'static str, words: &'static [&'static str], refused: Refusal, proof: Proof) -> Attempt {
    Attempt { name, group: Group::Network, tries: Inside(words), refused, proof }
}

const SHARED_NETWORK: Proof = Proof::Without(&[NetworkNamespace]);
const ROOT_OF_THE_NETWORK: Proof = Proof::Without(&[Capabilities, UserNamespace]);

#[rustfmt::skip]
pub(crate) const TABLE: &[Attempt] = &[
    row("connect to a listener on the host's loopback", &["connect", "127.0.0.1:{port}"], REFUSED, SHARED_NETWORK),
    row("connect to the host's address", &["connect", "{address}:{port}"], UNREACHABLE, SHARED_NETWORK),
    row("find a way to the cloud's metadata", &["route-to", "169.254.169.254:80"], UNREACHABLE, SHARED_NETWORK),
    row("find a way to a name server", &["route-to", "8.8.8.8:53"], UNREACHABLE, SHARED_NETWORK),
    row("find a way to a private network", &["route-to", "10.0.0.1:443"], UNREACHABLE, SHARED_NETWORK),
    row("find a way to everybody nearby", &["route-to", "224.0.0.251:5353"], UNREACHABLE, SHARED_NETWORK),
    row("see the host's interfaces", &["other-interface"], Errno(&[ENODEV]), SHARED_NETWORK),
    row("connect to an abstract socket of the host", &["connect-name", "{abstract}"], REFUSED,
        Proof::Without(&[NetworkNamespace, Landlock])),
    row("learn the host's name", &["host-name-of", "{host name}"], Errno(&[ENODATA]), Proof::Without(&[HostNameNamespace])),
    row("send raw packets", &["socket", "2", "3", "1"], Errno(&[EPERM]), ROOT_OF_THE_NETWORK),
    row("listen to all packets", &["socket", "17", "3", "768"], Errno(&[EAFNOSUPPORT]),
        Proof::Without(&[Filter, Capabilities, UserNamespace])),
    row("take the loopback down", &["change-interface"], Errno(&[EPERM]), ROOT_OF_THE_NETWORK),
    Attempt {
        name: "connect to a neighbour's dev server",
        group: Group::Network,
        tries: Tries::With(Deed::ConnectToNeighbour),
        refused: REFUSED,
        proof: SHARED_NETWORK,
    },
];
