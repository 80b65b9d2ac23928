use actix_web::{HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::model::LinkId;
use clouddrive_domain::service::LinkService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(delete, DELETE, paths::LINK, Access::OWNER, Idempotency::ByMethod, &[errors::ITEM]);

/// Revokes a public link: it no longer grants access.
#[utoipa::path(delete, path = paths::LINK, operation_id = "delete_link", tag = "links",
    params(("link_id" = Uuid, Path)),
    responses((status = 204, description = "The link is gone")))]
async fn delete(user: CurrentUser, id: PathId<LinkId>, links: web::Data<LinkService>) -> Result<HttpResponse, Problem> {
    links.revoke(&user.actor, id.0).await?;
    Ok(reply::no_content())
}
