use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Trash, paths};
use clouddrive_domain::service;
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list, GET, paths::TRASH, Access::TRASH_OWNER, Idempotency::ByMethod, &[errors::LIST, errors::ITEM]);

/// Lists the items that were moved to the caller's trash, newest first.
#[utoipa::path(get, path = paths::TRASH, operation_id = "list_trash", tag = "trash",
    params(PageParameters),
    responses((status = 200, description = "A page of the trash", body = Trash)))]
async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    trash: web::Data<service::TrashService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("trash {}", user.actor.user));
    let after = list.after(&cursors, &parameters.0)?;
    let page = trash.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::ok(&Trash {
        items: page.items.into_iter().map(map::trashed).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(&cursors, page.next)?,
    }))
}
