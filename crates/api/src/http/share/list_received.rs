use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, ReceivedShare, ReceivedShares};
use clouddrive_domain::model::{Entry, Share, ShareId, SharePosition, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(i64, Uuid);

/// Lists what is shared with the caller, wherever it lies, newest first.
#[utoipa::path(get, path = "/shared-with-me", operation_id = "list_received_shares", tag = "sharing",
    params(PageParameters),
    responses((status = 200, description = "A page of what is shared with the caller", body = ReceivedShares)))]
pub(crate) async fn list_received(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = format!("shared-with-me {}", user.actor.user);
    let after = match &parameters.0.cursor {
        Some(cursor) => Some(app.cursors.open::<Place>(&list, cursor)?),
        None => None,
    };
    let after = after.map(|Place(at, id)| SharePosition { at: Timestamp::from_millis(at), id: ShareId::from_uuid(id) });
    let page = app.shares.list_received(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    let place = page.next.map(|next| Place(next.at.as_millis(), next.id.as_uuid()));
    Ok(reply::ok(&ReceivedShares {
        items: page.items.into_iter().map(received).collect::<Outcome<_>>()?,
        next_cursor: place.map(|place| app.cursors.seal(&list, &place)).transpose()?,
    }))
}

fn received((share, item): (Share, Entry)) -> Outcome<ReceivedShare> {
    Ok(ReceivedShare { share: map::share(share)?, item: map::item(item)? })
}
