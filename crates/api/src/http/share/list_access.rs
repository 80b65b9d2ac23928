use actix_web::{HttpResponse, web};
use clouddrive_contract::{AccessList, PageParameters};
use clouddrive_domain::model::{AccessVia, LinkId, NodeId, NodeKind, ShareId, UserId};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, PathId, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
enum Place {
    #[serde(rename = "o")]
    Owner(Uuid),
    #[serde(rename = "s")]
    Share(Uuid),
    #[serde(rename = "l")]
    Link(Uuid),
}

impl From<AccessVia> for Place {
    fn from(via: AccessVia) -> Self {
        match via {
            AccessVia::Owner(id) => Self::Owner(id.as_uuid()),
            AccessVia::Share(id) => Self::Share(id.as_uuid()),
            AccessVia::Link(id) => Self::Link(id.as_uuid()),
        }
    }
}

impl From<Place> for AccessVia {
    fn from(place: Place) -> Self {
        match place {
            Place::Owner(id) => Self::Owner(UserId::from_uuid(id)),
            Place::Share(id) => Self::Share(ShareId::from_uuid(id)),
            Place::Link(id) => Self::Link(LinkId::from_uuid(id)),
        }
    }
}

/// Lists who may do what with a folder, and through which share or link, on it or above it. For its owner.
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

/// Lists who may do what with a file, and through which share or link, on it or above it. For its owner.
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
    let list = format!("access {} {}", user.actor.user, item.1);
    let place = |cursor: &String| app.cursors.open::<Place>(&list, cursor);
    let after = parameters.cursor.as_ref().map(place).transpose()?.map(AccessVia::from);
    let page = app.shares.list_access(&user.actor, item, after, parse::limit(parameters.limit)?).await?;
    Ok(reply::ok(&AccessList {
        items: page.items.into_iter().map(map::access).collect(),
        next_cursor: page.next.map(|next| app.cursors.seal(&list, &Place::from(next))).transpose()?,
    }))
}
