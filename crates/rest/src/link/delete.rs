use actix_web::{HttpResponse, web};
use clouddrive_domain::model::LinkId;
use clouddrive_domain::service::LinkService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

/// Revokes a public link: it no longer grants access.
#[utoipa::path(delete, path = "/link/{link_id}", operation_id = "delete_link", tag = "links",
    params(("link_id" = Uuid, Path)),
    responses((status = 204, description = "The link is gone")))]
pub(crate) async fn delete(
    user: CurrentUser,
    id: PathId<LinkId>,
    links: web::Data<LinkService>,
) -> Result<HttpResponse, Problem> {
    links.revoke(&user.actor, id.0).await?;
    Ok(reply::no_content())
}
