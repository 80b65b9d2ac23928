use actix_web::{HttpResponse, web};
use clouddrive_contract::{CreateShare, Share, ShareObjectType};
use clouddrive_domain::model::{Handle, NodeId, NodeKind};

use crate::http::extract::{CurrentUser, Json};
use crate::http::problem::{Outcome, Problem};
use crate::http::{App, map, parse, reply};

/// Shares a file or folder with another user.
#[utoipa::path(post, path = "/share", operation_id = "create_share", tag = "sharing", request_body = CreateShare,
    responses((status = 201, description = "The share", body = Share, headers(("Location" = String)))))]
pub(crate) async fn create(user: CurrentUser, body: Json<CreateShare>, app: web::Data<App>) -> Outcome<HttpResponse> {
    let item = item(&body.0)?;
    let guest = Handle::parse(&body.0.username);
    let permission = parse::permission(body.0.permission);
    let share = map::share(app.shares.create(&user.actor, item, &guest, permission).await?)?;
    Ok(reply::created(format!("/share/{}", share.id), &share))
}

/// The one item that the body names.
fn item(body: &CreateShare) -> Outcome<(NodeKind, NodeId)> {
    let (kind, wanted, id, other, stray) = match body.share_object_type {
        ShareObjectType::File => (NodeKind::File, "file_id", body.file_id, "folder_id", body.folder_id),
        ShareObjectType::Folder => (NodeKind::Folder, "folder_id", body.folder_id, "file_id", body.file_id),
    };
    if stray.is_some() {
        return Err(Problem::invalid(other, "does not go with this share_object_type"));
    }
    let id = id.ok_or_else(|| Problem::invalid(wanted, "is required with this share_object_type"))?;
    Ok((kind, NodeId::from_uuid(id)))
}
