use actix_web::{HttpResponse, web};
use clouddrive_contract::{LinkedFolder, ListParameters};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::Visits;
use clouddrive_http::extract::{LinkQuery, LinkVisitor, PathId};
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;

use super::look::linked;
use crate::annotations::{LinkParam, LinkPasswordParams};
use crate::cursor::Cursors;
use crate::drive::List;

/// Lists a folder below the linked one.
#[utoipa::path(get, path = "/s/{token}/drive/{folder_id}", operation_id = "visit_folder", tag = "links", security(()),
    params(LinkParam, ("folder_id" = Uuid, Path), ListParameters, LinkPasswordParams),
    responses((status = 200, description = "A page of the folder", body = LinkedFolder)))]
pub(crate) async fn list(
    visitor: LinkVisitor,
    id: PathId<NodeId>,
    parameters: LinkQuery<ListParameters>,
    visits: web::Data<Visits>,
    cursors: web::Data<Cursors>,
) -> Outcome<HttpResponse> {
    let list = List::new(&visitor.list(), Some(id.0), &parameters.0);
    let visit = visits.list(&visitor.0, id.0, &list.query(&cursors, &parameters.0)?).await?;
    Ok(reply::ok(&linked(&cursors, &list, visit)?))
}
