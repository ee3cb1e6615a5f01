//! What people and scripts do with apps from a terminal, on a running server, through the API alone.
//!
//! Standard output has what was asked for: a table or a sentence, and with `--json` one document, or one line for each event.
//! Standard error has everything else: progress, questions, advice, errors.

mod app;
mod apps;
mod archive;
mod dev;
mod folder;
mod keys;
mod logs;
mod output;
mod progress;
mod publish;
mod releases;
mod secrets;
mod sessions;
mod templates;

use clap::CommandFactory as _;

use crate::Failure;
use crate::cli::{Cli, Command, ServerArgs};
use crate::client::Client;
pub(crate) use output::Output;

/// Runs one command to its end.
pub(crate) fn run(json: bool, command: Command) -> Result<(), Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .map_err(Failure::failed)?;
    let done = runtime.block_on(dispatch(Output::new(json), command));
    // A thread that still waits for a line of standard input is not waited for.
    runtime.shutdown_background();
    done
}

/// Runs one command to its end on a runtime that is there.
pub(crate) async fn dispatch(output: Output, command: Command) -> Result<(), Failure> {
    let desk = |server: &ServerArgs| Desk::open(output, server);
    match command {
        Command::Apps(args) => apps::run(output, args).await,
        Command::Templates(args) => templates::run(&desk(&args.server)?).await,
        Command::Dev(args) => dev::run(&desk(&args.server)?, &args).await,
        Command::Publish(args) => publish::run(&desk(&args.server)?, &args).await,
        Command::Releases(args) => releases::list(&desk(&args.server)?, &args).await,
        Command::Rollback(args) => releases::roll_back(&desk(&args.server)?, &args).await,
        Command::Logs(args) => logs::run(&desk(&args.server)?, &args).await,
        Command::Sessions(command) => sessions::run(output, command).await,
        Command::Import(args) => archive::import(&desk(&args.server)?, &args).await,
        Command::Export(args) => archive::export(&desk(&args.server)?, &args).await,
        Command::Keys(args) => keys::run(output, args).await,
        Command::Secrets(command) => secrets::run(output, command).await,
        Command::Completions { shell } => completions(shell),
        Command::Serve(_)
        | Command::Doctor(_)
        | Command::Top(_)
        | Command::Verify(_)
        | Command::Admin(_)
        | Command::Openapi
        | Command::Version => Err(Failure::failed("this command is not one of apps")),
    }
}

/// What every command works with: a server, and where its words go.
pub(crate) struct Desk {
    pub(crate) client: Client,
    pub(crate) output: Output,
}

impl Desk {
    fn open(output: Output, server: &ServerArgs) -> Result<Self, Failure> {
        let config = crate::load(&server.config())?;
        Ok(Self { client: Client::new(&config, server)?, output })
    }
}

fn completions(shell: clap_complete::Shell) -> Result<(), Failure> {
    let mut script = Vec::new();
    clap_complete::generate(shell, &mut Cli::command(), "vitrine", &mut script);
    std::io::Write::write_all(&mut std::io::stdout(), &script).map_err(Failure::print)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_command_line_contradicts_itself_nowhere() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_and_every_argument_says_what_it_is_for() {
        let mut commands = vec![Cli::command()];
        while let Some(command) = commands.pop() {
            let name = command.get_name().to_owned();
            assert!(command.get_about().is_some(), "`{name}` has no help");
            for argument in command.get_arguments() {
                assert!(argument.get_help().is_some(), "`{name}` `{}` has no help", argument.get_id());
            }
            commands.extend(command.get_subcommands().cloned());
        }
    }
}
