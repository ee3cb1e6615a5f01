//! Hosting on real sockets: every rule of `docs/hosting.md` as a claim, and nginx beside it.
#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on has failed")]

mod client;
mod config_slot;
mod connections;
mod nginx;
mod paths;
mod representations;
mod sites;
mod support;
