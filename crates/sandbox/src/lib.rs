//! Sandboxes: the driver trait, its drivers, the guest protocol and the proxy through which a sandbox may reach out.
//!
//! A [`Driver`] makes sandboxes; a [`Sandbox`] is one isolated execution environment with Vitrine's guest as its first
//! process. Nothing in here knows about apps, drafts or sessions.

pub mod driver;
pub mod egress;
pub mod fake;
pub mod local;
pub mod process;

mod collect;
mod connection;
mod events;

pub use driver::{Driver, DriverError, Sandbox};
