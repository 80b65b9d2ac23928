//! The command line, one file per command.

mod collect;
mod doctor;
mod health;
mod migrate;
mod serve;
mod user;
mod verify;

use clap::{Parser, Subcommand};

use self::user::UserCommand;
use crate::config::{Config, Source, reference};
use crate::output::print_line;
use crate::{telemetry, wiring};

/// A cloud drive as a REST API. Configured by environment variables and `.env`; by default all data is stored in
/// ./data.
#[derive(Parser)]
#[command(name = "clouddrive", version)]
pub(crate) struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve requests (the default)
    Serve,
    /// Print the OpenAPI document
    Openapi,
    /// Print all configuration variables with values, default and meaning, as an example of `.env`
    Config {
        /// As a Markdown table
        #[arg(long)]
        markdown: bool,
    },
    /// Apply pending database migrations
    Migrate,
    /// Run the collector once: remove expired uploads, old trash, unreferenced blobs and temporary files
    Collect,
    /// Manage accounts: create, list, set passwords and quotas, disable and enable
    #[command(subcommand)]
    User(UserCommand),
    /// Check configuration, database, store, clocks and permissions, and suggest fixes
    Doctor,
    /// Check the integrity of all data independently and read-only; exits with 1 if anything is wrong
    Verify(verify::Arguments),
    /// Check that the server on BIND_ADDR is ready: the health check of a container
    Health,
}

impl Cli {
    /// Runs the command.
    pub(crate) async fn run(self) -> anyhow::Result<()> {
        let command = self.command.unwrap_or(Command::Serve);
        if let Command::Openapi = command {
            return print_line(clouddrive_rest::openapi::json()?);
        }
        if let Command::Config { markdown } = command {
            let text = if markdown { reference::markdown() } else { reference::example() };
            return print_line(text.trim_end());
        }
        let source = Source::from_process()?;
        if let Command::Health = command {
            return health::check(&source).await;
        }
        let source = wiring::with_secret(source).await?;
        let config = Config::read(&source)?;
        let traces = telemetry::logs::start(&source)?;
        let outcome = match command {
            Command::Serve | Command::Openapi | Command::Config { .. } | Command::Health => serve::serve(config).await,
            Command::Migrate => migrate::migrate(&config).await,
            Command::Collect => collect::collect(&config).await,
            Command::User(command) => user::run(command, &config).await,
            Command::Doctor => doctor::doctor(&config).await,
            Command::Verify(arguments) => verify::verify(&config, arguments).await,
        };
        traces.finish().await;
        outcome
    }
}
