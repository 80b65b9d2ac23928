//! Cross-origin access for browsers.

use actix_cors::Cors;
use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Method;
use actix_web::http::header::{ACCESS_CONTROL_REQUEST_HEADERS, ACCESS_CONTROL_REQUEST_METHOD, HeaderMap, HeaderValue};
use actix_web::middleware::Next;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Request headers that pages may send: those of the API, and those of browser tracing. A bucket's CORS rules should
/// allow the same.
pub const ALLOWED_HEADERS: &[&str] = &[
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

/// Response headers that pages may read, in addition to the safelisted ones.
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

/// The CORS policy for pages of these origins.
pub fn cors(origins: &[String]) -> Cors {
    let cors = Cors::default()
        .allowed_methods(METHODS)
        .allowed_headers(ALLOWED_HEADERS.iter().copied())
        .expose_headers(RESPONSE_HEADERS.iter().copied())
        .max_age(3600);
    origins.iter().fold(cors, |cors, origin| cors.allowed_origin(origin))
}

/// Removes disallowed methods and headers from a preflight, so that its response lists the allowed ones. The browser
/// can then report the offending header or method, where a refusal would make it blame the origin.
pub async fn narrow_preflight(
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
