//! Every driver passes the same suite: the local driver as root and as an ordinary user, and the process driver.

#![allow(clippy::unwrap_used, clippy::expect_used, reason = "a test that cannot go on says so by panicking")]

mod suite;
#[path = "../support/mod.rs"]
mod support;

use vitrine_sandbox::local::{HostIds, LocalConfig, LocalDriver, RootSource};
use vitrine_sandbox::process::{ProcessConfig, ProcessDriver};

#[tokio::test(flavor = "multi_thread")]
async fn the_local_driver_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let config =
        LocalConfig { state_dir: dir.path().join("state"), root: RootSource::Host, ids: HostIds::default() };
    suite::run(&LocalDriver::new(config).unwrap()).await;
}

#[test]
fn the_local_driver_conforms_for_an_ordinary_user() {
    support::again_as_user(&["--exact", "the_local_driver_conforms"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_process_driver_conforms() {
    let dir = tempfile::tempdir().unwrap();
    let config = ProcessConfig { state_dir: dir.path().join("state") };
    suite::run(&ProcessDriver::new(config).unwrap()).await;
}
