//! Where a request comes from. `X-Forwarded-For` is what anybody may write, so it is believed from named proxies alone.

use std::net::IpAddr;

use http::HeaderMap;
use ipnet::IpNet;

/// Hops that are looked at: a chain of proxies is short, a forged header need not be.
const MOST_HOPS: usize = 16;

/// The proxies whose word about their clients is taken.
#[derive(Debug, Clone, Default)]
pub(crate) struct TrustedProxies(Vec<IpNet>);

impl TrustedProxies {
    pub(crate) fn new(ranges: Vec<IpNet>) -> Self {
        Self(ranges)
    }

    /// The client's address: the connection's own, or, through trusted proxies, the last hop that is none of them.
    pub(super) fn client(&self, peer: Option<IpAddr>, headers: &HeaderMap) -> Option<IpAddr> {
        let mut nearest = plain(peer?);
        let lines = headers.get_all("x-forwarded-for").iter().rev();
        let hops = lines.flat_map(|line| line.as_bytes().rsplit(|byte| *byte == b','));
        for hop in hops.take(MOST_HOPS) {
            if !self.is_trusted(nearest) {
                break;
            }
            // Each by itself: what the client wrote into its part takes nothing from what the proxies wrote into theirs.
            let before = std::str::from_utf8(hop).ok().and_then(|hop| hop.trim().parse().ok());
            let Some(before) = before else { break };
            nearest = plain(before);
        }
        Some(nearest)
    }

    fn is_trusted(&self, address: IpAddr) -> bool {
        self.0.iter().any(|range| range.contains(&address))
    }
}

/// An IPv4 address is the same one when a socket for both families shows it.
fn plain(address: IpAddr) -> IpAddr {
    address.to_canonical()
}

#[cfg(test)]
mod tests {
    use http::HeaderValue;

    use super::*;

    fn client(trusted: &str, peer: &str, forwarded: &[&str]) -> String {
        let ranges = trusted.split(',').filter(|range| !range.is_empty()).map(|range| range.parse().unwrap());
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", HeaderValue::from_bytes(line.as_bytes()).unwrap());
        }
        let client = TrustedProxies::new(ranges.collect()).client(Some(peer.parse().unwrap()), &headers);
        client.unwrap().to_string()
    }

    #[test]
    fn a_strangers_header_is_not_believed() {
        assert_eq!(client("", "198.51.100.7", &["10.0.0.1"]), "198.51.100.7");
        assert_eq!(client("10.0.0.0/8", "198.51.100.7", &["203.0.113.9"]), "198.51.100.7");
    }

    #[test]
    fn through_trusted_proxies_the_last_hop_that_is_none_counts() {
        let proxies = "10.0.0.0/8,192.0.2.1/32";
        assert_eq!(client(proxies, "10.0.0.1", &["203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(proxies, "10.0.0.1", &["1.2.3.4, 203.0.113.9, 192.0.2.1"]), "203.0.113.9");
        assert_eq!(client(proxies, "10.0.0.1", &["1.2.3.4", "203.0.113.9"]), "203.0.113.9");
        assert_eq!(client(proxies, "::ffff:10.0.0.1", &["2001:db8::1"]), "2001:db8::1");
    }

    #[test]
    fn what_a_client_forges_does_not_hide_it_behind_its_proxy() {
        for forged in ["\u{e9}", "\u{1f600}, 1.2.3.4", "1.2.3.4\u{e9}"] {
            let line = format!("{forged}, 203.0.113.9");
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[&line]), "203.0.113.9", "{forged}");
            assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[forged, "203.0.113.9"]), "203.0.113.9", "{forged}");
        }
    }

    #[test]
    fn a_hop_that_is_no_address_ends_the_search() {
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &["203.0.113.9, unknown"]), "10.0.0.1");
        assert_eq!(client("10.0.0.0/8", "10.0.0.1", &[]), "10.0.0.1");
    }
}
