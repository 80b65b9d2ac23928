//! Metrics of requests.

use std::cell::RefCell;
use std::collections::HashMap;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::web::Bytes;
use metrics::{Counter, Gauge, Histogram, counter, gauge, histogram};
use tokio::time::Instant;

thread_local! {
    /// Made by the first request of a thread, when the recorder is installed.
    static HANDLES: Handles = Handles::new();
}

/// The metrics of one thread, since looking one up takes longer than recording it.
struct Handles {
    in_flight: Gauge,
    received: Counter,
    sent: Counter,
    /// By route; its patterns, methods and statuses are few.
    answered: RefCell<HashMap<String, ByOutcome>>,
}

/// By method and status.
type ByOutcome = HashMap<(&'static str, u16), Answered>;

/// The metrics of the responses with the same route, method and status.
struct Answered {
    duration: Histogram,
    total: Counter,
}

impl Handles {
    fn new() -> Self {
        Self {
            in_flight: gauge!("clouddrive_http_requests_in_flight"),
            received: counter!("clouddrive_http_received_bytes_total"),
            sent: counter!("clouddrive_http_sent_bytes_total"),
            answered: RefCell::default(),
        }
    }
}

impl Answered {
    fn new(method: &'static str, route: String, status: u16) -> Self {
        let status = status.to_string();
        Self {
            duration: histogram!(
                "clouddrive_http_request_duration_seconds",
                "method" => method, "route" => route.clone()
            ),
            total: counter!(
                "clouddrive_http_requests_total",
                "method" => method, "route" => route, "status" => status
            ),
        }
    }
}

/// A request in flight, until dropped.
pub(crate) struct InFlight {
    began: Instant,
    in_flight: Gauge,
}

impl InFlight {
    pub(crate) fn begin() -> Self {
        let in_flight = HANDLES.with(|handles| handles.in_flight.clone());
        in_flight.increment(1);
        Self { began: Instant::now(), in_flight }
    }

    /// Records the response by route pattern, never by path, whose cardinality is unbounded. Returns how long it took.
    pub(crate) fn answered(&self, method: &Method, route: &str, status: u16) -> Duration {
        let (method, duration) = (known(method), self.began.elapsed());
        HANDLES.with(|handles| {
            let mut routes = handles.answered.borrow_mut();
            let of_route = match routes.get_mut(route) {
                Some(of_route) => of_route,
                None => routes.entry(route.to_owned()).or_default(),
            };
            let answered =
                of_route.entry((method, status)).or_insert_with(|| Answered::new(method, route.to_owned(), status));
            answered.duration.record(duration);
            answered.total.increment(1);
        });
        duration
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        self.in_flight.decrement(1);
    }
}

/// The label for a method; unknown ones become `other` to bound cardinality.
fn known(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "GET",
        "HEAD" => "HEAD",
        "POST" => "POST",
        "PUT" => "PUT",
        "PATCH" => "PATCH",
        "DELETE" => "DELETE",
        "OPTIONS" => "OPTIONS",
        _ => "other",
    }
}

/// Counts request body bytes.
pub(crate) fn received(bytes: usize) {
    HANDLES.with(|handles| handles.received.increment(bytes as u64));
}

/// Wraps `body` so that its bytes are counted as they are sent.
pub(crate) fn counted(body: BoxBody) -> BoxBody {
    match body.try_into_bytes() {
        Ok(bytes) => {
            sent(bytes.len());
            BoxBody::new(bytes)
        }
        Err(body) => BoxBody::new(CountedBody(body)),
    }
}

fn sent(bytes: usize) {
    HANDLES.with(|handles| handles.sent.increment(bytes as u64));
}

struct CountedBody(BoxBody);

impl MessageBody for CountedBody {
    type Error = Box<dyn std::error::Error>;

    fn size(&self) -> BodySize {
        self.0.size()
    }

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Result<Bytes, Self::Error>>> {
        let polled = Pin::new(&mut self.0).poll_next(context);
        if let Poll::Ready(Some(Ok(bytes))) = &polled {
            sent(bytes.len());
        }
        polled
    }
}

/// Counts a read that hit damaged bytes.
pub(crate) fn damaged() {
    counter!("clouddrive_damaged_reads_total").increment(1);
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;

    #[test]
    fn requests_are_counted_by_method_route_and_status() {
        let recorder = PrometheusBuilder::new().build_recorder();
        let work = || {
            let first = InFlight::begin();
            for (method, route, status) in [
                (Method::GET, "/drive/{id}", 200),
                (Method::GET, "/drive/{id}", 200),
                (Method::GET, "/drive/{id}", 404),
                (Method::PATCH, "/drive/{id}", 200),
                (Method::TRACE, "(none)", 405),
            ] {
                InFlight::begin().answered(&method, route, status);
            }
            received(3);
            sent(5);
            sent(7);
            drop(first);
        };
        // On threads of their own, whose handles are those of this recorder.
        let run = || metrics::with_local_recorder(&recorder, work);
        std::thread::scope(|scope| {
            scope.spawn(run);
            scope.spawn(run);
        });
        let rendered = recorder.handle().render();
        for line in [
            "clouddrive_http_requests_in_flight 0",
            "clouddrive_http_received_bytes_total 6",
            "clouddrive_http_sent_bytes_total 24",
            "clouddrive_http_requests_total{method=\"GET\",route=\"/drive/{id}\",status=\"200\"} 4",
            "clouddrive_http_requests_total{method=\"GET\",route=\"/drive/{id}\",status=\"404\"} 2",
            "clouddrive_http_requests_total{method=\"PATCH\",route=\"/drive/{id}\",status=\"200\"} 2",
            "clouddrive_http_requests_total{method=\"other\",route=\"(none)\",status=\"405\"} 2",
            "clouddrive_http_request_duration_seconds_count{method=\"GET\",route=\"/drive/{id}\"} 6",
        ] {
            assert!(rendered.lines().any(|rendered| rendered == line), "{line} is not in\n{rendered}");
        }
    }
}
