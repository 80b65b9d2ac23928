//! `clouddrive verify`: the independent integrity check, with human-readable or JSON output.

use clap::Args;
use clouddrive_domain::port::Clock;
use clouddrive_verify::{Options, Stage};
use indicatif::{ProgressBar, ProgressStyle};

use crate::config::Config;
use crate::output::print_line;
use crate::system::SystemClock;
use crate::wiring;

/// Rounds within which the collector must have removed what is due.
const ROUNDS: u32 = 3;

/// Options of the check.
#[derive(Args, Clone, Copy)]
pub(crate) struct Arguments {
    /// Read all bytes in use, and compare their SHA-256
    #[arg(long)]
    deep: bool,
    /// Print one JSON object
    #[arg(long)]
    json: bool,
    /// How long unneeded data may remain [default: COLLECT_GRACE_SECONDS plus three rounds of the collector]
    #[arg(long, value_name = "SECONDS")]
    grace: Option<u32>,
}

/// Prints the report; fails if anything is wrong.
pub(crate) async fn verify(config: &Config, arguments: Arguments) -> anyhow::Result<()> {
    let grace = match arguments.grace {
        Some(seconds) => i64::from(seconds) * 1000,
        None => i64::try_from((config.collect_grace + config.collect_interval * ROUNDS).as_millis())?,
    };
    let options = Options { now: SystemClock.now().as_millis(), grace, deep: arguments.deep };
    // The bar draws nothing if standard error is not a terminal.
    let bar = ProgressBar::new_spinner();
    bar.set_style(ProgressStyle::with_template("{spinner} {elapsed_precise} {msg} {human_pos}")?);
    let progress = |stage, done, many: Option<u64>| {
        bar.set_message(match stage {
            Stage::Database => "database invariants:",
            Stage::Store => "comparing blob rows with the store, blobs:",
            Stage::Recheck => "checking candidates again:",
        });
        if let Some(many) = many {
            bar.set_length(many);
        }
        bar.set_position(done);
    };
    let report = wiring::verify(config, options, &progress).await;
    bar.finish_and_clear();
    let report = report?;
    match arguments.json {
        true => print_line(serde_json::to_string_pretty(&report)?)?,
        false => print_line(&report)?,
    }
    match report.found() {
        0 => Ok(()),
        found => anyhow::bail!("{found} findings"),
    }
}
