//! What counts as one address.

use std::net::{IpAddr, Ipv6Addr};

/// What is counted together: an IPv4 address, or a /64, which is what one customer of a provider has.
pub(super) fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V6(address) => {
            let network = u128::from(address) & (u128::MAX << 64);
            IpAddr::V6(Ipv6Addr::from(network))
        }
        v4 => v4,
    }
}
