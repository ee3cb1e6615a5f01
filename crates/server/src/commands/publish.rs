//! `vitrine publish`: asks for a publish, follows its steps and its log, and ends with the link.

use std::time::{Duration, Instant};

use http::Method;
use serde_json::{Value, json};

use super::output::text;
use super::progress::{Step, Steps, took};
use super::{Desk, app};
use crate::Failure;
use crate::cli::PublishArgs;
use crate::client::ServerEvent;

/// How long a server may be away while its publish is followed; a restart takes seconds.
const MOST_AWAY: Duration = Duration::from_secs(120);

/// Between two tries to reach it.
const PAUSE: Duration = Duration::from_millis(500);

/// Ends with the link on standard output, or with exit code 9 and the reason.
pub(super) async fn run(desk: &Desk, args: &PublishArgs) -> Result<(), Failure> {
    let app = app::find(&desk.client, args.app.app.as_deref()).await?;
    let publishes = format!("/v1/apps/{}/publishes", app::id(&app)?);
    let publish: Value = desk.client.call(Method::POST, &publishes, Some(&wish(args))).await?;
    let id = text(&publish, "id");
    if args.detach {
        return desk.output.answer(&publish, || id.clone());
    }
    desk.output.note(&format!("Publishing {} …", app::name(&app)));
    let mut watch = Watch {
        desk,
        path: format!("{publishes}/{id}"),
        steps: Steps::new(desk.output),
        is_quiet: args.quiet,
        last: None,
    };
    tokio::select! {
        publish = watch.until_ended() => end(desk, &publish?),
        _ = tokio::signal::ctrl_c() => {
            watch.steps.clear();
            Err(Failure::interrupted(format!("the publish goes on: vitrine logs --publish {id} --follow")))
        }
    }
}

fn wish(args: &PublishArgs) -> Value {
    let mut wish = json!({});
    if let Some(revision) = &args.revision {
        wish["revision"] = json!(revision);
    }
    if args.development {
        wish["mode"] = json!("development");
    }
    if args.preview {
        wish["target"] = json!("preview");
    }
    if let Some(environment) = args.environment {
        wish["environment"] = json!(environment);
    }
    wish
}

struct Watch<'a> {
    desk: &'a Desk,
    path: String,
    steps: Steps,
    is_quiet: bool,
    /// The line of the log after which to go on.
    last: Option<String>,
}

impl Watch<'_> {
    /// The publish once it has ended. A server that is started anew meanwhile is found again.
    async fn until_ended(&mut self) -> Result<Value, Failure> {
        let mut heard = Instant::now();
        loop {
            match self.follow().await {
                Ok(true) => {
                    self.steps.clear();
                    return self.desk.client.get(&self.path).await;
                }
                Ok(false) => heard = Instant::now(),
                Err(failure) if failure.is_unreachable() && heard.elapsed() < MOST_AWAY => {}
                Err(failure) => return Err(failure),
            }
            tokio::time::sleep(PAUSE).await;
        }
    }

    /// Reads on from the last line; `true` when the publish has ended.
    async fn follow(&mut self) -> Result<bool, Failure> {
        let mut events =
            self.desk.client.events(&format!("{}/logs", self.path), self.last.as_deref()).await?;
        while let Some(event) = events.next().await? {
            if event.name == "end" {
                return Ok(true);
            }
            self.take(&event)?;
        }
        Ok(false)
    }

    fn take(&mut self, event: &ServerEvent) -> Result<(), Failure> {
        let output = self.desk.output;
        match event.name.as_str() {
            "log" => {
                let line: Value = event.json()?;
                output.event(&json!({ "event": "log", "line": line }), || None)?;
                if !self.is_quiet {
                    self.steps.say(&log_line(&line));
                }
                self.last = event.id.clone();
                Ok(())
            }
            "publish" => {
                let publish: Value = event.json()?;
                self.steps.show(&Step::all(&publish["steps"]));
                output.event(&json!({ "event": "publish", "publish": publish }), || None)
            }
            _ => Ok(()),
        }
    }
}

/// A line of a publish's log, with the step that printed it.
pub(super) fn log_line(line: &Value) -> String {
    format!("  {:9} │ {}", text(line, "step"), text(line, "text"))
}

fn end(desk: &Desk, publish: &Value) -> Result<(), Failure> {
    let is_preview = publish["target"] == "preview";
    let url = match is_preview {
        true => text(publish, "permalink_url"),
        false => text(publish, "site_url"),
    };
    desk.output.event(&json!({ "event": "end", "publish": publish, "url": url }), || None)?;
    let status = text(publish, "status");
    if status == "succeeded" {
        desk.output.note(&summary(publish, is_preview));
        return if desk.output.is_json() { Ok(()) } else { desk.output.event(&url, || Some(url.clone())) };
    }
    let reason = text(&publish["error"], "detail");
    let faults = publish["error"]["errors"].as_array().cloned().unwrap_or_default();
    let faults: String = faults.iter().map(|fault| format!("\n  {}", fault_line(fault))).collect();
    let kept = "What visitors saw before, they see still.";
    Err(Failure::not_published(match reason.as_str() {
        "" => format!("The publish is {status}. {kept}"),
        reason => format!("The publish is {status}: {reason}{faults}\n{kept}"),
    }))
}

fn fault_line(fault: &Value) -> String {
    match (text(fault, "path"), text(fault, "line"), text(fault, "message")) {
        (path, _, message) if path.is_empty() => message,
        (path, line, message) if line.is_empty() => format!("{path}: {message}"),
        (path, line, message) => format!("{path}:{line}: {message}"),
    }
}

fn summary(publish: &Value, is_preview: bool) -> String {
    let what = if is_preview { "The static preview is ready" } else { "Published" };
    let from = if publish["reused"] == true { ", without a build: nothing had changed" } else { "" };
    match Step::total_millis(publish) {
        Some(millis) => format!("{what} in {}{from}:", took(millis)),
        None => format!("{what}{from}:"),
    }
}
