use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::ArchiveParameters;
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{Archives, Visits};
use clouddrive_http::extract::{LinkQuery, LinkVisitor, PathId};
use clouddrive_http::problem::Outcome;

use crate::annotations::{LinkParam, LinkPasswordParams, RangeParams, ZipResponses};
use crate::archive::names;
use crate::zip;

/// Downloads the linked folder and everything below it as a ZIP: see `/drive/{folder_id}/archive`. It counts as one
/// download.
#[utoipa::path(method(get, head), path = "/s/{token}/archive", operation_id = "archive_link", tag = "links",
    security(()),
    params(LinkParam, ArchiveParameters, LinkPasswordParams, RangeParams),
    responses(ZipResponses))]
pub(crate) async fn archive(
    visitor: LinkVisitor,
    parameters: LinkQuery<ArchiveParameters>,
    request: HttpRequest,
    visits: web::Data<Visits>,
    archives: web::Data<Archives>,
) -> Outcome<HttpResponse> {
    answer(&visitor, None, &parameters.0, &request, &visits, &archives).await
}

/// Downloads a folder below the linked one as a ZIP. Otherwise like `/s/{token}/archive`.
#[utoipa::path(method(get, head), path = "/s/{token}/drive/{folder_id}/archive", operation_id = "archive_linked_folder",
    tag = "links", security(()),
    params(LinkParam, ("folder_id" = Uuid, Path), ArchiveParameters, LinkPasswordParams, RangeParams),
    responses(ZipResponses))]
pub(crate) async fn archive_folder(
    visitor: LinkVisitor,
    id: PathId<NodeId>,
    parameters: LinkQuery<ArchiveParameters>,
    request: HttpRequest,
    visits: web::Data<Visits>,
    archives: web::Data<Archives>,
) -> Outcome<HttpResponse> {
    answer(&visitor, Some(id.0), &parameters.0, &request, &visits, &archives).await
}

async fn answer(
    visitor: &LinkVisitor,
    folder: Option<NodeId>,
    parameters: &ArchiveParameters,
    request: &HttpRequest,
    visits: &Visits,
    archives: &Archives,
) -> Outcome<HttpResponse> {
    let folder = visits.open_folder(&visitor.0, folder).await?;
    let archive = archives.open_linked(&visitor.0, &folder, names(parameters.names)).await?;
    let count = async |_| visits.count_archive(&folder).await;
    zip::answer_counted(request, archive, count).await
}
