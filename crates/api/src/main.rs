#![doc = include_str!("../README.md")]

mod background;
mod config;
mod connections;
mod health;
mod http;
mod serve;
mod system;
mod telemetry;
mod user;
mod verify;
mod wiring;

use std::fmt::Display;
use std::io::{ErrorKind, Write};
use std::process::ExitCode;

use anyhow::Context;
use clap::{Parser, Subcommand};
use clouddrive_domain::service::CollectorReport;
use tikv_jemallocator::Jemalloc;

use crate::config::{Config, ConfigError, Source};
use crate::user::UserCommand;
use crate::wiring::Stores;

/// Hashing a password briefly takes 19 MiB. glibc tends to keep freed memory per thread; jemalloc returns it to the
/// system, even if another thread frees it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// A cloud drive as a REST API. Configured by environment variables and `.env`; by default all data is stored in
/// ./data.
#[derive(Parser)]
#[command(name = "clouddrive", version)]
struct Cli {
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

/// Shared state lives on the main runtime, which outlives those of the workers.
#[tokio::main]
async fn main() -> ExitCode {
    match run(Cli::parse().command.unwrap_or(Command::Serve)).await {
        Ok(()) => ExitCode::SUCCESS,
        Err(fault) => {
            eprintln!("clouddrive: {fault:#}");
            ExitCode::from(if fault.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}

async fn run(command: Command) -> anyhow::Result<()> {
    if let Command::Openapi = command {
        return say(http::openapi::json()?);
    }
    if let Command::Config { markdown } = command {
        let reference = if markdown { config::variables::markdown() } else { config::variables::example() };
        return say(reference.trim_end());
    }
    let source = Source::of_process()?;
    if let Command::Health = command {
        return health::check(&source).await;
    }
    let source = wiring::with_secret(source).await?;
    let config = Config::read(&source)?;
    let traces = telemetry::logs::start(&source)?;
    let outcome = match command {
        Command::Serve | Command::Openapi | Command::Config { .. } | Command::Health => serve::serve(config).await,
        Command::Migrate => migrate(&config).await,
        Command::Collect => collect(&config).await,
        Command::User(command) => user::run(command, &config).await,
        Command::Doctor => doctor(&config).await,
        Command::Verify(arguments) => verify::verify(&config, arguments).await,
    };
    traces.finish().await;
    outcome
}

async fn migrate(config: &Config) -> anyhow::Result<()> {
    let _lock = wiring::lock(config)?;
    let applied = wiring::migrate(config).await?;
    for name in &applied {
        say(format!("applied {name}"))?;
    }
    if applied.is_empty() {
        say("the schema is up to date")?;
    }
    Ok(())
}

/// Safe beside a running server: what to remove is decided in the database, one transaction at a time.
async fn collect(config: &Config) -> anyhow::Result<()> {
    let stores = Stores::open_current(config).await?;
    let mut report = CollectorReport::default();
    let outcome = stores.collector(config).run(&stores.ambient().request_id(), &mut report).await;
    say(format!("uploads expired: {}", report.uploads_expired))?;
    say(format!("blobs removed: {}", report.blobs_removed))?;
    say(format!("partial writes removed: {}", report.partial_writes_removed))?;
    say(format!("files and folders purged: {}", report.nodes_purged))?;
    say(format!("drives without an owner removed: {}", report.drives_removed))?;
    say(format!("sessions removed: {}", report.sessions_removed))?;
    say(format!("refresh tokens removed: {}", report.refresh_tokens_removed))?;
    Ok(outcome?)
}

/// Prints all findings; fails if any requires a change.
async fn doctor(config: &Config) -> anyhow::Result<()> {
    let findings = wiring::doctor(config).await?;
    for finding in &findings {
        say(finding)?;
    }
    match findings.iter().filter(|finding| finding.is_bad()).count() {
        0 => Ok(()),
        bad => anyhow::bail!("{bad} of {} checks ended badly", findings.len()),
    }
}

/// Writes a line to standard output. A closed pipe is not an error.
fn say(line: impl Display) -> anyhow::Result<()> {
    match writeln!(std::io::stdout(), "{line}") {
        Err(fault) if fault.kind() != ErrorKind::BrokenPipe => Err(fault).context("standard output"),
        _ => Ok(()),
    }
}
