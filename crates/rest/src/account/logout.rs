use actix_web::{HttpResponse, web};
use clouddrive_contract::{RefreshToken, paths};
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentOrigin, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    logout,
    POST,
    paths::LOGOUT,
    Access::Public,
    Idempotency::Described("safe; it answers the same."),
    &[errors::BODY, errors::JSON]
);

/// Ends the session of a refresh token, with all its tokens. The response is the same if the token belongs to no active
/// session.
#[utoipa::path(post, path = paths::LOGOUT, operation_id = "logout", tag = "account",
    request_body = RefreshToken,
    responses((status = 204, description = "No session runs by this token")))]
async fn logout(
    call: CurrentOrigin,
    body: Json<RefreshToken>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    accounts.logout(call.0, &body.0.refresh_token).await?;
    Ok(reply::no_content())
}
