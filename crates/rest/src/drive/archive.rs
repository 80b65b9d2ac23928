use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{ArchiveParameters, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{ArchiveService, Selection};
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;

use crate::annotations::{RangeParams, ZipResponses};
use crate::archive::names;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::zip;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    archive,
    GET,
    paths::FOLDER_ARCHIVE,
    Access::VIEWER,
    Idempotency::ByMethod,
    &[errors::ITEM, errors::ARCHIVE]
);

/// Downloads a folder and everything below it as a ZIP, packed while it is sent: up to 100,000 files and folders, with
/// paths of 32 MiB in total. Nothing is compressed, and the size and CRC-32 of each file precede its bytes, so that the
/// ZIP can be unpacked as a stream. Its contents are fixed when the response begins. If content is lost meanwhile, or
/// the right to see it ends, the connection is aborted: the ZIP is then incomplete, and can be resumed with `Range` and
/// `If-Range`.
#[utoipa::path(method(get, head), path = paths::FOLDER_ARCHIVE, operation_id = "archive_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), ArchiveParameters, RangeParams),
    responses(ZipResponses))]
async fn archive(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<ArchiveParameters>,
    request: HttpRequest,
    archives: web::Data<ArchiveService>,
) -> Result<HttpResponse, Problem> {
    let (selection, names) = (Selection::Folder(id.0), names(parameters.0.names));
    let archive = archives.open(&user.actor, &selection, names).await?;
    zip::respond(&request, archive).await
}
