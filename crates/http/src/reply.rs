//! Responses with their standard headers.

use std::cell::RefCell;

use actix_web::http::StatusCode;
use actix_web::http::header::{CACHE_CONTROL, ContentType, ETAG, LOCATION};
use actix_web::web::Bytes;
use actix_web::{HttpResponse, HttpResponseBuilder};
use clouddrive_domain::Error;
use serde::Serialize;

use crate::problem::Problem;

/// The maximum capacity of a buffer that is kept for the next response.
const KEPT_BYTES: usize = 256 << 10;

thread_local! {
    static BUFFER: RefCell<Vec<u8>> = const { RefCell::new(Vec::new()) };
}

/// Serializes `body` as JSON. Each thread's buffer grows to what its responses need; they get copies of their length.
fn to_json(body: &impl Serialize) -> serde_json::Result<Bytes> {
    BUFFER.with_borrow_mut(|buffer| {
        buffer.clear();
        let written = serde_json::to_writer(&mut *buffer, body);
        let bytes = written.map(|()| Bytes::copy_from_slice(buffer));
        if buffer.capacity() > KEPT_BYTES {
            *buffer = Vec::new();
        }
        bytes
    })
}

/// The response with `body` as JSON.
fn json(mut response: HttpResponseBuilder, body: &impl Serialize) -> HttpResponse {
    match to_json(body) {
        Ok(bytes) => response.insert_header(ContentType::json()).body(bytes),
        Err(error) => HttpResponse::from_error(Problem::from(Error::internal("response", error))),
    }
}

/// 200 with `body`.
pub fn ok(body: &impl Serialize) -> HttpResponse {
    json(HttpResponse::Ok(), body)
}

/// 201 with `body`, located at `location`.
pub fn created(location: String, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, location));
    json(response, body)
}

/// `status` with a single item and its `ETag`.
pub fn with_etag(status: StatusCode, etag: &str, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::build(status);
    response.insert_header((ETAG, etag));
    json(response, body)
}

/// 201 with a single item, its `ETag` and `Location`.
pub fn created_with_etag(location: String, etag: &str, body: &impl Serialize) -> HttpResponse {
    let mut response = HttpResponse::Created();
    response.insert_header((LOCATION, location)).insert_header((ETAG, etag));
    json(response, body)
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

#[cfg(test)]
mod tests {
    use actix_web::body::to_bytes;
    use actix_web::http::header::CONTENT_TYPE;

    use super::*;

    #[actix_web::test]
    async fn a_response_has_its_own_body_only_whatever_came_before() {
        for text in ["long".repeat(KEPT_BYTES), "short".to_owned(), String::new(), "\"\u{1}é".to_owned()] {
            let response = ok(&text);
            assert_eq!(response.headers().get(CONTENT_TYPE).unwrap(), "application/json");
            let body = to_bytes(response.into_body()).await.unwrap();
            assert_eq!(body, serde_json::to_string(&text).unwrap());
        }
    }

    #[actix_web::test]
    async fn a_body_that_cannot_be_serialized_is_an_internal_error_and_leaves_nothing_behind() {
        let keys_that_are_no_texts = std::collections::BTreeMap::from([((1, 2), "value")]);
        assert_eq!(ok(&keys_that_are_no_texts).status(), StatusCode::INTERNAL_SERVER_ERROR);
        assert_eq!(to_bytes(ok(&7).into_body()).await.unwrap(), "7");
    }

    #[test]
    fn a_large_buffer_is_not_kept() {
        to_json(&"x".repeat(2 * KEPT_BYTES)).unwrap();
        assert!(BUFFER.with_borrow(Vec::capacity) <= KEPT_BYTES);
    }
}
