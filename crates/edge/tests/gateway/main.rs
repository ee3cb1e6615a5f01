//! The gateway on real sockets: every rule of `docs/preview-gateway.md` as a claim.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod access;
mod bridge;
mod fake_driver;
mod links;
mod proxying;
mod sockets;
mod states;
mod support;
