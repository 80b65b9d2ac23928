//! Structured logs on standard error: human-readable on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::audit;
use super::traces::{self, Traces};
use crate::config::{ConfigError, Source, TraceConfig, variables};

/// Adds the audit target at `info`, so that it is logged under any filter that does not mention it.
fn with_audit(directives: &str) -> String {
    let is_configured =
        directives.split(',').any(|directive| directive.trim().split('=').next() == Some(audit::TARGET));
    if is_configured { directives.to_owned() } else { format!("{directives},{}=info", audit::TARGET) }
}

/// Starts logging by `RUST_LOG`, and tracing if configured.
pub(crate) fn start(source: &Source) -> Result<Traces, ConfigError> {
    let directives = source.text(&variables::RUST_LOG)?.unwrap_or(variables::DEFAULT_LOG_FILTER);
    let filter = EnvFilter::try_new(with_audit(directives)).map_err(|_| ConfigError::invalid(&variables::RUST_LOG))?;
    let log = fmt::layer().with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() {
        log.boxed()
    } else {
        log.json().flatten_event(true).with_span_list(false).boxed()
    };
    let (trace, traces) = traces::start(TraceConfig::read(source)?.as_ref())?;
    tracing_subscriber::registry().with(trace).with(log.with_filter(filter)).init();
    // Panics are logged too.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, panic = panic.payload_as_str(), "a thread panicked");
    }));
    Ok(traces)
}
