use actix_web::{HttpResponse, web};
use clouddrive_domain::model::LinkId;

use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Revokes a public link: it no longer grants access.
#[utoipa::path(delete, path = "/link/{link_id}", operation_id = "delete_link", tag = "links",
    params(("link_id" = Uuid, Path)),
    responses((status = 204, description = "The link is gone")))]
pub(crate) async fn delete(user: CurrentUser, id: PathId<LinkId>, app: web::Data<App>) -> Outcome<HttpResponse> {
    app.links.revoke(&user.actor, id.0).await?;
    Ok(reply::done())
}
