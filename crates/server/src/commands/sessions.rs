//! `vitrine sessions`: live previews of apps.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};

use super::output::{Output, text, time};
use super::progress::{Step, Steps, took};
use super::{Desk, app};
use crate::Failure;
use crate::cli::SessionsCommand;

/// How often is asked how far a start is.
const ASK_INTERVAL: Duration = Duration::from_millis(300);

/// Runs one command.
pub(super) async fn run(output: Output, command: SessionsCommand) -> Result<(), Failure> {
    match command {
        SessionsCommand::Show { app, server } => {
            let desk = Desk::open(output, &server)?;
            let session: Value = desk.client.get(&place(&desk, app.app.as_deref()).await?).await?;
            desk.output.answer(&session, || told(&session))
        }
        SessionsCommand::Start { app, server } => {
            let desk = Desk::open(output, &server)?;
            let place = place(&desk, app.app.as_deref()).await?;
            started(&desk, desk.client.call(Method::PUT, &place, None::<&()>).await?, &place).await
        }
        SessionsCommand::Restart { app, server } => {
            let desk = Desk::open(output, &server)?;
            let place = place(&desk, app.app.as_deref()).await?;
            let restart = format!("{place}/restart");
            started(&desk, desk.client.call(Method::POST, &restart, None::<&()>).await?, &place).await
        }
        SessionsCommand::Stop { app, server } => {
            let desk = Desk::open(output, &server)?;
            let place = place(&desk, app.app.as_deref()).await?;
            let () = desk.client.call(Method::DELETE, &place, None::<&()>).await?;
            desk.output.answer(&json!({ "stopped": true }), || "Stopped.".to_owned())
        }
    }
}

async fn place(desk: &Desk, named: Option<&str>) -> Result<String, Failure> {
    let app = app::id(&app::find(&desk.client, named).await?)?;
    Ok(format!("/v1/apps/{app}/session"))
}

/// Waits until the preview runs; prints an address that opens once.
async fn started(desk: &Desk, mut session: Value, place: &str) -> Result<(), Failure> {
    let mut steps = Steps::new(desk.output);
    while session["status"] == "starting" {
        steps.show(&Step::all(&session["timings"]["steps"]));
        tokio::time::sleep(ASK_INTERVAL).await;
        session = desk.client.get(place).await?;
    }
    steps.show(&Step::all(&session["timings"]["steps"]));
    steps.clear();
    match fault(&session) {
        Some(fault) => Err(Failure::failed(fault)),
        None => desk.output.answer(&session, || text(&session, "preview_url")),
    }
}

/// Why the preview does not run, when it cannot.
pub(super) fn fault(session: &Value) -> Option<String> {
    let status = text(session, "status");
    let detail = text(&session["error"], "detail");
    match (status.as_str(), detail.as_str()) {
        ("error", "") => Some("the preview cannot run, and did not say why".to_owned()),
        ("error", detail) => Some(detail.to_owned()),
        ("stopped" | "expired", _) => Some(format!("the preview is {status}")),
        _ => None,
    }
}

fn told(session: &Value) -> String {
    let total = session["timings"]["total_ms"].as_f64().map(|millis| took(millis.max(0.0) as u64));
    let lines = [
        ("preview", text(session, "status")),
        ("address", text(session, "preview_url")),
        ("draft", format!("version {}", text(session, "draft_version"))),
        ("start", total.unwrap_or_default()),
        ("last use", time(session, "last_activity_at")),
        ("until", time(session, "expires_at")),
        ("problem", text(&session["error"], "detail")),
    ];
    let filled = lines.iter().filter(|(_, value)| !value.is_empty());
    filled.map(|(name, value)| format!("{name:9} {value}")).collect::<Vec<_>>().join("\n")
}
