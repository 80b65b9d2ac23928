use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Uploads, paths};
use clouddrive_domain::service;
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list, GET, paths::UPLOADS, Access::UPLOADER_OR_DRIVE_OWNER, Idempotency::ByMethod, &[errors::LIST]);

/// Lists the caller's open uploads, and all open uploads into the caller's own drive, newest first.
#[utoipa::path(get, path = paths::UPLOADS, operation_id = "list_uploads", tag = "uploads", params(PageParameters),
    responses((status = 200, description = "A page of open uploads", body = Uploads)))]
async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    uploads: web::Data<service::UploadService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("uploads {}", user.actor.user));
    let after = list.after(&cursors, &parameters.0)?;
    let page = uploads.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    let items = page.items.into_iter().map(map::upload).collect::<Result<_, _>>()?;
    Ok(reply::ok(&Uploads { items, next_cursor: list.next_cursor(&cursors, page.next)? }))
}
