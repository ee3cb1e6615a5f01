//! `vitrine verify`: builds an artifact anew on a running server and compares it with the one on record.

use std::io::Write as _;
use std::time::Duration;

use http::Method;
use serde_json::json;
use vitrine_model::publish::{Publish, PublishStatus, PublishStepStatus};

use crate::Failure;
use crate::cli::VerifyArgs;
use crate::client::Client;
use crate::config::Config;

/// How often is asked how far it is.
const ASK_INTERVAL: Duration = Duration::from_millis(250);

/// Exits with 0 when every file is the same, and with 1, naming those that differ, when not.
pub(crate) fn run(config: &Config, args: &VerifyArgs, json: bool) -> Result<(), Failure> {
    let client = Client::new(config, &args.server)?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(verify(&client, args, json))
}

async fn verify(client: &Client, args: &VerifyArgs, json: bool) -> Result<(), Failure> {
    let publishes = format!("/v1/apps/{}/publishes", args.app);
    let wish = json!({ "target": "verify", "artifact": args.artifact });
    let mut publish: Publish = client.call(Method::POST, &publishes, Some(&wish)).await?;
    let mut told = 0;
    loop {
        told = tell(&publish, told)?;
        if publish.status.is_over() {
            break;
        }
        tokio::time::sleep(ASK_INTERVAL).await;
        publish = client.call(Method::GET, &format!("{publishes}/{}", publish.id), None::<&()>).await?;
    }
    if json {
        let text = serde_json::to_string_pretty(&publish).map_err(Failure::failed)?;
        writeln!(std::io::stdout(), "{text}").map_err(Failure::print)?;
    }
    match (publish.status, publish.error) {
        (PublishStatus::Succeeded, _) if json => Ok(()),
        (PublishStatus::Succeeded, _) => {
            writeln!(std::io::stdout(), "{}: every file is the same", args.artifact).map_err(Failure::print)
        }
        (_, Some(problem)) => {
            let files = problem.errors.iter().map(|item| format!("\n  {}", item.message));
            Err(Failure::failed(format!("{}{}", problem.detail, files.collect::<String>())))
        }
        (status, None) => Err(Failure::failed(format!("not compared: {status:?}"))),
    }
}

/// Prints the steps that have ended since the last call; returns how many were told in all.
fn tell(publish: &Publish, told: usize) -> Result<usize, Failure> {
    let over = |status| matches!(status, PublishStepStatus::Done | PublishStepStatus::Skipped);
    let ended: Vec<_> = publish.steps.iter().take_while(|step| over(step.status)).collect();
    for step in ended.iter().skip(told) {
        let name = serde_json::to_value(step.name).map_err(Failure::failed)?;
        let millis = match (step.started_at, step.finished_at) {
            (Some(from), Some(to)) => format!("{} ms", to.as_millis() - from.as_millis()),
            _ => "not needed".to_owned(),
        };
        writeln!(std::io::stderr(), "{:10} {millis}", name.as_str().unwrap_or_default())
            .map_err(Failure::failed)?;
    }
    Ok(ended.len().max(told))
}
