use actix_web::http::header::{CONTENT_DISPOSITION, CONTENT_SECURITY_POLICY, CONTENT_TYPE};
use actix_web::{HttpResponse, web};
use clouddrive_domain::model::NodeId;

use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::running::{Right, Running};
use crate::http::{App, zip};

/// A folder with all that lies below it as a ZIP, packed while it is sent: up to 100,000 files and folders, whose paths
/// have 32 MiB together. Names are those of the drive, in UTF-8; nothing is compressed. Should anything fail half-way, the
/// connection breaks off: what has arrived is no whole ZIP then.
#[utoipa::path(get, path = "/drive/{folder_id}/archive", operation_id = "archive_folder", tag = "folders",
    params(("folder_id" = Uuid, Path)),
    responses((status = 200, description = "The ZIP", content_type = "application/zip", body = Vec<u8>,
        headers(("Content-Disposition" = String)))))]
pub(crate) async fn archive(user: CurrentUser, id: PathId<NodeId>, app: web::Data<App>) -> Outcome<HttpResponse> {
    let archive = app.archives.open(&user.actor, id.0).await?;
    let presentation = zip::presentation(&archive);
    let right = Right::of_user(&app, user.actor.user, user.identity.session, id.0);
    Ok(HttpResponse::Ok()
        .insert_header((CONTENT_TYPE, presentation.media_type.as_str()))
        .insert_header((CONTENT_DISPOSITION, presentation.content_disposition()))
        .insert_header((CONTENT_SECURITY_POLICY, "sandbox; default-src 'none'"))
        .streaming(Running::new(Box::pin(zip::packed(archive)), right)))
}
