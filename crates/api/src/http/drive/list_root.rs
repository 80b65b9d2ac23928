use actix_web::{HttpResponse, web};
use clouddrive_contract::{ListParameters, RootListing};

use super::page::List;
use crate::http::extract::{CurrentUser, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, reply};

/// Lists the root of the caller's own drive.
#[utoipa::path(get, path = "/drive", operation_id = "list_root", tag = "folders", params(ListParameters),
    responses((status = 200, description = "A page of the root", body = RootListing)))]
pub(crate) async fn list_root(
    user: CurrentUser,
    parameters: Query<ListParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List::new(&user.actor.user, None, &parameters.0);
    let (account, page) = app.folders.list_root(&user.actor, &list.query(&app, &parameters.0)?).await?;
    Ok(reply::ok(&RootListing {
        user: map::user(account)?,
        folder: None,
        path: Vec::new(),
        next_cursor: list.next_cursor(&app, page.next.as_ref())?,
        items: map::items(page.items)?,
    }))
}
