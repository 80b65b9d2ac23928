//! What is seen of statements: a span for each, at the level `debug`, from its beginning to its end.

use diesel::connection::{Instrumentation, InstrumentationEvent};
use tracing::Span;

/// What the spans of statements are filtered by.
const TARGET: &str = "clouddrive_sql::statement";

/// Watches the statements of one connection. It costs nothing to speak of while nobody wants their spans.
#[derive(Default)]
pub struct Statements {
    /// Those that have begun: several may be under way at once.
    running: Vec<(String, Span)>,
}

impl Instrumentation for Statements {
    fn on_connection_event(&mut self, event: InstrumentationEvent<'_>) {
        match event {
            InstrumentationEvent::StartQuery { query, .. } => {
                let span = tracing::debug_span!(
                    target: TARGET,
                    "statement",
                    db.query.text = tracing::field::Empty,
                    otel.status_code = tracing::field::Empty
                );
                if !span.is_disabled() {
                    let sql = without_values(&query.to_string());
                    span.record("db.query.text", &sql);
                    self.running.push((sql, span));
                }
            }
            InstrumentationEvent::FinishQuery { query, error, .. } if !self.running.is_empty() => {
                let sql = without_values(&query.to_string());
                if let Some(at) = self.running.iter().position(|(running, _)| *running == sql) {
                    let (_, span) = self.running.swap_remove(at);
                    if error.is_some() {
                        span.record("otel.status_code", "ERROR");
                    }
                }
            }
            // Whatever is left over has been given up.
            InstrumentationEvent::BeginTransaction { .. } => self.running.clear(),
            _ => {}
        }
    }
}

/// A statement without its parameters: hashes of passwords are among them.
fn without_values(text: &str) -> String {
    text.split(" -- binds: ").next().unwrap_or_default().to_owned()
}
