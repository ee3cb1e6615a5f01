//! The preview gateway and the hosting of published apps: what is behind this host?
//!
//! [`HostMap`] says what a `Host` header names. [`Gateway`] answers the requests to one session's preview host: it lets
//! in who may see the session, dials the session's dev server, and passes requests, answers and WebSockets through with
//! nothing of ours in them but the bridge in pages, if that is wanted (`docs/preview-bridge.md`). The rules are in `docs/preview-gateway.md`. [`Backend`] passes an app's calls to the back end
//! that the operator configures (`docs/backend-gateway.md`). [`Hosting`]
//! answers the requests to published apps from memory and files (`docs/hosting.md`).

mod admission;
mod admitted;
mod answer;
mod ask;
mod backend;
mod body;
mod bridge;
mod config;
mod connect;
mod cookie;
mod credential;
mod forward;
mod frames;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
mod gateway;
mod headers;
mod host;
mod hosting;
mod missing;
mod opening;
mod page;
mod parking;
mod pool;
mod private;
mod reports;
mod sockets;
mod target;
mod tunnel;

pub use answer::misdirected;
pub use backend::{Backend, BackendConfig, BackendUpstream, InvalidBackend, Visitor};
pub use body::{Body, BoxError};
pub use bridge::BridgeConfig;
pub use config::{GatewayConfig, GatewayLimits, Scheme};
pub use gateway::{Gateway, InvalidGateway};
pub use host::{HostKind, HostMap, InvalidHosts, SiteHost, cdn_path, permalink_slug, request_authority};
pub use hosting::{
    Hosting, HostingConfig, HostingLimits, Object, Rewind, Routed, Site, SiteKey, SiteSource, SiteState,
    SourceError, Usage,
};
pub use private::Entry;
pub use target::{
    Activity, DialError, OpenLink, PreviewApp, PreviewState, PreviewTargets, Redeemed, Redemption, Reported,
    SandboxUpstream, Teller, Upstream, WaitInfo,
};
