use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Versions, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list, GET, paths::VERSIONS, Access::VIEWER, Idempotency::ByMethod, &[errors::LIST, errors::ITEM]);

/// Lists the current and former versions of a file, newest first, for everyone who may see the file.
#[utoipa::path(get, path = paths::VERSIONS, operation_id = "list_versions", tag = "versions",
    params(("file_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of the file's versions", body = Versions)))]
async fn list(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    versions: web::Data<service::VersionService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("versions {} {}", user.actor.user, id.0));
    let after = list.after(&cursors, &parameters.0)?;
    let page = versions.list(&user.actor, id.0, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::ok(&Versions {
        items: page.items.into_iter().map(map::version).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(&cursors, page.next)?,
    }))
}
