//! Structured logs on standard error: for people on a terminal, JSON otherwise.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{ConfigError, Source};

/// What is logged unless told. Actix has an error to tell of every client that speaks bad HTTP: that is no fault of ours.
const DEFAULT: &str = "info,actix_http::h1=off";

/// Starts logging as `RUST_LOG` says.
pub(crate) fn start(source: &Source) -> Result<(), ConfigError> {
    let (name, directives) = source.text(&["RUST_LOG"])?.unwrap_or(("RUST_LOG", DEFAULT));
    let filter = EnvFilter::try_new(directives)
        .map_err(|_| ConfigError::new(name, "must be a filter such as info or clouddrive=debug,info"))?;
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() {
        log.init();
    } else {
        log.json().flatten_event(true).with_span_list(false).init();
    }
    // A panic is a line of the log as well.
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, panic = panic.payload_as_str(), "panicked");
    }));
    Ok(())
}
