//! Traces: spans from a request down to its statements and blob store calls, exported by OTLP if an endpoint is
//! configured; otherwise nothing is recorded.
//!
//! Our crates' spans are either of level `debug`, which the log does not show by default, or of level `error`, whose
//! fields appear on every log line within them.

use std::sync::atomic::{AtomicBool, Ordering};

use actix_web::http::header::{HeaderMap, HeaderName};
use opentelemetry::propagation::{Extractor, Injector, TextMapPropagator};
use opentelemetry::trace::{SpanBuilder, SpanKind, Status, TraceContextExt, TraceId, Tracer, TracerProvider};
use opentelemetry::{Context, KeyValue};
use opentelemetry_otlp::{Protocol, SpanExporter, WithExportConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::propagation::TraceContextPropagator;
use opentelemetry_sdk::trace::{SdkTracer, SdkTracerProvider};
use tracing::{Span, Subscriber};
use tracing_opentelemetry::OpenTelemetrySpanExt;
use tracing_subscriber::Layer;
use tracing_subscriber::filter::{FilterExt, LevelFilter, filter_fn};
use tracing_subscriber::registry::LookupSpan;

use crate::config::{ConfigError, TraceConfig, variables};

/// The trace exporter. It sends batches; [`finish`](Self::finish) flushes the last one.
pub(crate) struct Traces(Option<SdkTracerProvider>);

/// Creates a layer that exports traces, if configured.
pub(super) fn start<S>(config: Option<&TraceConfig>) -> Result<(Option<impl Layer<S>>, Traces), ConfigError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let Some(config) = config else {
        return Ok((None, Traces(None)));
    };
    let exporter = SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(format!("{}/v1/traces", config.endpoint))
        .build()
        .map_err(|error| {
            ConfigError::new(variables::OTEL_EXPORTER_OTLP_ENDPOINT.name, format!("cannot be used: {error}"))
        })?;
    let resource = Resource::builder()
        .with_service_name(config.service.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let ours = filter_fn(|data| data.is_span() && is_ours(data.target()));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(SpanKindTracer(provider.tracer("clouddrive")))
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours.and(LevelFilter::DEBUG));
    EXPORTING.store(true, Ordering::Relaxed);
    Ok((Some(layer), Traces(Some(provider))))
}

/// A tracer that sets the span kind (server, client or internal). As span fields, the kinds would show up in the log.
struct SpanKindTracer(SdkTracer);

impl Tracer for SpanKindTracer {
    type Span = <SdkTracer as Tracer>::Span;

    fn build_with_context(&self, builder: SpanBuilder, parent: &Context) -> Self::Span {
        let kind = match builder.name.as_ref() {
            "request" => SpanKind::Server,
            "blob store" | "statement" => SpanKind::Client,
            _ => SpanKind::Internal,
        };
        self.0.build_with_context(builder.with_kind(kind), parent)
    }
}

/// Whether this process exports traces. Asking `tracing` what is enabled, without creating a span, would confuse the
/// per-layer filters for the next log line.
static EXPORTING: AtomicBool = AtomicBool::new(false);

fn is_exporting() -> bool {
    EXPORTING.load(Ordering::Relaxed)
}

fn is_ours(target: &str) -> bool {
    target.split("::").next().is_some_and(|crate_name| crate_name.starts_with("clouddrive"))
}

impl Traces {
    /// Flushes the remaining spans, within the exporter's own timeouts.
    pub(crate) async fn finish(self) {
        let Some(provider) = self.0 else { return };
        match tokio::task::spawn_blocking(move || provider.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(error)) => tracing::warn!(%error, "flushing traces failed"),
            Err(error) => tracing::warn!(%error, "flushing traces failed"),
        }
    }
}

/// Creates the span of a request, continuing the caller's trace. Its level is `error`, so that no filter removes the
/// request ID from log lines.
pub(crate) fn request_span(id: &str, headers: &HeaderMap) -> Span {
    let span = tracing::error_span!("request", id, trace_id = tracing::field::Empty);
    if !is_exporting() && !headers.contains_key("traceparent") {
        return span;
    }
    let callers = TraceContextPropagator::new().extract(&HeaderExtractor(headers));
    let context = if span.set_parent(callers.clone()).is_ok() { span.context() } else { callers };
    let trace = context.span().span_context().trace_id();
    if trace != TraceId::INVALID {
        span.record("trace_id", trace.to_string());
    }
    span
}

/// Records the response on the request's span.
pub(crate) fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if !is_exporting() {
        return;
    }
    // The span has started, so the layer no longer takes its name from a field.
    span.context().span().update_name(format!("{method} {route}"));
    span.set_attribute("http.request.method", method.to_owned());
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status));
    if status >= 500 {
        failed(span);
    }
}

/// Marks the span as failed.
pub(super) fn failed(span: &Span) {
    span.set_status(Status::error(""));
}

/// The headers that propagate the current trace to a called service.
pub(crate) fn propagation_headers() -> Vec<(&'static str, String)> {
    let context: Context = Span::current().context();
    let mut headers = HeaderInjector(Vec::new());
    if context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&context, &mut headers);
    }
    headers.0
}

struct HeaderExtractor<'a>(&'a HeaderMap);

impl Extractor for HeaderExtractor<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct HeaderInjector(Vec<(&'static str, String)>);

impl Injector for HeaderInjector {
    fn set(&mut self, key: &str, value: String) {
        for name in ["traceparent", "tracestate"] {
            if key.eq_ignore_ascii_case(name) && !value.is_empty() {
                self.0.push((name, value.clone()));
            }
        }
    }
}
