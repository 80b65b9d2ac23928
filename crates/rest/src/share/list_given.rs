use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, GivenShares, PageParameters, paths};
use clouddrive_domain::model::{NodeId, NodeKind};
use clouddrive_domain::service::{GivenSharePage, ShareService};
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const BY_CALLER: Endpoint =
    endpoint!(list_given, GET, paths::SHARED_BY_ME, Access::CALLER, Idempotency::ByMethod, &[errors::LIST]);

/// Lists the shares that the caller has granted, newest first.
#[utoipa::path(get, path = paths::SHARED_BY_ME, operation_id = "list_given_shares", tag = "sharing",
    params(PageParameters),
    responses((status = 200, description = "A page of what the caller has shared", body = GivenShares)))]
async fn list_given(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    shares: web::Data<ShareService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("shared-by-me {}", user.actor.user));
    let after = list.after(&cursors, &parameters.0)?;
    let page = shares.list_given(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    respond(&cursors, &list, page)
}

pub(super) const OF_FOLDER: Endpoint = endpoint!(
    list_of_folder,
    GET,
    paths::FOLDER_SHARES,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::LIST, errors::ITEM, &[Code::PermissionDenied]]
);

/// Lists the shares of a folder itself, newest first. Owner only.
#[utoipa::path(get, path = paths::FOLDER_SHARES, operation_id = "list_shares_of_folder", tag = "sharing",
    params(("folder_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of the folder's shares", body = GivenShares)))]
async fn list_of_folder(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    shares: web::Data<ShareService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    list_by_node(&user, (NodeKind::Folder, id.0), &parameters.0, &shares, &cursors).await
}

pub(super) const OF_FILE: Endpoint = endpoint!(
    list_of_file,
    GET,
    paths::FILE_SHARES,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::LIST, errors::ITEM, &[Code::PermissionDenied]]
);

/// Lists the shares of a file, newest first. Owner only.
#[utoipa::path(get, path = paths::FILE_SHARES, operation_id = "list_shares_of_file", tag = "sharing",
    params(("file_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of the file's shares", body = GivenShares)))]
async fn list_of_file(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    shares: web::Data<ShareService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    list_by_node(&user, (NodeKind::File, id.0), &parameters.0, &shares, &cursors).await
}

async fn list_by_node(
    user: &CurrentUser,
    item: (NodeKind, NodeId),
    parameters: &PageParameters,
    shares: &ShareService,
    cursors: &Cursors,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("shares {} {}", user.actor.user, item.1));
    let after = list.after(cursors, parameters)?;
    let page = shares.list_by_node(&user.actor, item, after, parse::limit(parameters.limit)?).await?;
    respond(cursors, &list, page)
}

fn respond(cursors: &Cursors, list: &List, page: GivenSharePage) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&GivenShares {
        items: page.items.into_iter().map(map::share).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(cursors, page.next)?,
    }))
}
