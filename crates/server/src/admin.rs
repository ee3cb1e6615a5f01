//! `vitrine admin`: what an operator does on a terminal, through the API of a running server. Prints the API's answers as JSON.

use std::io::Write as _;

use http::Method;
use serde_json::{Value, json};

use crate::Failure;
use crate::cli::{AdminCommand, AuditCommand, KeyCommand, TenantCommand};
use crate::client::Client;
use crate::config::Config;

/// Exits with 1 when the server refuses, and when an audit log is found broken.
pub(crate) fn run(config: &Config, command: &AdminCommand) -> Result<(), Failure> {
    let client = Client::new(config, command.server())?;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    let answer: Value = runtime.block_on(call(&client, command))?;
    let text = serde_json::to_string_pretty(&answer).map_err(Failure::failed)?;
    writeln!(std::io::stdout(), "{text}").map_err(Failure::failed)?;
    match (command, &answer["intact"]) {
        (AdminCommand::Audit(_), Value::Bool(true)) => Ok(()),
        (AdminCommand::Audit(_), _) => Err(Failure::failed("the audit log is not as it was written")),
        _ => Ok(()),
    }
}

async fn call(client: &Client, command: &AdminCommand) -> Result<Value, Failure> {
    match command {
        AdminCommand::Tenant(TenantCommand::Create { name, host_id, .. }) => {
            let body = json!({ "name": name, "host_id": host_id });
            client.call(Method::POST, "/v1/tenants", Some(&body)).await
        }
        AdminCommand::Tenant(TenantCommand::List { .. }) => tenants(client).await,
        AdminCommand::Key(KeyCommand::Create { name, role, expires_in_secs, .. }) => {
            let body = json!({ "name": name, "role": role, "expires_in_secs": expires_in_secs });
            client.call(Method::POST, "/v1/keys", Some(&body)).await
        }
        AdminCommand::Audit(AuditCommand::Verify { .. }) => {
            client.call(Method::GET, "/v1/audit/verify", None::<&()>).await
        }
    }
}

/// All pages as one list.
async fn tenants(client: &Client) -> Result<Value, Failure> {
    let (mut all, mut cursor) = (Vec::new(), None::<String>);
    loop {
        let query = cursor.map(|cursor| format!("&cursor={cursor}")).unwrap_or_default();
        let path = format!("/v1/tenants?limit=200{query}");
        let mut page: Value = client.call(Method::GET, &path, None::<&()>).await?;
        if let Some(items) = page["items"].as_array_mut() {
            all.append(items);
        }
        cursor = page["next_cursor"].as_str().map(str::to_owned);
        if cursor.is_none() {
            return Ok(Value::Array(all));
        }
    }
}
