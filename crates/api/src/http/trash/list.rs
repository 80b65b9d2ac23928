use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Trash};
use clouddrive_domain::model::{NodeId, Timestamp, TrashPosition};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(i64, Uuid);

/// Lists what was put into the caller's trash, newest first.
#[utoipa::path(get, path = "/trash", operation_id = "list_trash", tag = "trash",
    params(PageParameters),
    responses((status = 200, description = "A page of the trash", body = Trash)))]
pub(crate) async fn list(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = format!("trash {}", user.actor.user);
    let after = match &parameters.0.cursor {
        Some(cursor) => Some(app.cursors.open::<Place>(&list, cursor)?),
        None => None,
    };
    let after = after.map(|Place(at, id)| TrashPosition { at: Timestamp::from_millis(at), id: NodeId::from_uuid(id) });
    let page = app.trash.list(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    let place = page.next.map(|next| Place(next.at.as_millis(), next.id.as_uuid()));
    Ok(reply::ok(&Trash {
        items: page.items.into_iter().map(map::trashed).collect::<Result<_, _>>()?,
        next_cursor: place.map(|place| app.cursors.seal(&list, &place)).transpose()?,
    }))
}
