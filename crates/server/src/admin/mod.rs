//! `vitrine admin`: what an operator does on a terminal. Tenants, keys, audit logs and collection through the API of a running
//! server, whose answers are printed as JSON; master keys in the data directory.

mod collect;
mod secrets;

use std::io::Write as _;

use http::Method;
use serde_json::{Value, json};

use crate::Failure;
use crate::cli::{AdminCommand, AuditCommand, KeyCommand, LimitArg, LimitArgs, ServerArgs, TenantCommand};
use crate::client::Client;
use crate::config::Config;

/// Exits with 1 when the server refuses, and when an audit log is found broken.
pub(crate) fn run(config: &Config, command: &AdminCommand) -> Result<(), Failure> {
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(async {
        match command {
            AdminCommand::Tenant(command) => print(&tenant(config, command).await?),
            AdminCommand::Key(command) => print(&key(config, command).await?),
            AdminCommand::Audit(command) => audit(config, command).await,
            AdminCommand::Collect { dry_run, server } => {
                print(&collect::run(&client(config, server)?, *dry_run).await?)
            }
            AdminCommand::Secrets(command) => say(&secrets::run(config, command).await?),
        }
    })
}

async fn tenant(config: &Config, command: &TenantCommand) -> Result<Value, Failure> {
    match command {
        TenantCommand::Create { name, host_id, server } => {
            let body = json!({ "name": name, "host_id": host_id });
            client(config, server)?.call(Method::POST, "/v1/tenants", Some(&body)).await
        }
        TenantCommand::List { server } => {
            Ok(Value::Array(client(config, server)?.list("/v1/tenants").await?))
        }
        TenantCommand::Quotas { tenant, limits, server } => {
            quotas(&client(config, server)?, &format!("/v1/tenants/{tenant}/quotas"), limits).await
        }
    }
}

/// The server takes all of a tenant's limits at once: those that are not named are sent as they are.
async fn quotas(client: &Client, path: &str, limits: &LimitArgs) -> Result<Value, Failure> {
    let before: Value = client.call(Method::GET, path, None::<&()>).await?;
    let mut after = before["limits"].clone();
    change_limits(&mut after, limits);
    match after == before["limits"] {
        true => Ok(before),
        false => client.call(Method::PUT, path, Some(&after)).await,
    }
}

fn change_limits(own: &mut Value, limits: &LimitArgs) {
    let named = [
        ("apps", limits.apps),
        ("sessions", limits.sessions),
        ("builds", limits.builds),
        ("storage_bytes", limits.storage_bytes),
        ("egress_bytes", limits.egress_bytes),
    ];
    let Some(own) = own.as_object_mut() else { return };
    for (name, limit) in named {
        match limit {
            None => {}
            Some(LimitArg::Default) => _ = own.remove(name),
            Some(LimitArg::Unlimited) => _ = own.insert(name.to_owned(), json!("unlimited")),
            Some(LimitArg::AtMost(limit)) => _ = own.insert(name.to_owned(), json!(limit)),
        }
    }
}

async fn key(config: &Config, command: &KeyCommand) -> Result<Value, Failure> {
    let KeyCommand::Create { name, role, expires_in_secs, server } = command;
    let body = json!({ "name": name, "role": role, "expires_in_secs": expires_in_secs });
    client(config, server)?.call(Method::POST, "/v1/keys", Some(&body)).await
}

async fn audit(config: &Config, command: &AuditCommand) -> Result<(), Failure> {
    let AuditCommand::Verify { server } = command;
    let answer: Value = client(config, server)?.call(Method::GET, "/v1/audit/verify", None::<&()>).await?;
    print(&answer)?;
    match answer["intact"] {
        Value::Bool(true) => Ok(()),
        _ => Err(Failure::failed("the audit log is not as it was written")),
    }
}

fn client(config: &Config, server: &ServerArgs) -> Result<Client, Failure> {
    Client::new(config, server)
}

fn print(answer: &impl serde::Serialize) -> Result<(), Failure> {
    say(&serde_json::to_string_pretty(answer).map_err(Failure::failed)?)
}

fn say(text: &str) -> Result<(), Failure> {
    writeln!(std::io::stdout(), "{text}").map_err(Failure::print)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_that_are_not_named_stay_as_they_are() {
        let limit = |text: &str| Some(text.parse::<LimitArg>().unwrap());
        let limits = LimitArgs {
            apps: limit("3"),
            sessions: limit("default"),
            builds: limit("unlimited"),
            storage_bytes: None,
            egress_bytes: None,
        };
        let mut own = json!({ "sessions": 1, "storage_bytes": 7 });
        change_limits(&mut own, &limits);
        assert_eq!(own, json!({ "apps": 3, "builds": "unlimited", "storage_bytes": 7 }));
        assert!("-1".parse::<LimitArg>().is_err() && "none".parse::<LimitArg>().is_err());
    }
}
