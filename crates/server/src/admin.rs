//! `vitrine admin`: what an operator does to a server's data, beside the running server.

use clap::{Args, Subcommand};

use crate::cli::ConfigArgs;
use crate::config::Config;
use crate::secrets::{self, KeyPlace};
use crate::source::{SystemClock, SystemEntropy};
use crate::{Failure, serve};

/// Arguments of `admin`.
#[derive(Debug, Args)]
pub(crate) struct AdminArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    #[command(subcommand)]
    command: AdminCommand,
}

#[derive(Debug, Subcommand)]
enum AdminCommand {
    /// The keys that secrets are sealed under.
    #[command(subcommand)]
    Secrets(SecretsCommand),
}

#[derive(Debug, Clone, Copy, Subcommand)]
enum SecretsCommand {
    /// Say which master keys there are, and what is under which.
    Status,
    /// Wrap everything with a new master key. Secrets stay as they are; the server may run meanwhile; if it is broken off,
    /// run it again.
    Rotate,
}

/// Runs the command; what it has to say goes to standard output.
pub(crate) fn run(config: &Config, args: &AdminArgs) -> Result<String, Failure> {
    let AdminCommand::Secrets(command) = &args.command;
    let runtime =
        tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(Failure::failed)?;
    runtime.block_on(secrets_command(config, *command))
}

async fn secrets_command(config: &Config, command: SecretsCommand) -> Result<String, Failure> {
    let data_dir = config.data_dir();
    if !data_dir.exists() {
        return Err(Failure::unusable(format!("there is no data directory {}", data_dir.display())));
    }
    let (clock, entropy) = (std::sync::Arc::new(SystemClock), std::sync::Arc::new(SystemEntropy));
    let store = serve::open_store(config, &data_dir, clock, entropy.clone()).await?;
    let place = KeyPlace::of(&config.secrets, &data_dir);
    let vault = secrets::prepare(&config.secrets, &data_dir, &store, entropy.as_ref()).await?;
    match command {
        SecretsCommand::Status => {
            let report = vault.check().await.map_err(Failure::failed)?;
            Ok(secrets::status(&place, &report))
        }
        SecretsCommand::Rotate => secrets::rotate(&place, &vault, entropy.as_ref()).await,
    }
}
