use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};

use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::any_value::Value as Any;
use opentelemetry_proto::tonic::trace::v1::Span;
use opentelemetry_proto::tonic::trace::v1::span::SpanKind;
use prost::Message;
use reqwest::Method;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::{TcpListener, TcpStream};

use crate::process::{exit_code, lines, signal, start_in};
use crate::support::stack::{Stack, stack};
use crate::support::{Server, Storage, text};

/// A caller's trace and span identifiers.
const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
const SPAN: &str = "00f067aa0ba902b7";

/// A trace collector that stores what it receives.
pub struct Collector {
    pub url: String,
    received: Arc<Mutex<Vec<ExportTraceServiceRequest>>>,
}

impl Collector {
    pub async fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        let received = Arc::new(Mutex::default());
        let keep = Arc::clone(&received);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                tokio::spawn(serve(stream, Arc::clone(&keep)));
            }
        });
        Self { url, received }
    }

    fn spans(&self) -> Vec<Span> {
        let received = self.received.lock().unwrap();
        let scopes = received.iter().flat_map(|request| &request.resource_spans).flat_map(|spans| &spans.scope_spans);
        scopes.flat_map(|scope| scope.spans.clone()).collect()
    }

    /// The texts of the statements of each trace, by its identifier.
    pub fn statements(&self) -> BTreeMap<String, Vec<String>> {
        let mut statements = BTreeMap::<String, Vec<String>>::new();
        for span in self.spans() {
            if let Some(text) = attribute(&span, "db.query.text") {
                statements.entry(hex(&span.trace_id)).or_default().push(text);
            }
        }
        statements
    }

    fn services(&self) -> BTreeSet<String> {
        let received = self.received.lock().unwrap();
        let resources = received.iter().flat_map(|request| &request.resource_spans);
        let attributes = resources.flat_map(|spans| &spans.resource.as_ref().unwrap().attributes);
        attributes.filter(|pair| pair.key == "service.name").map(|pair| text_of(pair.value.as_ref().unwrap())).collect()
    }
}

async fn serve(stream: TcpStream, keep: Arc<Mutex<Vec<ExportTraceServiceRequest>>>) {
    let mut stream = BufReader::new(stream);
    let (mut length, mut first, mut line) = (0, String::new(), String::new());
    while stream.read_line(&mut line).await.is_ok_and(|read| read > 0) {
        if first.is_empty() {
            first.clone_from(&line);
        }
        if let Some(value) = line.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
        if line == "\r\n" {
            let mut body = vec![0; length];
            stream.read_exact(&mut body).await.unwrap();
            assert!(first.starts_with("POST /v1/traces "), "{first}");
            keep.lock().unwrap().push(ExportTraceServiceRequest::decode(body.as_slice()).unwrap());
            stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n").await.unwrap();
            first.clear();
        }
        line.clear();
    }
}

fn text_of(value: &opentelemetry_proto::tonic::common::v1::AnyValue) -> String {
    match value.value.as_ref().unwrap() {
        Any::StringValue(text) => text.clone(),
        Any::IntValue(number) => number.to_string(),
        other => format!("{other:?}"),
    }
}

fn attribute(span: &Span, name: &str) -> Option<String> {
    span.attributes.iter().find(|pair| pair.key == name).map(|pair| text_of(pair.value.as_ref().unwrap()))
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Stops the server, which flushes its spans.
pub async fn stop(mut server: Server) {
    signal(server.process().id(), "TERM");
    assert_eq!(exit_code(&mut server).await, 0);
}

#[tokio::test]
async fn signed_urls_work_that_are_made_within_a_trace() {
    let collector = Collector::start().await;
    let server = Server::with(&[("OTEL_EXPORTER_OTLP_ENDPOINT", &collector.url)]).await;
    let ann = server.user("ann").await.within(TRACE);
    let file = ann.upload("note.txt", b"hello", None).await;
    let url = text(&ann.get(&format!("/file/{}", text(&file["id"]))).await.ok()["download"]["url"]);
    assert_eq!(server.anonymous().get(&url).await.text(), "hello");
}

#[tokio::test]
async fn a_request_goes_on_with_its_callers_trace_down_to_statements_and_the_store() {
    let collector = Collector::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()), ("RUST_LOG", "info")];
    let (server, _) = start_in(Storage::new(), &variables).await;
    let ann = server.user("ann").await;
    let form = reqwest::multipart::Form::new()
        .part("file", reqwest::multipart::Part::bytes(b"hello".to_vec()).file_name("secret-name.txt"));
    let request = ann.request(Method::POST, "/file").header("traceparent", format!("00-{TRACE}-{SPAN}-01"));
    let id = ann.send(request.multipart(form)).await;
    let id = id.header("x-request-id").to_owned();
    let line = lines(&server).into_iter().find(|line| line["span"]["id"] == id.as_str()).unwrap();
    assert_eq!(line["span"]["trace_id"], TRACE, "{line}");
    // Every log line of a request has its identifier, also within nested spans.
    let all = lines(&server);
    let audited = all.iter().filter(|line| line["target"] == "audit");
    assert!(audited.clone().count() >= 2);
    for line in audited {
        assert_eq!(line["span"]["id"], line["request_id"], "{line}");
    }
    stop(server).await;

    let spans: Vec<Span> = collector.spans().into_iter().filter(|span| hex(&span.trace_id) == TRACE).collect();
    let [root] = spans.iter().filter(|span| hex(&span.parent_span_id) == SPAN).collect::<Vec<_>>()[..] else {
        panic!("{spans:?}")
    };
    assert_eq!((root.name.as_str(), root.kind()), ("POST /file", SpanKind::Server));
    assert_eq!(attribute(root, "http.response.status_code").as_deref(), Some("201"));
    assert_eq!(attribute(root, "http.route").as_deref(), Some("/file"));
    let known: BTreeSet<&[u8]> = spans.iter().map(|span| span.span_id.as_slice()).collect();
    for span in spans.iter().filter(|span| *span != root) {
        assert!(known.contains(span.parent_span_id.as_slice()), "{span:?} hangs in the air");
    }
    let put = spans.iter().find(|span| attribute(span, "operation").as_deref() == Some("put")).unwrap();
    assert_eq!((put.name.as_str(), put.kind()), ("blob store", SpanKind::Client));
    let statements: Vec<String> = spans.iter().filter_map(|span| attribute(span, "db.query.text")).collect();
    assert!(statements.iter().any(|text| text.contains("versions")), "{statements:?}");
    // What its mutation waited for.
    let names: BTreeSet<&str> = spans.iter().map(|span| span.name.as_str()).collect();
    assert!(names.contains("acquire database connection"), "{names:?}");
    assert!(stack() == Stack::Production || names.contains("end database transaction"), "{names:?}");
    let all = format!("{spans:?}");
    for secret in ["secret-name", "hello", ann.token()] {
        assert!(!all.contains(secret), "{secret}");
    }
    assert_eq!(collector.services(), BTreeSet::from(["clouddrive".to_owned()]));
}

#[tokio::test]
async fn a_request_without_a_trace_begins_one_and_a_caller_who_wants_none_gets_none() {
    let collector = Collector::start().await;
    let variables = [("OTEL_EXPORTER_OTLP_ENDPOINT", collector.url.as_str()), ("OTEL_SERVICE_NAME", "drive-7")];
    let (server, _) = start_in(Storage::new(), &variables).await;
    server.anonymous().get("/health").await.ok();
    server.anonymous().get("/no/such/path").await.refused(404, "not_found");
    let quiet = server.anonymous();
    let unsampled = quiet.request(Method::GET, "/").header("traceparent", format!("00-{TRACE}-{SPAN}-00"));
    quiet.send(unsampled).await.ok();
    stop(server).await;
    let spans = collector.spans();
    let roots: BTreeSet<String> =
        spans.iter().filter(|span| span.parent_span_id.is_empty()).map(|span| span.name.clone()).collect();
    assert!(roots.contains("GET /health") && roots.contains("GET (none)"), "{roots:?}");
    assert!(!spans.iter().any(|span| span.name == "GET /"));
    assert_eq!(collector.services(), BTreeSet::from(["drive-7".to_owned()]));
}

#[tokio::test]
async fn without_a_collector_the_log_still_tells_the_callers_trace() {
    let (server, _) = start_in(Storage::new(), &[("RUST_LOG", "info")]).await;
    let caller = server.anonymous();
    for (header, expected) in [(format!("00-{TRACE}-{SPAN}-01"), Some(TRACE)), ("00-nonsense".to_owned(), None)] {
        let answer = caller.send(caller.request(Method::GET, "/health").header("traceparent", header)).await;
        let id = answer.header("x-request-id").to_owned();
        let line = lines(&server).into_iter().find(|line| line["span"]["id"] == id.as_str()).unwrap();
        assert_eq!(line["span"].get("trace_id").map(text).as_deref(), expected, "{line}");
    }
}

#[tokio::test]
async fn an_unreachable_trace_collector_does_no_harm() {
    let closed_port = TcpListener::bind("127.0.0.1:0").await.unwrap().local_addr().unwrap();
    let endpoint = format!("http://{closed_port}");
    let (server, _) = start_in(Storage::new(), &[("OTEL_EXPORTER_OTLP_ENDPOINT", &endpoint)]).await;
    let ann = server.user("ann").await;
    ann.get("/drive").await.ok();
    stop(server).await;
}
