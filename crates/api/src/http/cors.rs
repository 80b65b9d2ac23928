//! What pages of other origins may do in a browser.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue};
use actix_web::middleware::Next;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// The headers that a page may send: those of the API, and those by which tracing in a browser names the trace. A bucket is
/// to allow the same.
pub(crate) const ALLOWED_HEADERS: &[&str] = &[
    "authorization",
    "baggage",
    "content-type",
    "idempotency-key",
    "if-match",
    "if-modified-since",
    "if-none-match",
    "if-range",
    "if-unmodified-since",
    "range",
    "traceparent",
    "tracestate",
    "x-client-modified-at",
    "x-link-password",
    "x-request-id",
];

/// The headers of answers that a page may read, beside those that it always may.
const RESPONSE_HEADERS: &[&str] = &[
    "accept-ranges",
    "allow",
    "content-disposition",
    "content-encoding",
    "content-range",
    "etag",
    "idempotent-replayed",
    "location",
    "ratelimit-limit",
    "ratelimit-remaining",
    "ratelimit-reset",
    "retry-after",
    "www-authenticate",
    "x-client-modified-at",
    "x-request-id",
];

/// What pages of these origins may do.
pub(crate) fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(ALLOWED_HEADERS.iter().copied())
        .expose_headers(RESPONSE_HEADERS.iter().copied())
        .max_age(3600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Takes out of a preflight what is not allowed, so that its answer lists what is. A refusal would have the browser blame the
/// origin; from the lists it tells the page which header or method it must not send.
pub(crate) async fn narrow_preflight(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    if request.method() == Method::OPTIONS && request.headers().contains_key(ACCESS_CONTROL_REQUEST_METHOD) {
        narrow(request.headers_mut());
    }
    next.call(request).await
}

fn narrow(headers: &mut HeaderMap) {
    let method = headers.get(ACCESS_CONTROL_REQUEST_METHOD).and_then(|value| value.to_str().ok());
    if !method.is_some_and(|method| METHODS.contains(&method)) {
        headers.insert(ACCESS_CONTROL_REQUEST_METHOD, HeaderValue::from_static("GET"));
    }
    let Some(asked) = headers.remove(ACCESS_CONTROL_REQUEST_HEADERS).next() else { return };
    let asked = asked.to_str().unwrap_or("").to_ascii_lowercase();
    let allowed: Vec<&str> = asked.split(',').map(str::trim).filter(|name| ALLOWED_HEADERS.contains(name)).collect();
    if let Ok(value) = HeaderValue::from_str(&allowed.join(","))
        && !allowed.is_empty()
    {
        headers.insert(ACCESS_CONTROL_REQUEST_HEADERS, value);
    }
}
