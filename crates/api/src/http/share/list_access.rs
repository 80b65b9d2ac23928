use actix_web::{HttpResponse, web};
use clouddrive_contract::{AccessList, PageParameters};
use clouddrive_domain::model::{NodeId, NodeKind};

use crate::http::extract::{CurrentUser, PathId, Query};
use crate::http::list::List;
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Lists all access to a folder, with the share or link that grants it, on the folder or above it. Owner only.
#[utoipa::path(get, path = "/drive/{folder_id}/access", operation_id = "list_access_to_folder", tag = "sharing",
    params(("folder_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of who may do what, and why", body = AccessList)))]
pub(crate) async fn list_access_to_folder(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    list_access(&user, (NodeKind::Folder, id.0), &parameters.0, &app).await
}

/// Lists all access to a file, with the share or link that grants it, on the file or above it. Owner only.
#[utoipa::path(get, path = "/file/{file_id}/access", operation_id = "list_access_to_file", tag = "sharing",
    params(("file_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of who may do what, and why", body = AccessList)))]
pub(crate) async fn list_access_to_file(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    list_access(&user, (NodeKind::File, id.0), &parameters.0, &app).await
}

async fn list_access(
    user: &CurrentUser,
    item: (NodeKind, NodeId),
    parameters: &PageParameters,
    app: &App,
) -> Outcome<HttpResponse> {
    let list = List(format!("access {} {}", user.actor.user, item.1));
    let after = list.after(app, parameters)?;
    let page = app.shares.list_access(&user.actor, item, after, parse::limit(parameters.limit)?).await?;
    Ok(reply::ok(&AccessList {
        items: page.items.into_iter().map(map::access).collect(),
        next_cursor: list.next_cursor(app, page.next)?,
    }))
}
