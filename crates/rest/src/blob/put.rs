use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, paths};
use clouddrive_domain::Error;
use clouddrive_domain::port::{PutTarget, SignedRequest};
use clouddrive_domain::service::SignedBlobService;
use clouddrive_http::body::{self, channel};
use clouddrive_http::detached::spawn_detached;
use clouddrive_http::problem::Problem;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    put,
    PUT,
    paths::BLOB,
    Access::SignedUrl,
    Idempotency::Described("safe: 412 `precondition_failed` says that the bytes are there."),
    &[errors::BODY, &[Code::UploadClosed, Code::PreconditionFailed, Code::ChecksumMismatch, Code::SizeMismatch]]
);

/// Stores the bytes of a part under a signed URL, once. They must match the announced size, and the announced digest if
/// any. 412 means that they have already arrived.
#[utoipa::path(put, path = paths::BLOB, operation_id = "put_blob", tag = "signed URLs",
    params(("key" = String, Path),
        ("signature" = String, Query, description = "With the other parameters, as the URL was given"),
        ("If-None-Match" = Option<String>, Header, description = "`*`, as the URL was given")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The bytes are stored", headers(("ETag" = String)))))]
async fn put(
    key: web::Path<String>,
    request: HttpRequest,
    mut payload: web::Payload,
    blobs: Option<web::Data<SignedBlobService>>,
) -> Result<HttpResponse, Problem> {
    let signed = SignedRequest { key: &key, query: request.query_string() };
    let blobs = blobs.ok_or_else(Problem::no_such_path)?;
    let permit = blobs.admit(signed, body::content_length(request.headers())).await?;
    let etag = match permit.target() {
        PutTarget::Blob(key) => format!("\"{}\"", key.as_str()),
        PutTarget::Part { multipart, number } => format!("\"{}-{number}\"", multipart.key.as_str()),
    };
    let (sender, bytes) = channel();
    // A separate task, on any thread: if this handler is dropped, the task cleans up.
    let storing = spawn_detached(async move { blobs.put(permit, bytes).await });
    if sender.feed(&mut payload, body::to_error).await {
        sender.finish().await;
    }
    storing.await.map_err(|error| Error::internal("storage", error))??;
    Ok(HttpResponse::Ok().insert_header((ETAG, etag)).finish())
}
