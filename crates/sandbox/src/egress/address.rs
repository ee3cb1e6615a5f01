//! Which addresses a sandbox may be connected to: public unicast ones, and what the operator excepts.
//!
//! Source of the ranges: the IANA special-purpose address registries for IPv4 and IPv6.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, UdpSocket};

use ipnet::{IpNet, Ipv4Net, Ipv6Net};

/// IPv4 ranges that are not public unicast, as (address, prefix length).
const REFUSED_V4: [(Ipv4Addr, u8); 20] = [
    (Ipv4Addr::new(0, 0, 0, 0), 8),
    (Ipv4Addr::new(10, 0, 0, 0), 8),
    (Ipv4Addr::new(100, 64, 0, 0), 10),
    (Ipv4Addr::new(127, 0, 0, 0), 8),
    (Ipv4Addr::new(169, 254, 0, 0), 16),
    (Ipv4Addr::new(172, 16, 0, 0), 12),
    (Ipv4Addr::new(192, 0, 0, 0), 24),
    (Ipv4Addr::new(192, 0, 2, 0), 24),
    (Ipv4Addr::new(192, 31, 196, 0), 24),
    (Ipv4Addr::new(192, 52, 193, 0), 24),
    // 6to4 relays.
    (Ipv4Addr::new(192, 88, 99, 0), 24),
    (Ipv4Addr::new(192, 168, 0, 0), 16),
    (Ipv4Addr::new(192, 175, 48, 0), 24),
    (Ipv4Addr::new(198, 18, 0, 0), 15),
    (Ipv4Addr::new(198, 51, 100, 0), 24),
    (Ipv4Addr::new(203, 0, 113, 0), 24),
    (Ipv4Addr::new(224, 0, 0, 0), 4),
    (Ipv4Addr::new(240, 0, 0, 0), 4),
    // A cloud's metadata and DNS service at a public address.
    (Ipv4Addr::new(168, 63, 129, 16), 32),
    (Ipv4Addr::new(255, 255, 255, 255), 32),
];

/// The only IPv6 range of public unicast addresses. What embeds IPv4 addresses outside of it (NAT64, mapped,
/// compatible) is refused with everything else.
const GLOBAL_V6: (Ipv6Addr, u8) = (Ipv6Addr::new(0x2000, 0, 0, 0, 0, 0, 0, 0), 3);

/// Ranges inside [`GLOBAL_V6`] that are not public unicast.
const REFUSED_V6: [(Ipv6Addr, u8); 5] = [
    // Protocol assignments: Teredo, ORCHID, benchmarking.
    (Ipv6Addr::new(0x2001, 0, 0, 0, 0, 0, 0, 0), 23),
    (Ipv6Addr::new(0x2001, 0xdb8, 0, 0, 0, 0, 0, 0), 32),
    // 6to4 embeds any IPv4 address.
    (Ipv6Addr::new(0x2002, 0, 0, 0, 0, 0, 0, 0), 16),
    (Ipv6Addr::new(0x2620, 0x4f, 0x8000, 0, 0, 0, 0, 0), 48),
    (Ipv6Addr::new(0x3fff, 0, 0, 0, 0, 0, 0, 0), 20),
];

/// True when a sandbox may be connected to `address`: it is public, or in one of the operator's `exceptions`.
pub fn is_permitted(address: IpAddr, exceptions: &[IpNet]) -> bool {
    // An IPv4 address in IPv6 clothes is judged as what it reaches.
    let address = address.to_canonical();
    if exceptions.iter().any(|range| range.contains(&address)) {
        return true;
    }
    match address {
        IpAddr::V4(address) => !REFUSED_V4.iter().any(|(base, length)| in_v4(*base, *length, address)),
        IpAddr::V6(address) => {
            in_v6(GLOBAL_V6.0, GLOBAL_V6.1, address)
                && !REFUSED_V6.iter().any(|(base, length)| in_v6(*base, *length, address))
        }
    }
}

/// As [`is_permitted`], and it is not this machine: its own public address leads past the firewall in front of it.
pub(super) fn may_be_reached(address: IpAddr, exceptions: &[IpNet]) -> bool {
    let is_excepted = exceptions.iter().any(|range| range.contains(&address.to_canonical()));
    is_permitted(address, exceptions) && (is_excepted || !is_own(address))
}

/// Whether this machine has the address: it would send to it from that same one. Nothing is sent.
fn is_own(address: IpAddr) -> bool {
    let any = match address {
        IpAddr::V4(_) => IpAddr::from(Ipv4Addr::UNSPECIFIED),
        IpAddr::V6(_) => IpAddr::from(Ipv6Addr::UNSPECIFIED),
    };
    let source = || {
        let socket = UdpSocket::bind((any, 0))?;
        // Any port: a datagram socket only looks the way up.
        socket.connect((address, 9))?;
        socket.local_addr()
    };
    source().is_ok_and(|source| source.ip().to_canonical() == address.to_canonical())
}

fn in_v4(base: Ipv4Addr, length: u8, address: Ipv4Addr) -> bool {
    Ipv4Net::new(base, length).is_ok_and(|range| range.contains(&address))
}

fn in_v6(base: Ipv6Addr, length: u8, address: Ipv6Addr) -> bool {
    Ipv6Net::new(base, length).is_ok_and(|range| range.contains(&address))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_public_unicast_addresses_are_permitted() {
        for text in ["1.1.1.1", "104.16.0.35", "2606:4700::6810:23", "100.63.255.255", "172.32.0.1"] {
            assert!(is_permitted(text.parse().unwrap(), &[]), "{text}");
        }
        for text in [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "100.100.100.200",
            "127.0.0.1",
            "169.254.169.254",
            "172.31.255.255",
            "192.0.0.192",
            "192.0.2.1",
            "192.88.99.1",
            "192.168.0.1",
            "198.19.255.255",
            "198.51.100.7",
            "203.0.113.80",
            "224.0.0.1",
            "240.0.0.1",
            "255.255.255.255",
            "168.63.129.16",
            "::",
            "::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "::10.0.0.1",
            "64:ff9b::7f00:1",
            "fe80::1",
            "fd00:ec2::254",
            "ff02::1",
            "2001:db8::1",
            "2001::1",
            "2002:7f00:1::",
            "3fff::1",
            "fec0::1",
            "100::1",
            "5f00::1",
        ] {
            assert!(!is_permitted(text.parse().unwrap(), &[]), "{text}");
        }
    }

    #[test]
    fn addresses_of_this_machine_are_its_own_and_others_are_not() {
        let socket = UdpSocket::bind("0.0.0.0:0").unwrap();
        let own = socket.connect("192.0.2.1:9").and_then(|()| socket.local_addr());
        let own = own.map_or(Ipv4Addr::LOCALHOST.into(), |own| own.ip());
        assert!(is_own(own), "{own}");
        assert!(is_own("127.0.0.1".parse().unwrap()));
        assert!(!is_own("192.0.2.1".parse().unwrap()));
        assert!(!may_be_reached(own, &[]));
        assert!(may_be_reached(own, &["0.0.0.0/0".parse().unwrap()]), "unless the operator excepts it");
    }

    #[test]
    fn an_exception_permits_its_range_and_no_more() {
        let exceptions = ["203.0.113.0/24".parse().unwrap()];
        assert!(is_permitted("203.0.113.80".parse().unwrap(), &exceptions));
        assert!(is_permitted("::ffff:203.0.113.80".parse().unwrap(), &exceptions));
        assert!(!is_permitted("192.0.2.80".parse().unwrap(), &exceptions));
    }
}
