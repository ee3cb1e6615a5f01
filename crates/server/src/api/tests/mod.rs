//! The real router over a real database and a fake sandbox driver: where most of the API's promises are tested.

mod apps;
mod audit;
mod bad_input;
mod changes;
mod harness;
mod host;
mod identity;
mod members;
mod publishes;
mod sessions;
mod tenancy;
