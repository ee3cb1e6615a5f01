//! Vitrine's jail: the program that turns itself into a local sandbox, and the guest it becomes.
//!
//! One small static binary, `vitrine-guest`, has two lives. Outside it is the *launcher* ([`launch`]): single-threaded,
//! started by the server with a [`spec::LaunchSpec`], it joins the control groups, makes the namespaces, builds the
//! root file system, gives up every privilege and executes itself again. Inside it is the *guest* ([`guest`]): process
//! 1 of the sandbox, without privileges, answering the server over [`protocol`].
//!
//! All namespace, mount and seccomp calls of Vitrine are in [`launch`]; all `unsafe` code of Vitrine is in this crate.
//! It depends on no other crate of ours, so that it can be read and audited on its own.

pub mod attempts;
pub mod files;
#[cfg(any(test, fuzzing))]
pub mod fuzz;
pub mod guest;
pub mod launch;
pub mod layout;
pub mod lines;
pub mod protocol;
pub mod spec;
pub mod walls;
