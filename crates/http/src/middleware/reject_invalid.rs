use actix_web::body::MessageBody;
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::Version;
use actix_web::http::header::{ACCEPT_ENCODING, AUTHORIZATION, CONTENT_ENCODING, CONTENT_RANGE, HOST, HeaderValue};
use actix_web::http::uri::Authority;
use actix_web::middleware::Next;
use clouddrive_contract::Code;

use super::request::has_body;
use crate::problem::Problem;

/// Refuses requests that no route accepts: ambiguous ones, and partial or encoded bodies.
pub async fn reject_invalid(
    request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<impl MessageBody>, actix_web::Error> {
    match check(&request) {
        Ok(()) => Ok(next.call(request).await?.map_into_left_body()),
        Err(problem) => Ok(request.error_response(problem).map_into_right_body()),
    }
}

fn check(request: &ServiceRequest) -> Result<(), Problem> {
    let headers = request.headers();
    let mut hosts = headers.get_all(HOST);
    let host = hosts.next();
    let missing = host.is_none() && request.version() == Version::HTTP_11;
    if missing || hosts.next().is_some() || !host.is_none_or(is_host) {
        return Err(Problem::malformed("send one valid Host"));
    }
    let mut credentials = headers.get_all(AUTHORIZATION);
    if credentials.next().is_some() && credentials.next().is_some() {
        return Err(Problem::malformed("send Authorization once"));
    }
    let mut encodings = headers.get_all(CONTENT_ENCODING);
    let plain = encodings.all(|encoding| encoding.as_bytes().eq_ignore_ascii_case(b"identity"));
    if !plain && has_body(request) {
        let problem = Problem::new(Code::UnsupportedMediaType, "send the body without a Content-Encoding");
        return Err(problem.header(ACCEPT_ENCODING, HeaderValue::from_static("identity")));
    }
    // Also without a body: some protocols query progress that way, which would store an empty content.
    if headers.contains_key(CONTENT_RANGE) && !request.method().is_safe() {
        return Err(Problem::malformed("a body is taken as a whole: send all of it, without Content-Range"));
    }
    Ok(())
}

/// Whether the value is a host with an optional port.
fn is_host(value: &HeaderValue) -> bool {
    let authority = value.to_str().ok().and_then(|text| text.parse::<Authority>().ok());
    authority.is_some_and(|authority| !authority.host().is_empty() && !authority.as_str().contains('@'))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_host_is_a_name_or_an_address_perhaps_with_a_port() {
        for text in ["example.com", "localhost:8000", "192.0.2.1", "[2001:db8::1]:80", "drive_1"] {
            assert!(is_host(&HeaderValue::from_static(text)), "{text}");
        }
        for text in ["", "a b", "user@example.com", "example.com/path", "http://example.com", "a:b:c", "[::1"] {
            assert!(!is_host(&HeaderValue::from_static(text)), "{text}");
        }
    }
}
