use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{LinkedFile, PublicLinkService};
use clouddrive_http::access_check::{AccessCheck, while_allowed};
use clouddrive_http::content_response::{self, Representation};
use clouddrive_http::extract::{CurrentLinkBearer, PathId};
use clouddrive_http::problem::Problem;

use crate::annotations::{ContentResponses, LinkParam, LinkPasswordParams, RangeParams};
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

const REPEATING: &str = "safe, but downloads are counted.";

pub(super) const OF_LINK: Endpoint = endpoint!(
    content,
    GET,
    paths::PUBLIC_LINK_CONTENT,
    Access::Link,
    Idempotency::Described(REPEATING),
    &[errors::BYTES, &[Code::LinkExhausted]]
);

/// Returns the content of the linked file, whole or a range, or redirects to the store if it serves the bytes itself.
/// All requests of one address for the file within an hour count as one download, including ranges and repeats; HEAD
/// never counts.
#[utoipa::path(method(get, head), path = paths::PUBLIC_LINK_CONTENT, operation_id = "get_link_content", tag = "links",
    params(LinkParam, LinkPasswordParams, RangeParams),
    responses(ContentResponses))]
async fn content(
    bearer: CurrentLinkBearer,
    request: HttpRequest,
    public_links: web::Data<PublicLinkService>,
) -> Result<HttpResponse, Problem> {
    respond(&bearer, None, &request, &public_links).await
}

pub(super) const OF_FILE: Endpoint = endpoint!(
    content_of_file,
    GET,
    paths::PUBLIC_LINK_FILE_CONTENT,
    Access::Link,
    Idempotency::Described(REPEATING),
    &[errors::BYTES, &[Code::LinkExhausted]]
);

/// Returns the content of a file below the linked folder. Otherwise like `/s/{token}/content`.
#[utoipa::path(method(get, head), path = paths::PUBLIC_LINK_FILE_CONTENT, operation_id = "get_linked_file_content",
    tag = "links",
    params(LinkParam, ("file_id" = Uuid, Path), LinkPasswordParams, RangeParams),
    responses(ContentResponses))]
async fn content_of_file(
    bearer: CurrentLinkBearer,
    id: PathId<NodeId>,
    request: HttpRequest,
    public_links: web::Data<PublicLinkService>,
) -> Result<HttpResponse, Problem> {
    respond(&bearer, Some(id.0), &request, &public_links).await
}

async fn respond(
    bearer: &CurrentLinkBearer,
    below: Option<NodeId>,
    request: &HttpRequest,
    public_links: &web::Data<PublicLinkService>,
) -> Result<HttpResponse, Problem> {
    let answer = async |file: &LinkedFile| {
        let content_headers = file.content_headers();
        let representation = Representation::new(file.content(), &content_headers);
        let access = AccessCheck::from_link(public_links, &bearer.0, below);
        let read = async |range| Ok(while_allowed(public_links.read(file, range).await?, access));
        content_response::deliver(request, representation, read, || public_links.content(file)).await
    };
    content_response::with_current_content(
        async || public_links.open(&bearer.0, below).await,
        LinkedFile::content,
        answer,
    )
    .await
}
