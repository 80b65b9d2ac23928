use actix_web::{HttpResponse, web};
use clouddrive_contract::{Links, PageParameters, paths};
use clouddrive_domain::service;
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list, GET, paths::LINKS, Access::CALLER, Idempotency::ByMethod, &[errors::LIST]);

/// Lists the caller's public links, newest first, including expired and used-up ones.
#[utoipa::path(get, path = paths::LINKS, operation_id = "list_links", tag = "links", params(PageParameters),
    responses((status = 200, description = "A page of the caller's links", body = Links)))]
async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    links: web::Data<service::LinkService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("link {}", user.actor.user));
    let after = list.after(&cursors, &parameters.0)?;
    let page = links.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::no_store(reply::ok(&Links {
        items: page.items.into_iter().map(map::link).collect::<Result<_, _>>()?,
        next_cursor: list.next_cursor(&cursors, page.next)?,
    })))
}
