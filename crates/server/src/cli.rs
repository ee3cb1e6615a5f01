//! The command line.

mod admin;
mod apps;
mod server;

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use clap_complete::Shell;
use vitrine_model::{AppId, ArtifactId};

pub(crate) use admin::{
    AdminCommand, AuditCommand, KeyCommand, LimitArg, LimitArgs, SecretsCommand, TenantCommand,
};
pub(crate) use apps::{
    AppsArgs, AppsCommand, DevArgs, EnvironmentArg, ExportArgs, ImportArgs, KeysArgs, KeysCommand, LogsArgs,
    PublishArgs, PublishRef, ReleaseRef, ReleasesArgs, RollbackArgs, SecretsOfAppCommand, SessionsCommand,
};
pub(crate) use server::ServerArgs;

use crate::config::LogFormat;

/// The self-hosted engine behind an AI app builder: live previews of front-end projects in isolated sandboxes.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, disable_help_subcommand = true, after_help = FIRST_STEPS)]
pub(crate) struct Cli {
    /// Print JSON: one document, or one line for each event of what goes on. Errors are JSON on standard error.
    #[arg(long, global = true)]
    pub(crate) json: bool,
    #[command(subcommand)]
    pub(crate) command: Command,
}

const FIRST_STEPS: &str = "\
A first minute, with a server on this machine:
  vitrine serve                                      start the server, in a terminal of its own
  vitrine apps create Hello --template chat-classic  make an app
  vitrine dev .                                      or work on this folder, with a live preview
  vitrine publish                                    put it where everybody can see it
  vitrine rollback                                   and take that back

Another server: set VITRINE_URL, and VITRINE_API_KEY to a key of `vitrine keys create`.";

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server: builder, API, previews and sandboxes in one process.
    Serve(ServeArgs),
    /// List, make, rename and delete apps.
    Apps(AppsArgs),
    /// List the templates that apps can be made from.
    Templates(TemplatesArgs),
    /// Work on a local folder with a live preview: what you save is in the app, what others change is in the folder.
    ///
    /// The first time, an app is made from the folder, which remembers it in `.vitrine/` (never part of an app, and not for
    /// version control). After that, what was changed here and there meanwhile is brought together. When the same file was
    /// changed on both sides, yours stays and theirs is put beside it as `name.theirs.ext`. Left alone are `node_modules`,
    /// build output and what `.gitignore` names. Ctrl-C ends it once everything is saved.
    #[command(
        after_help = "Examples:\n  vitrine dev\n  vitrine dev ~/shop --app shop\n  vitrine dev --new --name 'Shop, second try'"
    )]
    Dev(DevArgs),
    /// Publish an app, follow its steps, and end with the link.
    #[command(
        after_help = "Examples:\n  vitrine publish\n  vitrine publish shop --quiet\n  vitrine publish shop --json | tail -n 1"
    )]
    Publish(PublishArgs),
    /// List what visitors of an app have seen, newest first.
    Releases(ReleasesArgs),
    /// Give visitors the release before the current one, without building anything. Again goes back further.
    Rollback(RollbackArgs),
    /// Print the log of an app's preview, or of a publish.
    Logs(LogsArgs),
    /// Start, stop and look at live previews.
    #[command(subcommand)]
    Sessions(SessionsCommand),
    /// Make an app from a folder or a zip archive.
    Import(ImportArgs),
    /// Save an app's files as an archive.
    Export(ExportArgs),
    /// List, make and revoke API keys.
    Keys(KeysArgs),
    /// List, set and remove the secrets of an app.
    #[command(subcommand)]
    Secrets(SecretsOfAppCommand),
    /// Check this machine, and say what to do about whatever is missing.
    Doctor(DoctorArgs),
    /// Show what runs on a server's machine, and what it costs.
    Top(TopArgs),
    /// Build an artifact anew on a running server and compare it, byte for byte, with the one on record.
    Verify(VerifyArgs),
    /// Tenants, keys and the audit log of a running server, as JSON; and the keys that secrets are sealed under.
    #[command(subcommand)]
    Admin(AdminCommand),
    /// Print what makes a shell complete `vitrine` on Tab.
    #[command(
        after_help = "Examples:\n  source <(vitrine completions bash)\n  vitrine completions zsh > ~/.zfunc/_vitrine\n  vitrine completions fish > ~/.config/fish/completions/vitrine.fish"
    )]
    Completions {
        /// Which shell.
        shell: Shell,
    },
    /// Print the OpenAPI document of this version.
    Openapi,
    /// Print the version.
    Version,
}

/// Where the configuration comes from. Every setting is also `VITRINE_<SECTION>_<NAME>`; see docs/configuration.md.
#[derive(Debug, Clone, Default, Args)]
pub(crate) struct ConfigArgs {
    /// A configuration file (TOML).
    #[arg(long, value_name = "FILE", env = "VITRINE_CONFIG")]
    pub(crate) config: Option<PathBuf>,
    /// Where everything is kept [default: ./data].
    #[arg(long, value_name = "DIR")]
    pub(crate) data_dir: Option<PathBuf>,
    /// Where to listen; port 0 takes a free one [default: 127.0.0.1:4400].
    #[arg(long, value_name = "ADDR:PORT")]
    pub(crate) listen: Option<SocketAddr>,
    /// Where browsers reach the builder [default: from the listen address].
    #[arg(long, value_name = "URL")]
    pub(crate) public_url: Option<String>,
    /// What isolates projects: `local`, or `process` for no isolation at all [default: local].
    #[arg(long, value_name = "NAME")]
    pub(crate) driver: Option<String>,
    /// The form of the log on standard error [default: human].
    #[arg(long, value_name = "FORMAT")]
    pub(crate) log_format: Option<LogFormat>,
}

impl ConfigArgs {
    /// The flags that were given, as settings.
    pub(crate) fn settings(&self) -> Vec<(&'static str, String)> {
        let format = self.log_format.map(|format| match format {
            LogFormat::Human => "human".to_owned(),
            LogFormat::Json => "json".to_owned(),
        });
        let given = [
            ("server.data_dir", self.data_dir.as_ref().map(|dir| dir.display().to_string())),
            ("server.listen", self.listen.map(|listen| listen.to_string())),
            ("server.public_url", self.public_url.clone()),
            ("sandbox.driver", self.driver.clone()),
            ("log.format", format),
        ];
        given.into_iter().filter_map(|(key, value)| Some((key, value?))).collect()
    }
}

/// Arguments of `serve`.
#[derive(Debug, Args)]
pub(crate) struct ServeArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}

/// Arguments of `doctor`.
#[derive(Debug, Args)]
pub(crate) struct DoctorArgs {
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
    /// Try, in a throwaway sandbox, what hostile code would try; fails when anything gets through.
    #[arg(long)]
    pub(crate) attack: bool,
}

/// Arguments of `templates`.
#[derive(Debug, Args)]
pub(crate) struct TemplatesArgs {
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `verify`.
#[derive(Debug, Args)]
pub(crate) struct VerifyArgs {
    /// The artifact, `art_…`.
    pub(crate) artifact: ArtifactId,
    /// The app it belongs to, `app_…`.
    #[arg(long, value_name = "APP")]
    pub(crate) app: AppId,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `top`.
#[derive(Debug, Args)]
pub(crate) struct TopArgs {
    /// Print once, also on a terminal.
    #[arg(long)]
    pub(crate) once: bool,
    /// How many sandboxes, those with the most memory.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}
