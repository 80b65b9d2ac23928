use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{ArchiveParameters, Code, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{ArchiveService, PublicLinkService};
use clouddrive_http::extract::{CurrentLinkBearer, LinkQuery, PathId};
use clouddrive_http::problem::Problem;

use crate::annotations::{LinkParam, LinkPasswordParams, RangeParams, ZipResponses};
use crate::archive::names;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::zip;

pub(super) const OF_LINK: Endpoint = endpoint!(
    archive,
    GET,
    paths::PUBLIC_LINK_ARCHIVE,
    Access::Link,
    Idempotency::ByMethod,
    &[errors::ARCHIVE, &[Code::LinkExhausted]]
);

/// Downloads the linked folder and everything below it as a ZIP: see `/drive/{folder_id}/archive`. It counts as one
/// download.
#[utoipa::path(method(get, head), path = paths::PUBLIC_LINK_ARCHIVE, operation_id = "archive_link", tag = "links",
    params(LinkParam, ArchiveParameters, LinkPasswordParams, RangeParams),
    responses(ZipResponses))]
async fn archive(
    bearer: CurrentLinkBearer,
    parameters: LinkQuery<ArchiveParameters>,
    request: HttpRequest,
    public_links: web::Data<PublicLinkService>,
    archives: web::Data<ArchiveService>,
) -> Result<HttpResponse, Problem> {
    respond(&bearer, None, &parameters.0, &request, &public_links, &archives).await
}

pub(super) const OF_FOLDER: Endpoint = endpoint!(
    archive_folder,
    GET,
    paths::PUBLIC_LINK_FOLDER_ARCHIVE,
    Access::Link,
    Idempotency::ByMethod,
    &[errors::ARCHIVE, &[Code::LinkExhausted]]
);

/// Downloads a folder below the linked one as a ZIP. Otherwise like `/s/{token}/archive`.
#[utoipa::path(method(get, head), path = paths::PUBLIC_LINK_FOLDER_ARCHIVE, operation_id = "archive_linked_folder",
    tag = "links",
    params(LinkParam, ("folder_id" = Uuid, Path), ArchiveParameters, LinkPasswordParams, RangeParams),
    responses(ZipResponses))]
async fn archive_folder(
    bearer: CurrentLinkBearer,
    id: PathId<NodeId>,
    parameters: LinkQuery<ArchiveParameters>,
    request: HttpRequest,
    public_links: web::Data<PublicLinkService>,
    archives: web::Data<ArchiveService>,
) -> Result<HttpResponse, Problem> {
    respond(&bearer, Some(id.0), &parameters.0, &request, &public_links, &archives).await
}

async fn respond(
    bearer: &CurrentLinkBearer,
    folder: Option<NodeId>,
    parameters: &ArchiveParameters,
    request: &HttpRequest,
    public_links: &PublicLinkService,
    archives: &ArchiveService,
) -> Result<HttpResponse, Problem> {
    let folder = public_links.open_folder(&bearer.0, folder).await?;
    let archive = archives.open_linked(&bearer.0, &folder, names(parameters.names)).await?;
    let count = async |_| public_links.count_archive(&folder).await;
    zip::respond_counted(request, archive, count).await
}
