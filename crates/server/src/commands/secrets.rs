//! `vitrine secrets`: names and targets of an app's secrets; values go in and never come out.

use std::io::{IsTerminal as _, Read as _};
use std::path::Path;

use http::Method;
use serde_json::{Value, json};
use vitrine_model::secret::MAX_VALUE_BYTES;
use zeroize::Zeroizing;

use super::output::{Output, table, text, time};
use super::{Desk, app};
use crate::Failure;
use crate::cli::{EnvironmentArg, SecretsOfAppCommand};

/// Runs one command.
pub(super) async fn run(output: Output, command: SecretsOfAppCommand) -> Result<(), Failure> {
    match command {
        SecretsOfAppCommand::List { app, of, server } => {
            let desk = Desk::open(output, &server)?;
            list(&desk, &place(&desk, app.app.as_deref(), &of).await?).await
        }
        SecretsOfAppCommand::Set { name, app, of, targets, from_file, server } => {
            let desk = Desk::open(output, &server)?;
            let place = place(&desk, app.as_deref(), &of).await?;
            let value = read_value(&desk, from_file.as_deref())?;
            set(&desk, &format!("{place}/{}", segment(&name)?), (value, targets)).await
        }
        SecretsOfAppCommand::Delete { name, app, of, server } => {
            let desk = Desk::open(output, &server)?;
            let path = format!("{}/{}", place(&desk, app.as_deref(), &of).await?, segment(&name)?);
            let () = desk.client.call(Method::DELETE, &path, None::<&()>).await?;
            desk.output.answer(&json!({ "deleted": name }), || format!("Removed {name}."))
        }
    }
}

async fn place(desk: &Desk, named: Option<&str>, of: &EnvironmentArg) -> Result<String, Failure> {
    let app = app::id(&app::find(&desk.client, named).await?)?;
    Ok(format!("/v1/apps/{app}/environments/{}/secrets", of.environment.as_str()))
}

/// Whatever else the server refuses, a name must not become another path.
fn segment(name: &str) -> Result<&str, Failure> {
    let is_plain = !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    is_plain.then_some(name).ok_or_else(|| Failure::unusable("a name has letters, digits and underscores"))
}

async fn list(desk: &Desk, place: &str) -> Result<(), Failure> {
    let answer: Value = desk.client.get(place).await?;
    let items = answer["items"].as_array().cloned().unwrap_or_default();
    desk.output.answer(&items, || {
        let row = |item: &Value| {
            let targets = item["targets"].as_array().cloned().unwrap_or_default();
            let targets: Vec<_> = targets.iter().filter_map(Value::as_str).collect();
            let targets = if targets.is_empty() { "nobody".to_owned() } else { targets.join(", ") };
            [text(item, "name"), targets, text(item, "version"), time(item, "updated_at")]
        };
        table(["secret", "given to", "version", "set (UTC)"], items.iter().map(row))
    })
}

async fn set(
    desk: &Desk,
    path: &str,
    (value, targets): (Zeroizing<String>, Vec<String>),
) -> Result<(), Failure> {
    let value = value.as_str();
    let body = json!({ "value": value, "targets": targets });
    let kept: Value = desk.client.call(Method::PUT, path, Some(&body)).await?;
    desk.output
        .answer(&kept, || format!("{} is set, version {}.", text(&kept, "name"), text(&kept, "version")))?;
    if targets.is_empty() {
        desk.output.note("Nobody is given it yet: --for dev, --for build.");
    }
    Ok(())
}

fn read_value(desk: &Desk, file: Option<&Path>) -> Result<Zeroizing<String>, Failure> {
    let most = MAX_VALUE_BYTES as u64 + 2;
    let mut value = Zeroizing::new(String::new());
    let read = match file {
        Some(file) => std::fs::File::open(file).and_then(|file| file.take(most).read_to_string(&mut value)),
        None => {
            if std::io::stdin().is_terminal() {
                desk.output.note(
                    "Type the value, then Enter and Ctrl-D. It is visible; a pipe or --from-file is not.",
                );
            }
            std::io::stdin().take(most).read_to_string(&mut value)
        }
    };
    read.map_err(|error| Failure::unusable(format!("the value cannot be read: {error}")))?;
    // The line end of `echo` and of editors is not part of it.
    let kept = value.strip_suffix('\n').map_or(value.len(), str::len);
    let kept = value[..kept].strip_suffix('\r').map_or(kept, str::len);
    value.truncate(kept);
    match value.is_empty() {
        true => Err(Failure::unusable("the value is empty")),
        false => Ok(value),
    }
}
