//! Sandboxes: the driver trait, its drivers, the guest protocol and the proxy through which a sandbox may reach out.
//!
//! A [`Driver`] makes sandboxes; a [`Sandbox`] is one isolated execution environment with Vitrine's guest as its first
//! process. Nothing in here knows about apps, drafts or sessions.

pub mod driver;
pub mod egress;
pub mod fake;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod local;
pub mod process;

mod collect;
mod connection;
mod events;
mod pace;
mod passed;
mod reading;
mod run;
mod stream;
mod words;

pub use driver::{Driver, DriverError, Sandbox};
pub use run::{RunEvent, Running};
pub use stream::{Listener, Stream};
