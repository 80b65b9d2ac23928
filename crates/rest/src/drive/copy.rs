use actix_web::{HttpResponse, web};
use clouddrive_contract::{CopyFolder, Folder};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::model::UserId;
use clouddrive_domain::service;
use clouddrive_http::concurrency::ConcurrencyLimit;
use clouddrive_http::extract::{CurrentUser, IfMatch, OptionalJson, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::{map, parse};

/// Copies a folder and everything below it, atomically: up to 10,000 files and folders, without storing any bytes
/// again. Shares and former versions are not copied.
#[utoipa::path(post, path = "/drive/{folder_id}/copy", operation_id = "copy_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), IfMatchParam),
    request_body = Option<CopyFolder>,
    responses((status = 201, description = "The copy", body = Folder,
        headers(("Location" = String), ("ETag" = String)))))]
pub(crate) async fn copy(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: OptionalJson<CopyFolder>,
    bulk: web::Data<ConcurrencyLimit<UserId>>,
    copies: web::Data<service::CopyService>,
) -> Result<HttpResponse, Problem> {
    let CopyFolder { parent_folder_id, folder_name, folder_conflict } = body.0;
    let conflict = folder_conflict.map(parse::folder_conflict);
    let place = parse::copy_place("folder_name", folder_name.as_deref(), parent_folder_id, conflict)?;
    let _permit = bulk.acquire(user.actor.user).await?;
    let folder = map::folder(copies.copy_folder(&user.actor, id.0, place, &wanted.0).await?)?;
    Ok(reply::created_with_etag(format!("/drive/{}", folder.id), &folder.etag, &folder))
}
