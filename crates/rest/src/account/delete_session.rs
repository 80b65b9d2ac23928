use actix_web::{HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::model::SessionId;
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(delete_session, DELETE, paths::SESSION, Access::CALLER, Idempotency::ByMethod, &[errors::ITEM]);

/// Ends a session of the caller: its tokens become invalid.
#[utoipa::path(delete, path = paths::SESSION, operation_id = "end_session", tag = "account",
    params(("session_id" = Uuid, Path)),
    responses((status = 204, description = "The session is over")))]
async fn delete_session(
    user: CurrentUser,
    id: PathId<SessionId>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    accounts.end_session(&user.actor, id.0).await?;
    Ok(reply::no_content())
}
