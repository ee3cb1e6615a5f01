//! The back end as a server that can be dialled.

use std::io::ErrorKind;

use async_trait::async_trait;
use tokio::net::TcpStream;
use vitrine_sandbox::Stream;

use super::config::BackendUpstream;
use crate::target::{DialError, Upstream};

#[async_trait]
impl Upstream for BackendUpstream {
    /// Looks the name up anew, so that a back end may move, and tries every address it has.
    async fn dial(&self) -> Result<Stream, DialError> {
        let stream = TcpStream::connect((self.host.as_str(), self.port)).await;
        stream.map(Stream::from).map_err(|error| match error.kind() {
            ErrorKind::ConnectionRefused => DialError::Refused,
            _ => DialError::Failed(error.to_string()),
        })
    }

    /// Always the same: which process answers behind an address cannot be seen.
    fn generation(&self) -> u64 {
        0
    }
}
