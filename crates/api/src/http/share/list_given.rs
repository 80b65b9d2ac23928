use actix_web::{HttpResponse, web};
use clouddrive_contract::{GivenShares, PageParameters};
use clouddrive_domain::model::{NodeId, NodeKind};
use clouddrive_domain::service::GivenPage;

use crate::http::extract::{CurrentUser, PathId, Query};
use crate::http::list::List;
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Lists the shares that the caller has granted, newest first.
#[utoipa::path(get, path = "/shared-by-me", operation_id = "list_given_shares", tag = "sharing", params(PageParameters),
    responses((status = 200, description = "A page of what the caller has shared", body = GivenShares)))]
pub(crate) async fn list_given(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List(format!("shared-by-me {}", user.actor.user));
    let after = list.after(&app, &parameters.0)?;
    let page = app.shares.list_given(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    answer(&app, &list, page)
}

/// Lists the shares of a folder itself, newest first. Owner only.
#[utoipa::path(get, path = "/drive/{folder_id}/share", operation_id = "list_shares_of_folder", tag = "sharing",
    params(("folder_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of the folder's shares", body = GivenShares)))]
pub(crate) async fn list_of_folder(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    list_of(&user, (NodeKind::Folder, id.0), &parameters.0, &app).await
}

/// Lists the shares of a file, newest first. Owner only.
#[utoipa::path(get, path = "/file/{file_id}/share", operation_id = "list_shares_of_file", tag = "sharing",
    params(("file_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of the file's shares", body = GivenShares)))]
pub(crate) async fn list_of_file(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    list_of(&user, (NodeKind::File, id.0), &parameters.0, &app).await
}

async fn list_of(
    user: &CurrentUser,
    item: (NodeKind, NodeId),
    parameters: &PageParameters,
    app: &App,
) -> Outcome<HttpResponse> {
    let list = List(format!("shares {} {}", user.actor.user, item.1));
    let after = list.after(app, parameters)?;
    let page = app.shares.list_of(&user.actor, item, after, parse::limit(parameters.limit)?).await?;
    answer(app, &list, page)
}

fn answer(app: &App, list: &List, page: GivenPage) -> Outcome<HttpResponse> {
    Ok(reply::ok(&GivenShares {
        items: page.items.into_iter().map(map::share).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(app, page.next)?,
    }))
}
