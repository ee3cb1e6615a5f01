//! `vitrine templates`: what apps can be made from.

use serde_json::Value;

use super::Desk;
use super::output::{table, text};
use crate::Failure;

/// Lists them in the order in which the builder shows them.
pub(super) async fn run(desk: &Desk) -> Result<(), Failure> {
    let answer: Value = desk.client.get("/v1/templates").await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    desk.output.answer(&items, || {
        let rows =
            items.iter().map(|item| [text(item, "key"), text(item, "name"), text(item, "description")]);
        table(["template", "name", "what it is"], rows)
    })
}
