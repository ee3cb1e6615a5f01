//! The way to the back end on real sockets: every rule of `docs/backend-gateway.md` as a claim.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod failing;
mod passing;
mod refusing;
mod sockets;
mod support;
