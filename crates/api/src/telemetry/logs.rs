//! Structured logs on standard error: for people on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::filter::EnvFilter;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use super::audit;
use super::traces::{self, Traces};
use crate::config::{ConfigError, Source, TraceConfig};

/// What is logged unless told. Actix has an error to tell of every client that speaks bad HTTP: that is no fault of ours.
const DEFAULT: &str = "info,actix_http::h1=off";

/// The directives, and the audit trail, which goes on however little else is logged, unless it is spoken of.
fn with_audit(directives: &str) -> String {
    let spoken_of = directives.split(',').any(|directive| directive.trim().split('=').next() == Some(audit::TARGET));
    if spoken_of { directives.to_owned() } else { format!("{directives},{}=info", audit::TARGET) }
}

/// Starts logging as `RUST_LOG` says, and traces where they are wanted.
pub(crate) fn start(source: &Source) -> Result<Traces, ConfigError> {
    let (name, directives) = source.text(&["RUST_LOG"])?.unwrap_or(("RUST_LOG", DEFAULT));
    let filter = EnvFilter::try_new(with_audit(directives))
        .map_err(|_| ConfigError::new(name, "must be a filter such as info or clouddrive=debug,info"))?;
    let log = fmt::layer().with_writer(std::io::stderr);
    let log = if std::io::stderr().is_terminal() {
        log.boxed()
    } else {
        log.json().flatten_event(true).with_span_list(false).boxed()
    };
    let (trace, traces) = traces::start(TraceConfig::read(source)?.as_ref())?;
    tracing_subscriber::registry().with(trace).with(log.with_filter(filter)).init();
    // A panic is a line of the log as well.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, panic = panic.payload_as_str(), "panicked");
    }));
    Ok(traces)
}
