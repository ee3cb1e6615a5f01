//! The store against a real database file and a real directory of objects; time and randomness are the test's.

#![allow(clippy::unwrap_used, reason = "clippy allows it in test functions only, not in their helpers")]

mod apps;
mod assets;
mod audit;
mod beside_writers;
mod blobs;
mod bookkeeping;
mod content_collection;
mod drafts;
mod durability;
mod footprint;
mod hosting;
mod identity;
mod links;
mod publishes;
mod publishing;
mod releases;
mod revisions;
mod s3;
mod secrets;
mod sessions;
mod support;
