use std::panic::AssertUnwindSafe;

use actix_web::body::{BodySize, BoxBody, MessageBody};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::error::InternalError;
use actix_web::http::header::{
    CACHE_CONTROL, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, REFERRER_POLICY,
    TRANSFER_ENCODING, WWW_AUTHENTICATE, X_CONTENT_TYPE_OPTIONS, X_FRAME_OPTIONS,
};
use actix_web::http::{ConnectionType, Method, Version};
use actix_web::middleware::Next;
use actix_web::{HttpMessage, HttpResponse, web};
use clouddrive_contract::Code;
use clouddrive_domain::caller::{Caller, on_behalf_of};
use clouddrive_domain::model::{ClientSubnet, Origin, RequestId};
use futures_util::FutureExt;
use tracing::{Instrument, Span};

use crate::authn::Schemes;
use crate::body::{ExpectContinue, TimedBody};
use crate::client::client;
use crate::compress::compressed;
use crate::metrics::{InFlight, counted, damaged};
use crate::problem::{Problem, json};
use crate::server::Server;

const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The default Content-Security-Policy, which allows nothing. Handlers that serve pages override it.
const DEFAULT_CSP: &str = "default-src 'none'; frame-ancestors 'none'";

/// Assigns a request ID, guards the body, renders problems, and logs the outcome once.
pub async fn request(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let in_flight = InFlight::begin();
    let server = request.app_data::<web::Data<Server>>().cloned();
    let server = server.ok_or_else(|| Problem::new(Code::InternalError, "the server is not wired"))?;
    let schemes = request.app_data::<web::Data<Schemes>>().cloned();
    let given = request.headers().get(X_REQUEST_ID).and_then(|value| value.to_str().ok());
    let id = given.and_then(|text| RequestId::parse(text).ok()).unwrap_or_else(|| server.new_request_id());
    let client = client(&request, &server.proxies);
    let caller = client.address.map(|address| Caller::Network(ClientSubnet::from_address(Some(address))));
    request.extensions_mut().insert(Origin { request: id.clone(), client });
    let method = request.method().clone();
    let span = (server.traces.begin)(id.as_str(), request.headers());
    let waiting = request.extensions_mut().remove::<ExpectContinue>();
    let body = has_body(&request).then(|| TimedBody::new(request.take_payload(), server.body_limits, waiting));
    match &body {
        Some(body) => request.set_payload(body.payload()),
        // The framework takes whatever follows a request with `Upgrade` for its body, unwatched.
        None => drop(request.take_payload()),
    }
    // Hold no borrow of the request during routing: the router stores its match in it.
    let handling = catch_panic(next.call(request)).instrument(span.clone());
    // A read ends with its client; what may have changed something is brought to its end.
    let answered = match method.is_safe() {
        true => on_behalf_of(caller, handling).await,
        false => {
            let span = span.clone();
            let unheard = move |outcome: &_| log_unheard(&span, outcome);
            let done = server.detached.run_to_completion(caller, handling, unheard).await;
            done.unwrap_or_else(|error| Err(Problem::from(error).into()))
        }
    };
    // Kept until the response is sent, even if it was drained: a connection whose request has not ended is closed then.
    let mut unread = body;
    // Nothing comes from a client that was not asked for the body.
    if let Some(body) = unread.as_mut().filter(|body| !body.awaits_continue()) {
        body.drain().await;
    }
    match answered {
        Ok(answered) => {
            let (head, response) = answered.map_into_boxed_body().into_parts();
            let schemes = head.app_data::<web::Data<Schemes>>();
            let response = compressed(&head, finish(response, &id, &server, schemes)).await;
            let response = set_framing(head.version(), response);
            let _in_span = span.enter();
            log_outcome(&server, &in_flight, &method, head.match_pattern().as_deref(), &response);
            let response = if method == Method::HEAD { response } else { response.map_body(|_, body| counted(body)) };
            Ok(ServiceResponse::new(head, close_unread(response, unread)))
        }
        Err(error) => {
            let response = finish(error.error_response(), &id, &server, schemes.as_ref());
            let _in_span = span.enter();
            log_outcome(&server, &in_flight, &method, None, &response);
            Err(InternalError::from_response(error, close_unread(response, unread)).into())
        }
    }
}

/// Runs `work`, turning a panic into an internal error that is answered and logged like others.
pub(super) async fn catch_panic<T>(
    work: impl Future<Output = Result<T, actix_web::Error>>,
) -> Result<T, actix_web::Error> {
    let outcome = AssertUnwindSafe(work).catch_unwind().await;
    outcome.unwrap_or_else(|panic| {
        let text = panic.downcast_ref::<&str>().map(ToString::to_string);
        let text = text.or_else(|| panic.downcast_ref::<String>().cloned()).unwrap_or_default();
        Err(Problem::from(clouddrive_domain::Error::internal("a handler", format!("it panicked: {text}"))).into())
    })
}

pub(super) fn has_body(request: &ServiceRequest) -> bool {
    let length = request.headers().get(CONTENT_LENGTH).is_some_and(|length| length != "0");
    length || request.headers().contains_key(TRANSFER_ENCODING)
}

/// Finishes the response: problems become `application/problem+json`, including those made by the framework.
fn finish(
    response: HttpResponse,
    id: &RequestId,
    server: &Server,
    schemes: Option<&web::Data<Schemes>>,
) -> HttpResponse {
    let status = response.status();
    let problem = response.extensions().get::<Problem>().cloned();
    let problem = problem.or_else(|| {
        let failed = status.is_client_error() || status.is_server_error();
        failed.then(|| Problem::new(code_of(status.as_u16()), status.canonical_reason().unwrap_or("refused")))
    });
    let mut response = match problem {
        Some(problem) => {
            let code = problem.code;
            let mut response = json::render_problem(response, problem, id);
            for challenge in schemes.into_iter().flat_map(|schemes| schemes.challenges(code)) {
                response.headers_mut().append(WWW_AUTHENTICATE, challenge);
            }
            response
        }
        None => response,
    };
    if server.is_draining() {
        response.head_mut().set_connection_type(ConnectionType::Close);
    }
    let headers = response.headers_mut();
    if let Ok(value) = HeaderValue::from_str(id.as_str()) {
        headers.insert(X_REQUEST_ID, value);
    }
    for (name, value) in [
        (CACHE_CONTROL, "private, no-cache"),
        (CONTENT_SECURITY_POLICY, DEFAULT_CSP),
        (REFERRER_POLICY, "no-referrer"),
        (X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (X_FRAME_OPTIONS, "DENY"),
    ] {
        if !headers.contains_key(&name) {
            headers.insert(name, HeaderValue::from_static(value));
        }
    }
    response
}

/// Adapts the framing to the HTTP version: HTTP/1.0 has no chunked encoding, so the body ends with the connection.
fn set_framing(version: Version, mut response: HttpResponse) -> HttpResponse {
    if version < Version::HTTP_11 && response.body().size() == BodySize::Stream {
        let head = response.head_mut();
        head.no_chunking(true);
        head.set_connection_type(ConnectionType::Close);
    }
    response
}

/// The code for errors of the framework.
const fn code_of(status: u16) -> Code {
    match status {
        401 => Code::Unauthenticated,
        403 => Code::PermissionDenied,
        404 => Code::NotFound,
        405 => Code::MethodNotAllowed,
        408 => Code::RequestTimeout,
        413 => Code::PayloadTooLarge,
        415 => Code::UnsupportedMediaType,
        503 => Code::Unavailable,
        500..=599 => Code::InternalError,
        _ => Code::MalformedRequest,
    }
}

/// Closes the connection after the response, if a body was left `unread`.
fn close_unread(response: HttpResponse, unread: Option<TimedBody>) -> HttpResponse {
    match unread {
        Some(unread) => response.map_body(|_, body| unread.closing_after(body)),
        None => response,
    }
}

/// Counts a request and logs one line with its route, never its path or query, which may be signed.
fn log_outcome(server: &Server, request: &InFlight, method: &Method, route: Option<&str>, response: &HttpResponse) {
    let route = route.unwrap_or("(none)");
    let status = response.status().as_u16();
    let duration = request.answered(method, route, status);
    let method = method.as_str();
    (server.traces.end)(&Span::current(), method, route, status);
    let duration_ms = u64::try_from(duration.as_millis()).unwrap_or(u64::MAX);
    let extensions = response.extensions();
    let problem = extensions.get::<Problem>();
    let code = problem.map(|problem| problem.code.as_str());
    let cause = problem.and_then(|problem| problem.cause.as_deref());
    if problem.is_some_and(|problem| problem.damage) {
        damaged();
    }
    match status {
        // Not an error: the server is overloaded or shutting down.
        503 if cause.is_none() => tracing::warn!(method, route, status, duration_ms, code, "request rejected"),
        500.. => tracing::error!(method, route, status, duration_ms, code, cause, "request failed"),
        _ => tracing::info!(method, route, status, duration_ms, code, "request completed"),
    }
}

/// Logs how a handler ended whose client had left: its response is neither sent nor logged otherwise.
pub(super) fn log_unheard<B>(span: &Span, outcome: &Result<ServiceResponse<B>, actix_web::Error>) {
    let refusal = outcome.as_ref().err().map(actix_web::Error::error_response);
    let (status, problem) = match (outcome, &refusal) {
        (Ok(answered), _) => (answered.status(), answered.response().extensions().get::<Problem>().cloned()),
        (Err(_), Some(refusal)) => (refusal.status(), refusal.extensions().get::<Problem>().cloned()),
        (Err(_), None) => return,
    };
    let (status, code) = (status.as_u16(), problem.as_ref().map(|problem| problem.code.as_str()));
    let cause = problem.as_ref().and_then(|problem| problem.cause.as_deref());
    let _in_span = span.enter();
    match status {
        500.. => tracing::error!(status, code, cause, "request failed after its client had left"),
        _ => tracing::info!(status, code, "request ended after its client had left"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[actix_web::test]
    async fn a_panic_fails_only_its_request() {
        let error = catch_panic(async { if true { panic!("a bug") } else { Ok(()) } }).await.unwrap_err();
        let response = error.error_response();
        assert_eq!(response.status(), 500);
        let cause = response.extensions().get::<Problem>().and_then(|problem| problem.cause.clone());
        assert!(cause.unwrap().contains("a bug"));
        assert_eq!(catch_panic(async { Ok(7) }).await.unwrap(), 7);
    }
}
