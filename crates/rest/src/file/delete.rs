use actix_web::{HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::model::{NodeId, NodeKind};
use clouddrive_domain::service::TrashService;
use clouddrive_http::extract::{CurrentUser, IfMatch, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(delete, DELETE, paths::FILE, Access::DELETE, Idempotency::ByMethod, &[errors::DELETE]);

/// Moves a file to its owner's trash. An item that is shared itself can only be deleted by its owner.
#[utoipa::path(delete, path = paths::FILE, operation_id = "delete_file", tag = "files",
    params(("file_id" = Uuid, Path), IfMatchParam),
    responses((status = 204, description = "It is in the trash")))]
async fn delete(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    trash: web::Data<TrashService>,
) -> Result<HttpResponse, Problem> {
    trash.put(&user.actor, (NodeKind::File, id.0), &wanted.0).await?;
    Ok(reply::no_content())
}
