use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::ArchiveParameters;
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::Selection;

use crate::http::archive::names;
use crate::http::extract::{CurrentUser, PathId, Query};
use crate::http::problem::Outcome;
use crate::http::{App, zip};

/// A folder with all that lies below it as a ZIP, packed while it is sent: up to 100,000 files and folders, whose paths
/// have 32 MiB together. Nothing is compressed, and the size and CRC-32 of each file stand before its bytes, so that it can be
/// unpacked while it comes. What it holds is fixed when the answer begins; should anything be lost half-way, or the right to
/// see it end, the connection breaks off: what has arrived is no whole ZIP then, and `Range` with `If-Range` goes on with it.
#[utoipa::path(method(get, head), path = "/drive/{folder_id}/archive", operation_id = "archive_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), ArchiveParameters),
    responses((status = 200, description = "The ZIP", content_type = "application/zip", body = Vec<u8>)))]
pub(crate) async fn archive(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<ArchiveParameters>,
    request: HttpRequest,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let (selection, names) = (Selection::Folder(id.0), names(parameters.0.names));
    let archive = app.archives.open(&user.actor, user.identity.session, &selection, names).await?;
    zip::answer(&request, archive).await
}
