use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::caller::{Caller, set_caller};
use clouddrive_domain::port::SignedRequest;
use clouddrive_domain::service::{AccountService, FileService, SignedBlobService};
use clouddrive_http::access_check::{AccessCheck, while_allowed};
use clouddrive_http::conditions::Validators;
use clouddrive_http::content_response::{self, Representation};
use clouddrive_http::problem::Problem;

use crate::annotations::{BlobResponses, RangeParams};
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get, GET, paths::BLOB, Access::SignedUrl, Idempotency::ByMethod, &[errors::ITEM, errors::BYTES]);

/// Returns the content of a signed URL, whole or a range. Only URLs issued by the API are accepted.
#[utoipa::path(method(get, head), path = paths::BLOB, operation_id = "get_blob", tag = "signed URLs",
    params(("key" = String, Path),
        ("signature" = String, Query, description = "With the other parameters, as the URL was given"), RangeParams),
    responses(BlobResponses))]
async fn get(
    key: web::Path<String>,
    request: HttpRequest,
    blobs: Option<web::Data<SignedBlobService>>,
    accounts: web::Data<AccountService>,
    files: web::Data<FileService>,
) -> Result<HttpResponse, Problem> {
    let signed = SignedRequest { key: &key, query: request.query_string() };
    let blobs = blobs.ok_or_else(Problem::no_such_path)?;
    let blob = blobs.open(signed).await?;
    let content = blob.content_headers().content.as_ref();
    let unknown = || Validators { tag: blob.key().clone().into(), alternative: None, modified_at: None };
    let representation = Representation {
        size: blob.size(),
        validators: content.map_or_else(unknown, Validators::from),
        client_modified_at: content.and_then(|content| content.client_modified_at),
        content_headers: blob.content_headers(),
    };
    let access = blob.watch().map(|watch| {
        set_caller(Caller::User(watch.user));
        AccessCheck::from_user(&accounts, &files, watch.user, watch.session, watch.file)
    });
    let read = async |range| {
        let bytes = blobs.read(&blob, range).await?;
        // Downloads may finish; streams end with the right to them.
        Ok(match access {
            Some(access) => while_allowed(bytes, access),
            None => bytes,
        })
    };
    content_response::respond(&request, representation, read).await
}
