//! `clouddrive user`: account administration, also beside a running server, where ended sessions end within a second.

mod list;
mod password;

use anyhow::anyhow;
use clap::Subcommand;
use clouddrive_domain::Error;
use clouddrive_domain::model::{Email, LoginIdentifier, NewLimits, Username};

use crate::config::{Config, QUOTAS};
use crate::output::print_line;
use crate::wiring;

#[derive(Subcommand)]
pub(crate) enum UserCommand {
    /// Create an account; prompts for the password, or reads it from standard input
    Create {
        /// 3 to 32 of A–Z a–z 0–9 _ . -
        #[arg(value_parser = Username::parse)]
        username: Username,
        /// The e-mail address
        #[arg(value_parser = Email::parse)]
        email: Email,
        /// Quota of the drive in bytes; defaults to DEFAULT_QUOTA_BYTES
        #[arg(long, value_parser = quota)]
        quota: Option<u64>,
        /// Limit on files and folders; defaults to DEFAULT_QUOTA_ENTRIES
        #[arg(long, value_parser = quota)]
        entries: Option<u64>,
    },
    /// Change a user's password (prompted, or from standard input) and end all their sessions
    SetPassword {
        /// User name or e-mail address
        user: String,
    },
    /// Set a user's quota; below current usage, nothing can be added
    SetQuota {
        /// User name or e-mail address
        user: String,
        /// In bytes
        #[arg(value_parser = quota, required_unless_present = "entries")]
        bytes: Option<u64>,
        /// Limit on files and folders, including the trash
        #[arg(long, value_parser = quota)]
        entries: Option<u64>,
    },
    /// Disable a user: all their sessions end; their files and shares stay
    Disable {
        /// User name or e-mail address
        user: String,
    },
    /// Enable a user again
    Enable {
        /// User name or e-mail address
        user: String,
    },
    /// List all users by name
    List {
        /// Print one JSON object per line
        #[arg(long)]
        json: bool,
    },
}

/// Parses a quota, in bytes or in files and folders.
fn quota(text: &str) -> Result<u64, String> {
    let bytes = text.parse().ok().filter(|bytes| QUOTAS.contains(bytes));
    bytes.ok_or_else(|| format!("must be a number from {} to {}", QUOTAS.start(), QUOTAS.end()))
}

/// Runs the command.
pub(crate) async fn run(command: UserCommand, config: &Config) -> anyhow::Result<()> {
    let (administration, context) = wiring::administration(config).await?;
    let request = context.request_id();
    match command {
        UserCommand::Create { username, email, quota, entries } => {
            let password = password::read()?;
            let name = username.as_str().to_owned();
            let quota = (quota.unwrap_or(config.quota_bytes), entries.unwrap_or(config.quota_entries));
            let made = administration.create(&request, username, email, &password, quota).await;
            made.map_err(|error| describe_error(error, &name))?;
            print_line(format!("{name} may log in"))
        }
        UserCommand::SetPassword { user } => {
            let password = password::read()?;
            let done = administration.set_password(&request, &LoginIdentifier::parse(&user), &password).await;
            done.map_err(|error| describe_error(error, &user))?;
            print_line(format!("{user} has another password, and no session"))
        }
        UserCommand::SetQuota { user, bytes, entries } => {
            let limits = NewLimits { bytes, entries };
            let done = administration.set_quota(&request, &LoginIdentifier::parse(&user), limits).await;
            done.map_err(|error| describe_error(error, &user))?;
            let bytes = bytes.map(|bytes| format!("{bytes} bytes"));
            let entries = entries.map(|entries| format!("{entries} files and folders"));
            let limits: Vec<String> = bytes.into_iter().chain(entries).collect();
            print_line(format!("the drive of {user} may hold {}", limits.join(" and ")))
        }
        UserCommand::Disable { user } => {
            let changed = administration.set_disabled(&request, &LoginIdentifier::parse(&user), true).await;
            let changed = changed.map_err(|error| describe_error(error, &user))?;
            print_line(if changed { format!("{user} is disabled") } else { format!("{user} was disabled before") })
        }
        UserCommand::Enable { user } => {
            let changed = administration.set_disabled(&request, &LoginIdentifier::parse(&user), false).await;
            let changed = changed.map_err(|error| describe_error(error, &user))?;
            print_line(if changed { format!("{user} is enabled") } else { format!("{user} was not disabled") })
        }
        UserCommand::List { json } => list::print(&administration, json).await,
    }
}

/// Turns domain errors into messages for the terminal.
fn describe_error(error: Error, user: &str) -> anyhow::Error {
    match error {
        Error::NotFound => anyhow!("there is no user {user}"),
        Error::Conflict(conflict) => anyhow!("{conflict}"),
        other => other.into(),
    }
}
