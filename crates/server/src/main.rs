//! The `vitrine` binary.
//!
//! Exit codes: 0 done, or stopped as asked; 1 failed; 2 unusable arguments or configuration; 3 this machine cannot do
//! what was asked (see `vitrine doctor`); 4 the address is taken.

mod admin;
mod api;
mod apps;
mod auth;
mod channels;
mod cli;
mod client;
mod collection;
mod config;
mod doctor;
mod door;
mod drafts;
mod egress;
mod faults;
mod kernel;
mod limits;
mod links;
mod listener;
mod machine;
mod metrics;
mod patience;
mod policies;
mod provision;
mod publishes;
mod publishing;
mod search;
mod secrets;
mod serve;
mod services;
mod sessions;
mod sites;
mod source;
mod templates;
mod top;
mod verify;
mod warmup;

use std::process::ExitCode;

use clap::Parser as _;

use crate::cli::{Cli, Command};
use crate::config::{Config, LogConfig, LogFormat};

fn main() -> ExitCode {
    let outcome = match Cli::parse().command {
        Command::Serve(args) => load(&args.config).and_then(|config| {
            start_log(&config.log);
            serve::run(config)
        }),
        Command::Doctor(args) => load(&args.config).and_then(|config| match args.attack {
            true => doctor::attack::run(&config, args.json),
            false => doctor::run(&config, args.json),
        }),
        Command::Verify(args) => load(&args.server.config).and_then(|config| verify::run(&config, &args)),
        Command::Top(args) => load(&args.server.config).and_then(|config| top::run(&config, &args)),
        Command::Admin(command) => load(command.config()).and_then(|config| admin::run(&config, &command)),
        Command::Openapi => print(&api::document().to_pretty_json().unwrap_or_default()),
        Command::Version => print(env!("CARGO_PKG_VERSION")),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            eprintln!("vitrine: {}", failure.message);
            ExitCode::from(failure.code)
        }
    }
}

/// Why the process ends with something other than 0.
#[derive(Debug)]
pub(crate) struct Failure {
    code: u8,
    message: String,
}

impl Failure {
    pub(crate) fn failed(error: impl std::fmt::Display) -> Self {
        Self { code: 1, message: error.to_string() }
    }

    pub(crate) fn unusable(error: impl std::fmt::Display) -> Self {
        Self { code: 2, message: error.to_string() }
    }

    pub(crate) fn machine(error: impl std::fmt::Display) -> Self {
        Self { code: 3, message: error.to_string() }
    }

    pub(crate) fn address(error: impl std::fmt::Display) -> Self {
        Self { code: 4, message: error.to_string() }
    }
}

fn load(args: &cli::ConfigArgs) -> Result<Config, Failure> {
    Config::load(args.config.as_deref(), std::env::vars(), &args.settings()).map_err(Failure::unusable)
}

fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}").map_err(Failure::failed)
}

fn start_log(config: &LogConfig) {
    let filter = tracing_subscriber::EnvFilter::try_new(&config.filter).unwrap_or_else(|_| "info".into());
    let log =
        tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr).with_target(false);
    match config.format {
        LogFormat::Human => log.with_ansi(std::io::IsTerminal::is_terminal(&std::io::stderr())).init(),
        LogFormat::Json => log.json().init(),
    }
}
