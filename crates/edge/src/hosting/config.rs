//! Hosting's settings, with their defaults and reasons.

use std::time::Duration;

use crate::config::Scheme;
use crate::host::HostMap;

/// What hosting is told at start.
#[derive(Debug, Clone)]
pub struct HostingConfig {
    /// The hosts of this server.
    pub hosts: HostMap,
    /// How browsers reach us, also when something in front of us ends TLS.
    pub scheme: Scheme,
    /// Requests to this path and beneath are for the app's back end: [`super::Routed::Gateway`]. None: there is no back end.
    pub gateway_prefix: Option<String>,
    /// Times and sizes.
    pub limits: HostingLimits,
}

impl HostingConfig {
    /// The defaults for these hosts.
    pub fn new(hosts: HostMap, scheme: Scheme) -> Self {
        let gateway_prefix = Some("/api/py".to_owned());
        Self { hosts, scheme, gateway_prefix, limits: HostingLimits::default() }
    }
}

/// Times and sizes, each with its reason.
#[derive(Debug, Clone)]
pub struct HostingLimits {
    /// A site this old is looked at again, in the background: another node may have switched it without telling us.
    pub site_ttl: Duration,
    /// How long a name is remembered to be nobody's: strangers who try names do not reach the database with each.
    pub unknown_ttl: Duration,
    /// Names kept in memory, with their sites.
    pub max_sites: usize,
    /// Bytes that their lists of files may take together, estimated: a site of a hundred thousand files counts as what it is.
    pub max_site_bytes: u64,
    /// Bytes of objects kept in memory.
    pub memory_bytes: u64,
    /// Files kept open: below the usual limit of descriptors, with room for connections.
    pub max_open_files: u64,
    /// From the first byte of a request's head to its last; and for a new connection, from its beginning.
    pub head_timeout: Duration,
    /// How long a connection is kept without a request.
    pub idle_timeout: Duration,
    /// How long a reader may take nothing of an answer.
    pub stall_timeout: Duration,
}

impl Default for HostingLimits {
    fn default() -> Self {
        Self {
            site_ttl: Duration::from_secs(5),
            unknown_ttl: Duration::from_secs(2),
            max_sites: 10_000,
            max_site_bytes: 128 * 1024 * 1024,
            memory_bytes: 64 * 1024 * 1024,
            max_open_files: 512,
            head_timeout: Duration::from_secs(15),
            idle_timeout: Duration::from_secs(75),
            stall_timeout: Duration::from_secs(30),
        }
    }
}
