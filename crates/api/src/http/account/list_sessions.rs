use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Sessions};
use clouddrive_domain::model::{SessionId, SessionPosition, Timestamp};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(i64, Uuid);

/// Lists the caller's sessions that run, newest first.
#[utoipa::path(get, path = "/session", operation_id = "list_sessions", tag = "account", params(PageParameters),
    responses((status = 200, description = "A page of the caller's sessions", body = Sessions)))]
pub(crate) async fn list_sessions(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = format!("session {}", user.actor.user);
    let after = match &parameters.0.cursor {
        Some(cursor) => Some(app.cursors.open::<Place>(&list, cursor)?),
        None => None,
    };
    let position = |Place(at, id)| SessionPosition { at: Timestamp::from_millis(at), id: SessionId::from_uuid(id) };
    let limit = parse::limit(parameters.0.limit)?;
    let page = app.accounts.list_sessions(&user.actor, after.map(position), limit).await?;
    let place = page.next.map(|next| Place(next.at.as_millis(), next.id.as_uuid()));
    let current = user.identity.session;
    let items = page.items.into_iter().map(|session| map::session(session, current)).collect::<Result<_, _>>()?;
    let next_cursor = place.map(|place| app.cursors.seal(&list, &place)).transpose()?;
    Ok(reply::ok(&Sessions { items, next_cursor }))
}
