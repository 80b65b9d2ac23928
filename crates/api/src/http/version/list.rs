use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Versions};
use clouddrive_domain::model::{NodeId, Revision, VersionId, VersionPosition};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, PathId, Query};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(u64, Uuid);

/// Lists the contents that a file has and had, newest first: for all who may see it.
#[utoipa::path(get, path = "/file/{file_id}/version", operation_id = "list_versions", tag = "versions",
    params(("file_id" = Uuid, Path), PageParameters),
    responses((status = 200, description = "A page of the file's versions", body = Versions)))]
pub(crate) async fn list(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = format!("versions {} {}", user.actor.user, id.0);
    let after = match &parameters.0.cursor {
        Some(cursor) => Some(app.cursors.open::<Place>(&list, cursor)?),
        None => None,
    };
    let position = |Place(at, id)| VersionPosition { revision: Revision(at), id: VersionId::from_uuid(id) };
    let limit = parse::limit(parameters.0.limit)?;
    let page = app.versions.list(&user.actor, id.0, after.map(position), limit).await?;
    let place = page.next.map(|next| Place(next.revision.0, next.id.as_uuid()));
    Ok(reply::ok(&Versions {
        items: page.items.into_iter().map(map::version).collect::<Result<_, _>>()?,
        next_cursor: place.map(|place| app.cursors.seal(&list, &place)).transpose()?,
    }))
}
