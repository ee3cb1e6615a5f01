//! `vitrine admin secrets`: the master keys in a server's data, beside the running server.

use crate::cli::SecretsCommand;
use crate::config::Config;
use crate::secrets::{self, KeyPlace};
use crate::source::{SystemClock, SystemEntropy};
use crate::{Failure, serve};

/// Runs the command; gives what it has to say.
pub(super) async fn run(config: &Config, command: &SecretsCommand) -> Result<String, Failure> {
    let data_dir = config.data_dir();
    if !data_dir.exists() {
        return Err(Failure::unusable(format!("there is no data directory {}", data_dir.display())));
    }
    let (clock, entropy) = (std::sync::Arc::new(SystemClock), std::sync::Arc::new(SystemEntropy));
    let store = serve::open_store(config, &data_dir, clock, entropy.clone()).await?;
    let place = KeyPlace::of(&config.secrets, &data_dir);
    let vault = secrets::prepare(&config.secrets, &data_dir, &store, entropy.as_ref()).await?;
    match command {
        SecretsCommand::Status(_) => {
            let report = vault.check().await.map_err(Failure::failed)?;
            Ok(secrets::status(&place, &report))
        }
        SecretsCommand::Rotate(_) => secrets::rotate(&place, &vault, entropy.as_ref()).await,
    }
}
