use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::caller::{Caller, now_for};
use clouddrive_domain::port::SignedRequest;
use clouddrive_domain::service::{Accounts, Files, SignedBlobs};
use clouddrive_http::bytes::{self, Representation};
use clouddrive_http::conditions::Validators;
use clouddrive_http::problem::{Outcome, Problem};
use clouddrive_http::running::{Right, while_right};

use crate::annotations::{BlobResponses, RangeParams};

/// Returns the content of a signed URL, whole or a range. Only URLs issued by the API are accepted.
#[utoipa::path(method(get, head), path = "/blob/{key}", operation_id = "get_blob", tag = "signed URLs", security(()),
    params(("key" = String, Path),
        ("signature" = String, Query, description = "With the other parameters, as the URL was given"), RangeParams),
    responses(BlobResponses))]
pub(crate) async fn get(
    key: web::Path<String>,
    request: HttpRequest,
    blobs: Option<web::Data<SignedBlobs>>,
    accounts: web::Data<Accounts>,
    files: web::Data<Files>,
) -> Outcome<HttpResponse> {
    let signed = SignedRequest { key: &key, query: request.query_string() };
    let blobs = blobs.ok_or_else(Problem::no_such_path)?;
    let blob = blobs.open(signed).await?;
    let content = blob.presentation().content.as_ref();
    let unknown = || Validators { tag: blob.key().clone().into(), also: None, modified_at: None };
    let representation = Representation {
        size: blob.size(),
        validators: content.map_or_else(unknown, Validators::from),
        client_modified_at: content.and_then(|content| content.client_modified_at),
        presentation: blob.presentation(),
    };
    let right = blob.watch().map(|watch| {
        now_for(Caller::User(watch.user));
        Right::of_user(&accounts, &files, watch.user, watch.session, watch.file)
    });
    let read = async |range| {
        let bytes = blobs.read(&blob, range).await?;
        // Downloads may finish; streams end with the right to them.
        Ok(match right {
            Some(right) => while_right(bytes, right),
            None => bytes,
        })
    };
    bytes::answer(&request, representation, read).await
}
