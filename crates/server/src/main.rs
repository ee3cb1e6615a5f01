//! The `vitrine` binary.
//!
//! Exit codes are in [`failure::Exit`] and in `docs/cli.md`.

mod admin;
mod api;
mod apps;
mod auth;
mod bridge;
mod channels;
mod cli;
mod client;
mod collection;
mod commands;
mod config;
mod doctor;
mod door;
mod drafts;
mod egress;
mod failure;
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
pub(crate) use crate::failure::Failure;

fn main() -> ExitCode {
    let Cli { json, command } = Cli::parse();
    match run(json, command) {
        Ok(()) => ExitCode::SUCCESS,
        Err(failure) => {
            if let Some(text) = failure.shown(json) {
                eprintln!("{text}");
            }
            ExitCode::from(failure.code())
        }
    }
}

fn run(json: bool, command: Command) -> Result<(), Failure> {
    match command {
        Command::Serve(args) => load(&args.config).and_then(|config| {
            start_log(&config.log);
            serve::run(config)
        }),
        Command::Doctor(args) => load(&args.config).and_then(|config| match args.attack {
            true => doctor::attack::run(&config, json),
            false => doctor::run(&config, json),
        }),
        Command::Verify(args) => {
            load(&args.server.config()).and_then(|config| verify::run(&config, &args, json))
        }
        Command::Top(args) => load(&args.server.config()).and_then(|config| top::run(&config, &args, json)),
        Command::Admin(command) => load(&command.config()).and_then(|config| admin::run(&config, &command)),
        Command::Openapi => print(&api::document().to_pretty_json().unwrap_or_default()),
        Command::Version => print(env!("CARGO_PKG_VERSION")),
        command => commands::run(json, command),
    }
}

/// The settings that the arguments lead to.
pub(crate) fn load(args: &cli::ConfigArgs) -> Result<Config, Failure> {
    Config::load(args.config.as_deref(), std::env::vars(), &args.settings()).map_err(Failure::unusable)
}

fn print(text: &str) -> Result<(), Failure> {
    use std::io::Write as _;
    writeln!(std::io::stdout(), "{text}").map_err(Failure::print)
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
