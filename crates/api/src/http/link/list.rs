use actix_web::{HttpResponse, web};
use clouddrive_contract::{Links, PageParameters};
use clouddrive_domain::model::{LinkId, LinkPosition, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(i64, Uuid);

/// Lists the caller's public links, newest first, also those that have expired or are used up.
#[utoipa::path(get, path = "/link", operation_id = "list_links", tag = "links", params(PageParameters),
    responses((status = 200, description = "A page of the caller's links", body = Links)))]
pub(crate) async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = format!("link {}", user.actor.user);
    let after = match &parameters.0.cursor {
        Some(cursor) => Some(app.cursors.open::<Place>(&list, cursor)?),
        None => None,
    };
    let after = after.map(|Place(at, id)| LinkPosition { at: Timestamp::from_millis(at), id: LinkId::from_uuid(id) });
    let page = app.links.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    let place = page.next.map(|next| Place(next.at.as_millis(), next.id.as_uuid()));
    Ok(reply::secret(reply::ok(&Links {
        items: page.items.into_iter().map(map::link).collect::<Result<_, _>>()?,
        next_cursor: place.map(|place| app.cursors.seal(&list, &place)).transpose()?,
    })))
}
