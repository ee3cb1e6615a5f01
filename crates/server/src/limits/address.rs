//! Where a request comes from: the peer, or what a trusted proxy says, and what counts as one address.

use std::net::{IpAddr, Ipv6Addr};

use http::{HeaderMap, HeaderName};
use ipnet::IpNet;

const FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The proxies whose word is taken.
pub(super) struct Proxies(Vec<IpNet>);

impl Proxies {
    /// In these ranges.
    pub(super) fn new(ranges: Vec<IpNet>) -> Self {
        Self(ranges)
    }

    /// The last address in the chain that is no trusted proxy: what is before it could be made up.
    pub(super) fn client(&self, peer: IpAddr, headers: &HeaderMap) -> IpAddr {
        if !self.trusts(peer) {
            return peer;
        }
        let lines = headers.get_all(FORWARDED_FOR).iter().rev().filter_map(|line| line.to_str().ok());
        let mut client = peer;
        for hop in lines.flat_map(|line| line.rsplit(',')) {
            let Ok(address) = hop.trim().parse() else { return client };
            client = address;
            if !self.trusts(address) {
                return client;
            }
        }
        client
    }

    fn trusts(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|range| range.contains(&address))
    }
}

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

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_say_where_a_request_comes_from() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let client = |peer: &str, lines: &[&str]| {
            let lines = lines.iter().map(|line| (FORWARDED_FOR, HeaderValue::from_str(line).unwrap()));
            proxies.client(peer.parse().unwrap(), &lines.collect()).to_string()
        };
        assert_eq!(client("192.0.2.1", &["198.51.100.7"]), "192.0.2.1", "anybody can write the header");
        assert_eq!(client("10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1, 198.51.100.7, 10.0.0.2"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["1.1.1.1", "198.51.100.7"]), "198.51.100.7");
        assert_eq!(client("10.0.0.1", &["nonsense, 10.0.0.2"]), "10.0.0.2");
        assert_eq!(client("10.0.0.1", &[]), "10.0.0.1");
        assert_eq!(client("::ffff:10.0.0.1", &["198.51.100.7"]), "198.51.100.7");
    }
}
