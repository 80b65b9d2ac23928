use actix_web::{HttpResponse, web};
use clouddrive_contract::{Linked, ListParameters};
use clouddrive_domain::service::Visit;

use crate::http::drive::List;
use crate::http::extract::{LinkQuery, LinkVisitor};
use crate::http::problem::Outcome;
use crate::http::{App, map, reply};

/// Returns the target of a public link: a file, or a folder with a page of its contents.
#[utoipa::path(get, path = "/s/{token}", operation_id = "visit_link", tag = "links", security(()),
    params(("token" = String, Path, description = "As it stands in the link's URL"), ListParameters),
    responses((status = 200, description = "The file, or a page of the folder", body = Linked)))]
pub(crate) async fn look(
    visitor: LinkVisitor,
    parameters: LinkQuery<ListParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List::new(&visitor.list(), None, &parameters.0);
    let visit = app.visits.look(&visitor.0, &list.query(&app, &parameters.0)?).await?;
    Ok(reply::ok(&linked(&app, &list, visit)?))
}

/// The response for a visit, with the cursor of its list.
pub(super) fn linked(app: &App, list: &List, visit: Visit) -> Outcome<Linked> {
    let item = map::item(visit.item)?;
    let Some(page) = visit.page else {
        return Ok(Linked { item, items: None, next_cursor: None });
    };
    let next_cursor = Some(list.next_cursor(app, page.next.as_ref())?);
    Ok(Linked { item, items: Some(map::items(page.items)?), next_cursor })
}
