use actix_web::{HttpResponse, web};
use clouddrive_contract::{Links, PageParameters};

use crate::http::extract::{CurrentUser, Query};
use crate::http::list::List;
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Lists the caller's public links, newest first, including expired and used-up ones.
#[utoipa::path(get, path = "/link", operation_id = "list_links", tag = "links", params(PageParameters),
    responses((status = 200, description = "A page of the caller's links", body = Links)))]
pub(crate) async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List(format!("link {}", user.actor.user));
    let after = list.after(&app, &parameters.0)?;
    let page = app.links.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::secret(reply::ok(&Links {
        items: page.items.into_iter().map(map::link).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(&app, page.next)?,
    })))
}
