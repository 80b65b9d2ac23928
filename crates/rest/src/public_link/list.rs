use actix_web::{HttpResponse, web};
use clouddrive_contract::{LinkedFolder, ListParameters, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::PublicLinkService;
use clouddrive_http::extract::{CurrentLinkBearer, LinkQuery, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use super::get::linked;
use crate::annotations::{LinkParam, LinkPasswordParams};
use crate::cursor::Cursors;
use crate::drive::List;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list, GET, paths::PUBLIC_LINK_FOLDER, Access::Link, Idempotency::ByMethod, &[errors::LIST]);

/// Lists a folder below the linked one.
#[utoipa::path(get, path = paths::PUBLIC_LINK_FOLDER, operation_id = "visit_folder", tag = "links",
    params(LinkParam, ("folder_id" = Uuid, Path), ListParameters, LinkPasswordParams),
    responses((status = 200, description = "A page of the folder", body = LinkedFolder)))]
async fn list(
    bearer: CurrentLinkBearer,
    id: PathId<NodeId>,
    parameters: LinkQuery<ListParameters>,
    public_links: web::Data<PublicLinkService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List::new(&bearer.list(), Some(id.0), &parameters.0);
    let view = public_links.list(&bearer.0, id.0, &list.query(&cursors, &parameters.0)?).await?;
    Ok(reply::ok(&linked(&cursors, &list, view)?))
}
