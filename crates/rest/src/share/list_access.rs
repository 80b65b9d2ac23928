use actix_web::{HttpResponse, web};
use clouddrive_contract::{AccessList, Code, PageParameters, paths};
use clouddrive_domain::model::{NodeId, NodeKind};
use clouddrive_domain::service::ShareService;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const TO_FOLDER: Endpoint = endpoint!(
    list_access_to_folder,
    GET,
    paths::FOLDER_ACCESS,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::LIST, errors::ITEM, &[Code::PermissionDenied]]
);

/// Lists all access to a folder, with the share or link that grants it, on the folder or above it. Owner only.
#[utoipa::path(get, path = paths::FOLDER_ACCESS, operation_id = "list_access_to_folder", tag = "sharing",
    params(("folder_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of who may do what, and why", body = AccessList)))]
async fn list_access_to_folder(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    shares: web::Data<ShareService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    list_access(&user, (NodeKind::Folder, id.0), &parameters.0, &shares, &cursors).await
}

pub(super) const TO_FILE: Endpoint = endpoint!(
    list_access_to_file,
    GET,
    paths::FILE_ACCESS,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::LIST, errors::ITEM, &[Code::PermissionDenied]]
);

/// Lists all access to a file, with the share or link that grants it, on the file or above it. Owner only.
#[utoipa::path(get, path = paths::FILE_ACCESS, operation_id = "list_access_to_file", tag = "sharing",
    params(("file_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of who may do what, and why", body = AccessList)))]
async fn list_access_to_file(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    shares: web::Data<ShareService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    list_access(&user, (NodeKind::File, id.0), &parameters.0, &shares, &cursors).await
}

async fn list_access(
    user: &CurrentUser,
    item: (NodeKind, NodeId),
    parameters: &PageParameters,
    shares: &ShareService,
    cursors: &Cursors,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("access {} {}", user.actor.user, item.1));
    let after = list.after(cursors, parameters)?;
    let page = shares.list_access(&user.actor, item, after, parse::limit(parameters.limit)?).await?;
    Ok(reply::ok(&AccessList {
        items: page.items.into_iter().map(map::access).collect(),
        next_cursor: list.next_cursor(cursors, page.next)?,
    }))
}
