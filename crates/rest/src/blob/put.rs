use actix_web::http::header::ETAG;
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::Error;
use clouddrive_domain::port::{PutTarget, SignedRequest};
use clouddrive_domain::service::SignedBlobs;
use clouddrive_http::apart::apart;
use clouddrive_http::body::{self, bridge};
use clouddrive_http::problem::{Outcome, Problem};

/// Stores the bytes of a part under a signed URL, once. They must match the announced size, and the announced digest if
/// any. 412 means that they have already arrived.
#[utoipa::path(put, path = "/blob/{key}", operation_id = "put_blob", tag = "signed URLs", security(()),
    params(("key" = String, Path),
        ("signature" = String, Query, description = "With the other parameters, as the URL was given"),
        ("If-None-Match" = Option<String>, Header, description = "`*`, as the URL was given")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The bytes are stored", headers(("ETag" = String)))))]
pub(crate) async fn put(
    key: web::Path<String>,
    request: HttpRequest,
    mut payload: web::Payload,
    blobs: Option<web::Data<SignedBlobs>>,
) -> Outcome<HttpResponse> {
    let signed = SignedRequest { key: &key, query: request.query_string() };
    let blobs = blobs.ok_or_else(Problem::no_such_path)?;
    let leave = blobs.admit(signed, body::announced(request.headers())).await?;
    let etag = match leave.target() {
        PutTarget::Blob(key) => format!("\"{}\"", key.as_str()),
        PutTarget::Part { transfer, number } => format!("\"{}-{number}\"", transfer.key.as_str()),
    };
    let (sender, bytes) = bridge();
    // A separate task, on any thread: if this handler is dropped, the task cleans up.
    let storing = apart(async move { blobs.put(leave, bytes).await });
    if sender.feed(&mut payload, body::failed).await {
        sender.finish().await;
    }
    storing.await.map_err(|fault| Error::internal("storage", fault))??;
    Ok(HttpResponse::Ok().insert_header((ETAG, etag)).finish())
}
