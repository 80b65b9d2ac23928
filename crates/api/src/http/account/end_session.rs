use actix_web::{HttpResponse, web};
use clouddrive_domain::model::SessionId;

use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Ends a session of the caller: its tokens become invalid.
#[utoipa::path(delete, path = "/session/{session_id}", operation_id = "end_session", tag = "account",
    params(("session_id" = Uuid, Path)),
    responses((status = 204, description = "The session is over")))]
pub(crate) async fn end_session(
    user: CurrentUser,
    id: PathId<SessionId>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    app.accounts.end_session(&user.actor, id.0).await?;
    Ok(reply::done())
}
