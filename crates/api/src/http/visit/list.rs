use actix_web::{HttpResponse, web};
use clouddrive_contract::{LinkedFolder, ListParameters};
use clouddrive_domain::model::NodeId;

use super::look::linked;
use crate::http::drive::List;
use crate::http::extract::{LinkQuery, LinkVisitor, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Lists a folder below the linked one.
#[utoipa::path(get, path = "/s/{token}/drive/{folder_id}", operation_id = "visit_folder", tag = "links", security(()),
    params(("token" = String, Path, description = "As it stands in the link's URL"), ("folder_id" = Uuid, Path), ListParameters),
    responses((status = 200, description = "A page of the folder", body = LinkedFolder)))]
pub(crate) async fn list(
    visitor: LinkVisitor,
    id: PathId<NodeId>,
    parameters: LinkQuery<ListParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List::new(&visitor.list(), Some(id.0), &parameters.0);
    let visit = app.visits.list(&visitor.0, id.0, &list.query(&app, &parameters.0)?).await?;
    Ok(reply::ok(&linked(&app, &list, visit)?))
}
