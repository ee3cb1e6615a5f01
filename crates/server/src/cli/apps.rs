//! Arguments of what is done with apps: making, changing, following, publishing and taking away.

use std::path::PathBuf;

use clap::{Args, Subcommand};
use vitrine_model::secret::Environment;
use vitrine_model::{ArtifactId, KeyId, PublishId, RevisionId, Role};

use super::ServerArgs;

/// Which app.
#[derive(Debug, Args)]
pub(crate) struct AppArg {
    /// The app: its id, its slug, or its name [default: the one that this folder belongs to, see `vitrine dev`].
    #[arg(value_name = "APP")]
    pub(crate) app: Option<String>,
}

/// Arguments of `apps`; without a command, the apps are listed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct AppsArgs {
    #[command(subcommand)]
    pub(crate) command: Option<AppsCommand>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What is done with apps.
#[derive(Debug, Subcommand)]
pub(crate) enum AppsCommand {
    /// List the apps, those that changed last first.
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show one app.
    Show {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Make an app from a template. From files: `vitrine import`, or `vitrine dev`.
    Create {
        /// Its name, for people.
        name: String,
        /// The template; `vitrine templates` lists them.
        #[arg(long, short, value_name = "KEY")]
        template: String,
        /// Its name in addresses [default: made from the name].
        #[arg(long)]
        slug: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Give an app another name or slug. Another slug moves a published app to another address.
    Rename {
        /// The app: its id, its slug, or its name.
        app: String,
        /// The new name.
        #[arg(long, required_unless_present = "slug")]
        name: Option<String>,
        /// The new slug.
        #[arg(long)]
        slug: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Delete an app with everything that belongs to it. It cannot be brought back.
    Delete {
        /// The app: its id, its slug, or its name.
        app: String,
        /// Do not ask.
        #[arg(long, short)]
        yes: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// What is done with the live preview of an app.
#[derive(Debug, Subcommand)]
pub(crate) enum SessionsCommand {
    /// Show the preview: what it does, how long its start took, and its address.
    Show {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Start the preview, wait until it runs, and print an address that opens once.
    Start {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Start the preview anew, for what a dev server reads only once.
    Restart {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// End the preview.
    Stop {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Arguments of `dev`.
#[derive(Debug, Args)]
pub(crate) struct DevArgs {
    /// The folder with the project.
    #[arg(value_name = "DIR", default_value = ".")]
    pub(crate) dir: PathBuf,
    /// Work on this app (id, slug or name) instead of the one that the folder belongs to.
    #[arg(long, value_name = "APP", conflicts_with = "new")]
    pub(crate) app: Option<String>,
    /// Make a new app from the folder, also when it belongs to one already.
    #[arg(long)]
    pub(crate) new: bool,
    /// The name of a new app [default: the name of the folder].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Show everything that the dev server prints, not its errors alone.
    #[arg(long, short)]
    pub(crate) verbose: bool,
    /// Keep folder and app in step without starting a preview.
    #[arg(long)]
    pub(crate) no_preview: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `publish`.
#[derive(Debug, Args)]
pub(crate) struct PublishArgs {
    #[command(flatten)]
    pub(crate) app: AppArg,
    /// Publish this revision instead of the draft.
    #[arg(long, value_name = "REVISION")]
    pub(crate) revision: Option<RevisionId>,
    /// Build fast and with source maps instead of small.
    #[arg(long)]
    pub(crate) development: bool,
    /// Build a static preview behind a key; visitors keep what they have.
    #[arg(long)]
    pub(crate) preview: bool,
    /// Whose secrets and variables the build is given [default: production; preview with --preview].
    #[arg(long, value_name = "ENVIRONMENT", value_parser = environment)]
    pub(crate) environment: Option<Environment>,
    /// Print what was asked for, and do not wait for its end.
    #[arg(long)]
    pub(crate) detach: bool,
    /// Show the steps, not the lines of the log.
    #[arg(long, short)]
    pub(crate) quiet: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `releases`.
#[derive(Debug, Args)]
pub(crate) struct ReleasesArgs {
    #[command(flatten)]
    pub(crate) app: AppArg,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `rollback`.
#[derive(Debug, Args)]
pub(crate) struct RollbackArgs {
    #[command(flatten)]
    pub(crate) app: AppArg,
    /// Go to this release or artifact: a number of `vitrine releases`, or `art_…` [default: the release before the current].
    #[arg(long, value_name = "RELEASE")]
    pub(crate) to: Option<ReleaseRef>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// A release as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum ReleaseRef {
    /// By its number.
    Number(u64),
    /// By what it serves.
    Artifact(ArtifactId),
}

impl std::str::FromStr for ReleaseRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let number = text.parse().map(Self::Number).ok();
        let artifact = || text.parse().map(Self::Artifact).ok();
        number.or_else(artifact).ok_or("the number of a release, or `art_…`")
    }
}

/// Arguments of `logs`.
#[derive(Debug, Args)]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    pub(crate) app: AppArg,
    /// Go on until you interrupt it.
    #[arg(long, short)]
    pub(crate) follow: bool,
    /// The log of a publish instead of the preview's: `pub_…`, or `last`.
    #[arg(long, value_name = "PUBLISH")]
    pub(crate) publish: Option<PublishRef>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// A publish as it is typed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum PublishRef {
    /// The newest.
    Last,
    /// This one.
    Id(PublishId),
}

impl std::str::FromStr for PublishRef {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "last" => Ok(Self::Last),
            id => id.parse().map(Self::Id).map_err(|_| "`last`, or the id of a publish, `pub_…`"),
        }
    }
}

/// Arguments of `import`.
#[derive(Debug, Args)]
pub(crate) struct ImportArgs {
    /// A folder or a zip archive. From a folder, what `.gitignore` names, `node_modules` and build output stay behind.
    #[arg(value_name = "DIR|ZIP")]
    pub(crate) from: PathBuf,
    /// The name of the app [default: the name of the folder or file].
    #[arg(long)]
    pub(crate) name: Option<String>,
    /// Its name in addresses [default: made from the name].
    #[arg(long)]
    pub(crate) slug: Option<String>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `export`.
#[derive(Debug, Args)]
pub(crate) struct ExportArgs {
    #[command(flatten)]
    pub(crate) app: AppArg,
    /// Where to; `-` is standard output [default: the app's slug in this folder].
    #[arg(long, short, value_name = "FILE")]
    pub(crate) output: Option<PathBuf>,
    /// The form of the archive.
    #[arg(long, value_parser = ["zip", "tar"], default_value = "zip")]
    pub(crate) format: String,
    /// A revision instead of the draft.
    #[arg(long, value_name = "REVISION")]
    pub(crate) revision: Option<RevisionId>,
    /// Write over a file that is there.
    #[arg(long)]
    pub(crate) force: bool,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// Arguments of `keys`; without a command, the keys are listed.
#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub(crate) struct KeysArgs {
    #[command(subcommand)]
    pub(crate) command: Option<KeysCommand>,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What is done with API keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeysCommand {
    /// List the keys, without their secrets.
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Make a key. It is shown this once.
    Create {
        /// Its name, for people.
        name: String,
        /// What it may do: viewer, editor, admin or owner.
        #[arg(long)]
        role: Role,
        /// Limit it to this app (id, slug or name); may be repeated.
        #[arg(long = "app", value_name = "APP")]
        apps: Vec<String>,
        /// How long it works [default: until it is revoked].
        #[arg(long, value_name = "SECS")]
        expires_in_secs: Option<u32>,
        /// Write the key to a new file that only you can read, instead of showing it.
        #[arg(long, short, value_name = "FILE")]
        output: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Revoke a key for good.
    Revoke {
        /// The key, `key_…`.
        #[arg(value_name = "KEY")]
        id: KeyId,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// What is done with the secrets of an app.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsOfAppCommand {
    /// List the secrets, without their values.
    List {
        #[command(flatten)]
        app: AppArg,
        #[command(flatten)]
        of: EnvironmentArg,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Set a secret. Its value is read from standard input, or from a file; never from the command line.
    Set {
        /// Its name, as in `DATABASE_URL`.
        name: String,
        /// The app: its id, its slug, or its name.
        #[arg(long, value_name = "APP")]
        app: Option<String>,
        #[command(flatten)]
        of: EnvironmentArg,
        /// Who is given it: the dev server, the build; may be repeated.
        #[arg(long = "for", value_name = "WHO", value_parser = ["dev", "build"])]
        targets: Vec<String>,
        /// A file with the value.
        #[arg(long, value_name = "FILE")]
        from_file: Option<PathBuf>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Remove a secret.
    Delete {
        /// Its name.
        name: String,
        /// The app: its id, its slug, or its name.
        #[arg(long, value_name = "APP")]
        app: Option<String>,
        #[command(flatten)]
        of: EnvironmentArg,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// Which environment.
#[derive(Debug, Args)]
pub(crate) struct EnvironmentArg {
    /// development, preview or production.
    #[arg(long, short, value_name = "ENVIRONMENT", default_value = "production", value_parser = environment)]
    pub(crate) environment: Environment,
}

fn environment(text: &str) -> Result<Environment, &'static str> {
    let all = [Environment::Development, Environment::Preview, Environment::Production];
    all.into_iter().find(|one| one.as_str() == text).ok_or("development, preview or production")
}
