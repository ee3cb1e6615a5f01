//! `vitrine keys`: API keys of the caller's tenant.

use std::io::Write as _;
use std::os::unix::fs::OpenOptionsExt as _;
use std::path::{Path, PathBuf};

use http::Method;
use serde_json::{Value, json};

use super::output::{Output, table, text, time};
use super::{Desk, app};
use crate::Failure;
use crate::cli::{KeysArgs, KeysCommand};

/// Without a command, lists.
pub(super) async fn run(output: Output, args: KeysArgs) -> Result<(), Failure> {
    match args.command.unwrap_or(KeysCommand::List { server: args.server }) {
        KeysCommand::List { server } => list(&Desk::open(output, &server)?).await,
        KeysCommand::Create { name, role, apps, expires_in_secs, output: file, server } => {
            let desk = Desk::open(output, &server)?;
            let mut body = json!({ "name": name, "role": role, "expires_in_secs": expires_in_secs });
            if !apps.is_empty() {
                body["apps"] = ids(&desk, &apps).await?;
            }
            create(&desk, &body, file).await
        }
        KeysCommand::Revoke { id, server } => {
            let desk = Desk::open(output, &server)?;
            let () = desk.client.call(Method::DELETE, &format!("/v1/keys/{id}"), None::<&()>).await?;
            desk.output.answer(&json!({ "revoked": id }), || format!("Revoked {id}."))
        }
    }
}

async fn ids(desk: &Desk, apps: &[String]) -> Result<Value, Failure> {
    let mut ids = Vec::new();
    for named in apps {
        ids.push(json!(app::id(&app::find_named(&desk.client, named).await?)?));
    }
    Ok(Value::Array(ids))
}

async fn list(desk: &Desk) -> Result<(), Failure> {
    let keys = desk.client.list("/v1/keys").await?;
    desk.output.answer(&keys, || {
        let row = |key: &Value| {
            let state = match (key["revoked_at"].is_null(), key["expires_at"].is_null()) {
                (false, _) => format!("revoked {}", time(key, "revoked_at")),
                (true, false) => format!("until {}", time(key, "expires_at")),
                (true, true) => "works".to_owned(),
            };
            [text(key, "id"), text(key, "name"), text(key, "role"), text(key, "prefix"), state]
        };
        table(["key", "name", "role", "begins with", "state (UTC)"], keys.iter().map(row))
    })
}

async fn create(desk: &Desk, body: &Value, output: Option<PathBuf>) -> Result<(), Failure> {
    // Before there is a key that nobody could read any more.
    let file = output.as_deref().map(private_file).transpose()?;
    let mut key: Value = desk.client.call(Method::POST, "/v1/keys", Some(body)).await?;
    let secret = text(&key, "secret");
    let (Some(mut file), Some(path)) = (file, output) else {
        desk.output.answer(&key, || secret)?;
        desk.output.note("This is shown once. Only its hash is kept.");
        return Ok(());
    };
    if let Err(error) = writeln!(file, "{secret}").and_then(|()| file.sync_all()) {
        return Err(Failure::failed(format!(
            "{} was made and could not be written to {}: {error}; revoke it, and make another",
            text(&key, "id"),
            path.display()
        )));
    }
    if let Some(fields) = key.as_object_mut() {
        fields.remove("secret");
        fields.insert("file".to_owned(), json!(path));
    }
    desk.output
        .answer(&key, || format!("{} is in {}; use it with --key-file.", text(&key, "id"), path.display()))
}

/// A new file that nobody else reads; what is there already is not written over.
fn private_file(path: &Path) -> Result<std::fs::File, Failure> {
    let made = std::fs::OpenOptions::new().write(true).create_new(true).mode(0o600).open(path);
    made.map_err(|error| Failure::unusable(format!("{}: {error}", path.display())))
}
