//! `vitrine logs`: what a preview or a publish printed, and what it prints.

use std::time::Duration;

use serde_json::Value;

use super::output::text;
use super::{Desk, app, publish};
use crate::Failure;
use crate::cli::{LogsArgs, PublishRef};

/// The server sends what there is at once and then waits for more; nothing for so long means that this was all.
const QUIET: Duration = Duration::from_millis(700);

/// How long a lost connection is tried again when the log is followed.
const PAUSE: Duration = Duration::from_secs(1);

/// Prints one line each; with `--json` as the API has them.
pub(super) async fn run(desk: &Desk, args: &LogsArgs) -> Result<(), Failure> {
    let app = app::id(&app::find(&desk.client, args.app.app.as_deref()).await?)?;
    let path = match &args.publish {
        None => format!("/v1/apps/{app}/session/logs"),
        Some(PublishRef::Id(id)) => format!("/v1/apps/{app}/publishes/{id}/logs"),
        Some(PublishRef::Last) => {
            let publishes: Value = desk.client.get(&format!("/v1/apps/{app}/publishes?limit=1")).await?;
            let id = publishes["items"][0]["id"].as_str().map(str::to_owned);
            let id = id.ok_or_else(|| Failure::not_found("this app was never published"))?;
            format!("/v1/apps/{app}/publishes/{id}/logs")
        }
    };
    let mut reader = Reader { desk, path, last: None };
    match args.follow {
        false => reader.read(Some(QUIET)).await.map(drop),
        true => reader.follow().await,
    }
}

struct Reader<'a> {
    desk: &'a Desk,
    path: String,
    /// The line after which to go on.
    last: Option<String>,
}

impl Reader<'_> {
    /// Until it is interrupted, or the publish has ended; a server that comes back is found again.
    async fn follow(&mut self) -> Result<(), Failure> {
        let mut is_lost = false;
        let mut has_begun = false;
        loop {
            match self.read(None).await {
                Ok(true) => return Ok(()),
                Ok(false) => {}
                Err(failure) if has_begun && failure.is_unreachable() => {
                    if !is_lost {
                        self.desk.output.note(&format!("… {}; trying again", failure.message()));
                    }
                    is_lost = true;
                    tokio::time::sleep(PAUSE).await;
                    continue;
                }
                Err(failure) => return Err(failure),
            }
            (is_lost, has_begun) = (false, true);
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads on from the last line; `true` when the log has an end and it was reached.
    async fn read(&mut self, quiet: Option<Duration>) -> Result<bool, Failure> {
        let mut events = self.desk.client.events(&self.path, self.last.as_deref()).await?;
        loop {
            let next = match quiet {
                Some(quiet) => match tokio::time::timeout(quiet, events.next()).await {
                    Ok(next) => next?,
                    Err(_) => return Ok(true),
                },
                None => events.next().await?,
            };
            let Some(event) = next else { return Ok(false) };
            match event.name.as_str() {
                "message" | "log" => {
                    let line: Value = event.json()?;
                    self.desk.output.event(&line, || Some(shown(&line)))?;
                    self.last = event.id;
                }
                "end" => return Ok(true),
                _ => {}
            }
        }
    }
}

fn shown(line: &Value) -> String {
    match line["step"].is_null() {
        true => text(line, "text"),
        false => publish::log_line(line),
    }
}
