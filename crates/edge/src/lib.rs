//! The preview gateway: what is behind this host?
//!
//! [`HostMap`] says what a `Host` header names. [`Gateway`] answers the requests to one session's preview host: it lets
//! in who may see the session, dials the session's dev server, and passes requests, answers and WebSockets through with
//! nothing of ours in them. The rules are in `docs/preview-gateway.md`.

mod admission;
mod answer;
mod ask;
mod body;
mod config;
mod connect;
mod cookie;
mod credential;
mod forward;
mod frames;
mod gateway;
mod headers;
mod host;
mod missing;
mod page;
mod pool;
mod sockets;
mod target;
mod tunnel;

pub use answer::misdirected;
pub use body::{Body, BoxError};
pub use config::{GatewayConfig, GatewayLimits, Scheme};
pub use gateway::{Gateway, InvalidGateway};
pub use host::{HostKind, HostMap, InvalidHosts, request_authority};
pub use target::{Activity, DialError, PreviewState, PreviewTargets, SandboxUpstream, Upstream, WaitInfo};
