use actix_web::{HttpResponse, web};
use clouddrive_contract::{Linked, ListParameters};
use clouddrive_domain::service::{Visit, Visits};
use clouddrive_http::extract::{LinkQuery, LinkVisitor};
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;

use crate::annotations::{LinkParam, LinkPasswordParams};
use crate::cursor::Cursors;
use crate::drive::List;
use crate::map;

/// Returns the target of a public link: a file, or a folder with a page of its contents.
#[utoipa::path(get, path = "/s/{token}", operation_id = "visit_link", tag = "links", security(()),
    params(LinkParam, ListParameters, LinkPasswordParams),
    responses((status = 200, description = "The file, or a page of the folder", body = Linked)))]
pub(crate) async fn look(
    visitor: LinkVisitor,
    parameters: LinkQuery<ListParameters>,
    visits: web::Data<Visits>,
    cursors: web::Data<Cursors>,
) -> Outcome<HttpResponse> {
    let list = List::new(&visitor.list(), None, &parameters.0);
    let visit = visits.look(&visitor.0, &list.query(&cursors, &parameters.0)?).await?;
    Ok(reply::ok(&linked(&cursors, &list, visit)?))
}

/// The response for a visit, with the cursor of its list.
pub(super) fn linked(cursors: &Cursors, list: &List, visit: Visit) -> Outcome<Linked> {
    let item = map::item(visit.item)?;
    let Some(page) = visit.page else {
        return Ok(Linked { item, items: None, next_cursor: None });
    };
    let next_cursor = Some(list.next_cursor(cursors, page.next.as_ref())?);
    Ok(Linked { item, items: Some(map::items(page.items)?), next_cursor })
}
