//! `vitrine admin collect`: has a running server collect, part after part, until everything was looked at.

use std::time::Duration;

use http::Method;
use serde_json::json;

use crate::Failure;
use crate::client::Client;
use crate::collection::CollectionReport;

/// The last part lists objects and reads the manifests of all artifacts: minutes in a large bucket.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(3_600);

/// Between two parts, so that one that finds the server's own collection under way does not ask without end at once.
const PAUSE: Duration = Duration::from_millis(200);

/// What all parts together removed, or what would go.
pub(super) async fn run(client: &Client, dry_run: bool) -> Result<CollectionReport, Failure> {
    let body = json!({ "dry_run": dry_run });
    let mut report = CollectionReport::default();
    loop {
        let part = client.call_within(ANSWER_TIMEOUT, Method::POST, "/v1/collection", Some(&body)).await?;
        report = joined(report, part);
        if report.is_done {
            return Ok(report);
        }
        tokio::time::sleep(PAUSE).await;
    }
}

fn joined(mut before: CollectionReport, part: CollectionReport) -> CollectionReport {
    // The last word of a dry run is all of it.
    if part.dry_run {
        return part;
    }
    before.is_done = part.is_done;
    before.blobs.add(part.blobs);
    before.trees.add(part.trees);
    before.objects.add(part.objects);
    before.layers.add(part.layers);
    before
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::collection::Share;

    #[test]
    fn the_parts_of_a_collection_add_up_and_those_of_a_dry_run_do_not() {
        let part = |dry_run, is_done| CollectionReport {
            dry_run,
            is_done,
            blobs: Share { count: 2, bytes: 20, ..Share::default() },
            ..CollectionReport::default()
        };
        let both =
            |dry_run| joined(joined(CollectionReport::default(), part(dry_run, false)), part(dry_run, true));
        assert_eq!((both(false).blobs.count, both(false).blobs.bytes, both(false).is_done), (4, 40, true));
        assert_eq!(both(true), part(true, true));
    }
}
