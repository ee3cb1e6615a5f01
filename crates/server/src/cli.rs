//! The command line.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand};
use vitrine_model::{AppId, ArtifactId, Role, TenantId};

use crate::config::LogFormat;

/// The self-hosted engine behind an AI app builder: live previews of front-end projects in isolated sandboxes.
#[derive(Debug, Parser)]
#[command(name = "vitrine", version, disable_help_subcommand = true)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// What to do.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Start the server: builder, API, previews and sandboxes in one process.
    Serve(ServeArgs),
    /// Check this machine, and say what to do about whatever is missing.
    Doctor(DoctorArgs),
    /// Build an artifact anew on a running server and compare it, byte for byte, with the one on record.
    Verify(VerifyArgs),
    /// Show what runs on a server's machine, and what it costs.
    Top(TopArgs),
    /// Tenants, keys and the audit log of a running server, as JSON; and the keys that secrets are sealed under.
    #[command(subcommand)]
    Admin(AdminCommand),
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
    /// Print JSON instead of a table.
    #[arg(long)]
    pub(crate) json: bool,
    /// Try, in a throwaway sandbox, what hostile code would try; fails when anything gets through.
    #[arg(long)]
    pub(crate) attack: bool,
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
    /// Print JSON, once.
    #[arg(long)]
    pub(crate) json: bool,
    /// How many sandboxes, those with the most memory.
    #[arg(long, value_name = "COUNT", default_value_t = 20)]
    pub(crate) limit: usize,
    #[command(flatten)]
    pub(crate) server: ServerArgs,
}

/// What an operator does.
#[derive(Debug, Subcommand)]
pub(crate) enum AdminCommand {
    /// Tenants of the server.
    #[command(subcommand)]
    Tenant(TenantCommand),
    /// Keys of the key's own tenant.
    #[command(subcommand)]
    Key(KeyCommand),
    /// The audit log of the key's own tenant.
    #[command(subcommand)]
    Audit(AuditCommand),
    /// The keys that secrets are sealed under; in the data directory, also while the server runs.
    #[command(subcommand)]
    Secrets(SecretsCommand),
    /// Remove what nothing needs any more from a running server's storage; it does so by itself every hour.
    Collect {
        /// Say what would go, and keep it.
        #[arg(long)]
        dry_run: bool,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// What is done with master keys.
#[derive(Debug, Subcommand)]
pub(crate) enum SecretsCommand {
    /// Say which master keys there are, and what is under which.
    Status(ConfigArgs),
    /// Wrap everything with a new master key. Secrets stay as they are; the server may run meanwhile; if it is broken off,
    /// run it again.
    Rotate(ConfigArgs),
}

/// What is done with tenants.
#[derive(Debug, Subcommand)]
pub(crate) enum TenantCommand {
    /// Make a tenant; prints its owner's key, once.
    Create {
        /// Its name, for people.
        name: String,
        /// What the host product calls it in its tokens.
        #[arg(long, value_name = "ID")]
        host_id: Option<String>,
        #[command(flatten)]
        server: ServerArgs,
    },
    /// List all tenants.
    List {
        #[command(flatten)]
        server: ServerArgs,
    },
    /// Show what a tenant may have and has; with limits, set those first and leave the others as they are.
    Quotas {
        /// The tenant.
        tenant: TenantId,
        #[command(flatten)]
        limits: LimitArgs,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// A tenant's own limits. Each is a number, `unlimited`, or `default` for what the server's settings say.
#[derive(Debug, Args)]
pub(crate) struct LimitArgs {
    /// Apps.
    #[arg(long, value_name = "LIMIT")]
    pub(crate) apps: Option<LimitArg>,
    /// Sessions that are not over.
    #[arg(long, value_name = "LIMIT")]
    pub(crate) sessions: Option<LimitArg>,
    /// Builds that run at once.
    #[arg(long, value_name = "LIMIT")]
    pub(crate) builds: Option<LimitArg>,
    /// Bytes of content and artifacts.
    #[arg(long, value_name = "LIMIT")]
    pub(crate) storage_bytes: Option<LimitArg>,
    /// Bytes sent to visitors in a month.
    #[arg(long, value_name = "LIMIT")]
    pub(crate) egress_bytes: Option<LimitArg>,
}

/// One limit, as it is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum LimitArg {
    /// A number.
    AtMost(u64),
    /// As much as there is room for.
    Unlimited,
    /// What the server's settings say.
    Default,
}

impl std::str::FromStr for LimitArg {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        match text {
            "unlimited" => Ok(Self::Unlimited),
            "default" => Ok(Self::Default),
            number => number.parse().map(Self::AtMost).map_err(|_| "a number, `unlimited` or `default`"),
        }
    }
}

/// What is done with keys.
#[derive(Debug, Subcommand)]
pub(crate) enum KeyCommand {
    /// Make a key; prints it, once.
    Create {
        /// Its name, for people.
        name: String,
        /// What it may do: viewer, editor, admin or owner.
        #[arg(long)]
        role: Role,
        /// How long it works [default: until it is revoked].
        #[arg(long, value_name = "SECS")]
        expires_in_secs: Option<u32>,
        #[command(flatten)]
        server: ServerArgs,
    },
}

/// What is done with audit logs.
#[derive(Debug, Subcommand)]
pub(crate) enum AuditCommand {
    /// Check that the log is as it was written; ends with 1 when not.
    Verify {
        #[command(flatten)]
        server: ServerArgs,
    },
}

impl AdminCommand {
    /// The configuration it goes by.
    pub(crate) fn config(&self) -> &ConfigArgs {
        match self {
            Self::Tenant(
                TenantCommand::Create { server, .. }
                | TenantCommand::List { server }
                | TenantCommand::Quotas { server, .. },
            )
            | Self::Key(KeyCommand::Create { server, .. })
            | Self::Collect { server, .. }
            | Self::Audit(AuditCommand::Verify { server }) => &server.config,
            Self::Secrets(SecretsCommand::Status(config) | SecretsCommand::Rotate(config)) => config,
        }
    }
}

/// Which running server to ask, and as whom.
#[derive(Debug, Args)]
pub(crate) struct ServerArgs {
    /// Where the server is [default: where the configuration listens].
    #[arg(long, value_name = "URL", env = "VITRINE_URL")]
    pub(crate) url: Option<String>,
    /// The API key [default: the admin key in the data directory].
    #[arg(long, value_name = "KEY", env = "VITRINE_API_KEY", hide_env_values = true)]
    pub(crate) key: Option<String>,
    #[command(flatten)]
    pub(crate) config: ConfigArgs,
}
