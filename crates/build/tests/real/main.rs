//! The few tests that need the real thing: the local driver, the registry, package managers, a dev server.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a failed expectation is a failed test")]

mod builds;
mod egress;
mod facts;
mod layers;
mod prebundle;
mod support;
