//! The OpenAPI document and Swagger UI, served with validators and compression.

use std::mem;
use std::sync::LazyLock;

use actix_web::body::{BoxBody, MessageBody, to_bytes};
use actix_web::dev::{ServiceRequest, ServiceResponse};
use actix_web::http::header::{
    CONTENT_SECURITY_POLICY, CONTENT_TYPE, ETAG, EntityTag, Header, HeaderValue, IfNoneMatch, TryIntoHeaderValue,
};
use actix_web::http::{Method, StatusCode};
use actix_web::middleware::Next;
use actix_web::{HttpRequest, HttpResponse, ResponseError};
use bytes::Bytes;
use clouddrive_contract::paths;
use clouddrive_http::compress::BuiltIn;
use clouddrive_http::problem::Problem;
use sha2::{Digest, Sha256};

use super::DOCUMENT;

/// The serialized document.
static TEXT: LazyLock<Bytes> = LazyLock::new(|| Bytes::from(DOCUMENT.to_string()));

/// `GET /openapi.json`.
pub(crate) async fn document(request: HttpRequest) -> HttpResponse {
    let mut response = HttpResponse::Ok();
    response.insert_header((CONTENT_TYPE, "application/json"));
    validated(&request, response.finish(), TEXT.clone())
}

pub(crate) fn swagger_config() -> utoipa_swagger_ui::Config<'static> {
    // By default Swagger UI sends the document to an external validator.
    utoipa_swagger_ui::Config::from(paths::OPENAPI).persist_authorization(true).validator_url("none")
}

/// Lets Swagger UI's pages load their own scripts and styles and call this server, nothing else. Swagger UI's service
/// answers only GET, so other methods are routed as GET: HEAD gets the same headers, and the rest 405 where GET
/// succeeds.
pub(crate) async fn swagger_csp(
    mut request: ServiceRequest,
    next: Next<impl MessageBody + 'static>,
) -> Result<ServiceResponse<BoxBody>, actix_web::Error> {
    let method = mem::replace(&mut request.head_mut().method, Method::GET);
    let (request, response) = next.call(request).await?.into_parts();
    if response.status().is_success() && !matches!(method, Method::GET | Method::HEAD) {
        let refusal = Problem::method_not_allowed("GET, HEAD").error_response();
        return Ok(ServiceResponse::new(request, refusal));
    }
    let (mut response, body) = response.into_parts();
    response.headers_mut().insert(
        CONTENT_SECURITY_POLICY,
        HeaderValue::from_static(
            "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; \
             connect-src 'self'; frame-ancestors 'none'",
        ),
    );
    // The body is built in and available at once; reading it cannot fail.
    let bytes = to_bytes(body).await.unwrap_or_default();
    let response = if response.status() == StatusCode::OK {
        validated(&request, response.map_body(|_, ()| BoxBody::new(())), bytes)
    } else {
        response.map_body(|_, ()| BoxBody::new(bytes))
    };
    Ok(ServiceResponse::new(request, response))
}

/// Sets the body and its ETag, or responds with 304 if the client has it. The tag is weak, since the bytes on the wire
/// depend on the compression.
fn validated(request: &HttpRequest, mut response: HttpResponse, bytes: Bytes) -> HttpResponse {
    let digest: String = Sha256::digest(&bytes).iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let tag = EntityTag::new_weak(digest);
    if let Ok(value) = tag.clone().try_into_value() {
        response.headers_mut().insert(ETAG, value);
    }
    let known = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => true,
        Ok(IfNoneMatch::Items(tags)) => tags.iter().any(|given| given.weak_eq(&tag)),
        Err(_) => false,
    };
    if known {
        *response.status_mut() = StatusCode::NOT_MODIFIED;
        response.headers_mut().remove(CONTENT_TYPE);
        return response;
    }
    response.extensions_mut().insert(BuiltIn);
    response.set_body(BoxBody::new(bytes))
}
