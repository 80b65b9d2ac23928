use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Trash};

use crate::http::extract::{CurrentUser, Query};
use crate::http::list::List;
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Lists the items that were moved to the caller's trash, newest first.
#[utoipa::path(get, path = "/trash", operation_id = "list_trash", tag = "trash",
    params(PageParameters),
    responses((status = 200, description = "A page of the trash", body = Trash)))]
pub(crate) async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List(format!("trash {}", user.actor.user));
    let after = list.after(&app, &parameters.0)?;
    let page = app.trash.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::ok(&Trash {
        items: page.items.into_iter().map(map::trashed).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(&app, page.next)?,
    }))
}
