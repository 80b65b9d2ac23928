//! Responses with their standard headers.

use actix_web::HttpResponse;
use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ETAG, LOCATION};
use serde::Serialize;

/// 200 with `body`.
pub fn ok(body: &impl Serialize) -> HttpResponse {
    HttpResponse::Ok().json(body)
}

/// 201 with `body`, located at `location`.
pub fn created(location: String, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((LOCATION, location)).json(body)
}

/// `status` with a single item and its `ETag`.
pub fn with_etag(status: StatusCode, etag: &str, body: &impl Serialize) -> HttpResponse {
    HttpResponse::build(status).insert_header((ETAG, etag)).json(body)
}

/// 201 with a single item, its `ETag` and `Location`.
pub fn created_with_etag(location: String, etag: &str, body: &impl Serialize) -> HttpResponse {
    HttpResponse::Created().insert_header((LOCATION, location)).insert_header((ETAG, etag)).json(body)
}

/// Marks the response as `no-store`: it contains a token or a URL.
pub fn no_store(mut response: HttpResponse) -> HttpResponse {
    response.headers_mut().insert(CACHE_CONTROL, actix_web::http::header::HeaderValue::from_static("no-store"));
    response
}

/// 204.
pub fn no_content() -> HttpResponse {
    HttpResponse::NoContent().finish()
}
