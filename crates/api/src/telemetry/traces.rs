//! Traces: spans from a request to its statements and calls of the blob store, sent by OTLP where there is somebody to
//! send them to. Elsewhere no span is made.
//!
//! A span is one of the level `debug` in any of our crates, which the log does not show unless told, or one of the level
//! `error`, of which all that is logged within it bears the fields.

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

use crate::config::{ConfigError, TraceConfig};

/// Where traces go. They are sent in batches: what is left goes when this is [finished](Self::finish).
pub(crate) struct Traces(Option<SdkTracerProvider>);

/// Makes a layer that sends traces, if they are wanted.
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
        .map_err(|fault| ConfigError::new("OTEL_EXPORTER_OTLP_ENDPOINT", format!("cannot be used: {fault}")))?;
    let resource = Resource::builder()
        .with_service_name(config.service.clone())
        .with_attribute(KeyValue::new("service.version", env!("CARGO_PKG_VERSION")))
        .build();
    let provider = SdkTracerProvider::builder().with_batch_exporter(exporter).with_resource(resource).build();
    let ours = filter_fn(|data| data.is_span() && is_ours(data.target()));
    let layer = tracing_opentelemetry::layer()
        .with_tracer(Kinds(provider.tracer("clouddrive")))
        .with_context_activation(false)
        .with_location(false)
        .with_threads(false)
        .with_tracked_inactivity(false)
        .with_filter(ours.and(LevelFilter::DEBUG));
    SENDING.store(true, Ordering::Relaxed);
    Ok((Some(layer), Traces(Some(provider))))
}

/// Makes spans that say whether we are asked or ask. Fields would say so too, but then the log would bear them.
struct Kinds(SdkTracer);

impl Tracer for Kinds {
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

/// Whether traces are sent by this process. To ask `tracing` what is enabled, without making a span, would mislead the filters
/// of its layers about the next line of the log.
static SENDING: AtomicBool = AtomicBool::new(false);

fn is_sending() -> bool {
    SENDING.load(Ordering::Relaxed)
}

fn is_ours(target: &str) -> bool {
    target.split("::").next().is_some_and(|crate_name| crate_name.starts_with("clouddrive"))
}

impl Traces {
    /// Sends what has not been sent yet, within the bounds that the exporter sets itself.
    pub(crate) async fn finish(self) {
        let Some(provider) = self.0 else { return };
        match tokio::task::spawn_blocking(move || provider.shutdown()).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => tracing::warn!(%fault, "the last traces were not sent"),
            Err(fault) => tracing::warn!(%fault, "the last traces were not sent"),
        }
    }
}

/// The span of a request, which goes on with its caller's trace. Of the highest level, so that no filter takes the
/// identifier from what is logged of the request.
pub(crate) fn request_span(id: &str, headers: &HeaderMap) -> Span {
    let span = tracing::error_span!("request", id, trace_id = tracing::field::Empty);
    if !is_sending() && !headers.contains_key("traceparent") {
        return span;
    }
    let callers = TraceContextPropagator::new().extract(&Headers(headers));
    let context = if span.set_parent(callers.clone()).is_ok() { span.context() } else { callers };
    let trace = context.span().span_context().trace_id();
    if trace != TraceId::INVALID {
        span.record("trace_id", trace.to_string());
    }
    span
}

/// What has become of the request of `span`.
pub(crate) fn answered(span: &Span, method: &str, route: &str, status: u16) {
    if !is_sending() {
        return;
    }
    // It has begun, so the layer does not take a name from its fields any more.
    span.context().span().update_name(format!("{method} {route}"));
    span.set_attribute("http.request.method", method.to_owned());
    span.set_attribute("http.route", route.to_owned());
    span.set_attribute("http.response.status_code", i64::from(status));
    if status >= 500 {
        failed(span);
    }
}

/// Says that what `span` tells of has failed.
pub(super) fn failed(span: &Span) {
    span.set_status(Status::error(""));
}

/// The headers by which what is called now goes on with the trace.
pub(crate) fn outgoing() -> Vec<(&'static str, String)> {
    let context: Context = Span::current().context();
    let mut headers = Outgoing(Vec::new());
    if context.span().span_context().is_valid() {
        TraceContextPropagator::new().inject_context(&context, &mut headers);
    }
    headers.0
}

struct Headers<'a>(&'a HeaderMap);

impl Extractor for Headers<'_> {
    fn get(&self, key: &str) -> Option<&str> {
        self.0.get(key).and_then(|value| value.to_str().ok())
    }

    fn keys(&self) -> Vec<&str> {
        self.0.keys().map(HeaderName::as_str).collect()
    }
}

struct Outgoing(Vec<(&'static str, String)>);

impl Injector for Outgoing {
    fn set(&mut self, key: &str, value: String) {
        for name in ["traceparent", "tracestate"] {
            if key.eq_ignore_ascii_case(name) && !value.is_empty() {
                self.0.push((name, value.clone()));
            }
        }
    }
}
