use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Uploads};

use crate::http::extract::{CurrentUser, Query};
use crate::http::list::List;
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Lists the caller's open uploads, and all open uploads into the caller's own drive, newest first.
#[utoipa::path(get, path = "/upload", operation_id = "list_uploads", tag = "uploads", params(PageParameters),
    responses((status = 200, description = "A page of open uploads", body = Uploads)))]
pub(crate) async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List(format!("uploads {}", user.actor.user));
    let after = list.after(&app, &parameters.0)?;
    let page = app.uploads.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    let items = page.items.into_iter().map(map::upload).collect::<Result<_, _>>()?;
    Ok(reply::ok(&Uploads { items, next_cursor: list.next_cursor(&app, page.next)? }))
}
