use actix_web::{HttpResponse, web};
use clouddrive_domain::model::SessionId;
use clouddrive_domain::service::Accounts;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;

/// Ends a session of the caller: its tokens become invalid.
#[utoipa::path(delete, path = "/session/{session_id}", operation_id = "end_session", tag = "account",
    params(("session_id" = Uuid, Path)),
    responses((status = 204, description = "The session is over")))]
pub(crate) async fn end_session(
    user: CurrentUser,
    id: PathId<SessionId>,
    accounts: web::Data<Accounts>,
) -> Outcome<HttpResponse> {
    accounts.end_session(&user.actor, id.0).await?;
    Ok(reply::done())
}
