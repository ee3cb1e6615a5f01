//! The real router over a real database and a fake sandbox driver: where most of the API's promises are tested.

mod apps;
mod audit;
mod bad_input;
mod changes;
mod collection;
mod egress;
mod harness;
mod host;
mod identity;
mod limits;
mod machine;
mod members;
mod metrics;
mod package_policy;
mod pool;
mod preview_events;
mod preview_links;
mod publishes;
mod requests;
mod resting;
mod secrets;
mod sessions;
mod standing;
mod tenancy;
