//! Arguments of `vitrine admin`.

use clap::{Args, Subcommand};
use vitrine_model::{Role, TenantId};

use super::{ConfigArgs, ServerArgs};

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
    pub(crate) fn config(&self) -> ConfigArgs {
        match self {
            Self::Tenant(
                TenantCommand::Create { server, .. }
                | TenantCommand::List { server }
                | TenantCommand::Quotas { server, .. },
            )
            | Self::Key(KeyCommand::Create { server, .. })
            | Self::Collect { server, .. }
            | Self::Audit(AuditCommand::Verify { server }) => server.config(),
            Self::Secrets(SecretsCommand::Status(config) | SecretsCommand::Rotate(config)) => config.clone(),
        }
    }
}
