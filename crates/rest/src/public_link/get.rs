use actix_web::{HttpResponse, web};
use clouddrive_contract::{Linked, ListParameters, paths};
use clouddrive_domain::service::{LinkView, PublicLinkService};
use clouddrive_http::extract::{CurrentLinkBearer, LinkQuery};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::{LinkParam, LinkPasswordParams};
use crate::cursor::Cursors;
use crate::drive::List;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get, GET, paths::PUBLIC_LINK, Access::Link, Idempotency::ByMethod, &[errors::LIST]);

/// Returns the target of a public link: a file, or a folder with a page of its contents.
#[utoipa::path(get, path = paths::PUBLIC_LINK, operation_id = "visit_link", tag = "links",
    params(LinkParam, ListParameters, LinkPasswordParams),
    responses((status = 200, description = "The file, or a page of the folder", body = Linked)))]
async fn get(
    bearer: CurrentLinkBearer,
    parameters: LinkQuery<ListParameters>,
    public_links: web::Data<PublicLinkService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List::new(&bearer.list(), None, &parameters.0);
    let view = public_links.get(&bearer.0, &list.query(&cursors, &parameters.0)?).await?;
    Ok(reply::ok(&linked(&cursors, &list, view)?))
}

/// The response for a public link, with the cursor of its list.
pub(super) fn linked(cursors: &Cursors, list: &List, view: LinkView) -> Result<Linked, Problem> {
    let item = map::item(view.item)?;
    let Some(page) = view.page else {
        return Ok(Linked { item, items: None, next_cursor: None });
    };
    let next_cursor = Some(list.next_cursor(cursors, page.next.as_ref())?);
    Ok(Linked { item, items: Some(map::items(page.items)?), next_cursor })
}
