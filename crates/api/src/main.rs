#![doc = include_str!("../README.md")]

mod commands;
mod config;
mod connections;
mod output;
mod system;
mod telemetry;
mod wiring;

use std::process::ExitCode;

use clap::Parser;
use tikv_jemallocator::Jemalloc;

use crate::commands::Cli;
use crate::config::ConfigError;

/// Hashing a password briefly takes 19 MiB. glibc tends to keep freed memory per thread; jemalloc returns it to the
/// system, even if another thread frees it.
#[global_allocator]
static ALLOCATOR: Jemalloc = Jemalloc;

/// Shared state lives on the main runtime, which outlives those of the workers.
#[tokio::main]
async fn main() -> ExitCode {
    match Cli::parse().run().await {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("clouddrive: {error:#}");
            ExitCode::from(if error.is::<ConfigError>() { 2 } else { 1 })
        }
    }
}
