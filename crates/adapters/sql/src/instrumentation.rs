//! Tracing of statements: a span for each within another one, at level `debug`, from start to end.

use diesel::connection::{Instrumentation, InstrumentationEvent};
use tracing::Span;

/// The tracing target of statement spans.
const TARGET: &str = "clouddrive_sql::statement";

/// Traces the statements of one connection. The cost is negligible while the spans are disabled.
#[derive(Default)]
pub struct StatementSpans {
    /// The running statements; there may be several.
    running: Vec<(String, Span)>,
}

impl Instrumentation for StatementSpans {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            // Polling, which happens outside of any span, would begin a trace each time.
            InstrumentationEvent::StartQuery { query, .. } if !Span::current().is_none() => {
                let span = tracing::debug_span!(
                    target: TARGET,
                    "statement",
                    db.query.text = tracing::field::Empty,
                    otel.status_code = tracing::field::Empty
                );
                if !span.is_disabled() {
                    let sql = without_bind_values(&query.to_string());
                    span.record("db.query.text", &sql);
                    self.running.push((sql, span));
                }
            }
            InstrumentationEvent::FinishQuery { query, error, .. } if !self.running.is_empty() => {
                let sql = without_bind_values(&query.to_string());
                if let Some(at) = self.running.iter().position(|(running, _)| *running == sql) {
                    let (_, span) = self.running.swap_remove(at);
                    if error.is_some() {
                        span.record("otel.status_code", "ERROR");
                    }
                }
            }
            // Statements left over were abandoned.
            InstrumentationEvent::BeginTransaction { .. } => self.running.clear(),
            _ => {}
        }
    }
}

/// Strips the bind parameters from a statement, because they include password hashes.
fn without_bind_values(text: &str) -> String {
    text.split(" -- binds: ").next().unwrap_or_default().to_owned()
}
