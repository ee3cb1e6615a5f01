//! The real router over a real database and a fake sandbox driver: where most of the API's promises are tested.

mod apps;
mod bad_input;
mod changes;
mod harness;
mod identity;
mod limits;
mod preview_links;
mod publishes;
mod sessions;
