//! Metrics of requests.

use std::pin::Pin;
use std::task::{Context, Poll};

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::http::Method;
use actix_web::web::Bytes;
use metrics::{counter, gauge, histogram};
use tokio::time::Instant;

/// A request in flight, until dropped.
pub(crate) struct InFlight {
    began: Instant,
}

impl InFlight {
    pub(crate) fn begin() -> Self {
        gauge!("clouddrive_http_requests_in_flight").increment(1);
        Self { began: Instant::now() }
    }

    pub(crate) fn began(&self) -> Instant {
        self.began
    }

    /// Records the response by route pattern, never by path, whose cardinality is unbounded.
    pub(crate) fn answered(&self, method: &Method, route: &str, status: u16) {
        let method = known(method);
        let route = route.to_owned();
        histogram!("clouddrive_http_request_duration_seconds", "method" => method, "route" => route.clone())
            .record(self.began.elapsed());
        counter!(
            "clouddrive_http_requests_total",
            "method" => method, "route" => route, "status" => status.to_string()
        )
        .increment(1);
    }
}

impl Drop for InFlight {
    fn drop(&mut self) {
        gauge!("clouddrive_http_requests_in_flight").decrement(1);
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
    counter!("clouddrive_http_received_bytes_total").increment(bytes as u64);
}

/// Wraps `body` so that its bytes are counted as they are sent.
pub(crate) fn counted(body: BoxBody) -> BoxBody {
    match body.try_into_bytes() {
        Ok(bytes) => {
            sent(bytes.len());
            BoxBody::new(bytes)
        }
        Err(body) => BoxBody::new(Counted(body)),
    }
}

fn sent(bytes: usize) {
    counter!("clouddrive_http_sent_bytes_total").increment(bytes as u64);
}

struct Counted(BoxBody);

impl MessageBody for Counted {
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
