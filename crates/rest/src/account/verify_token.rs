use actix_web::HttpResponse;
use clouddrive_contract::{VerifiedToken, paths};
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(verify_token, GET, paths::VERIFY_TOKEN, Access::CALLER_IN_ANY_SCOPE, Idempotency::ByMethod, &[]);

/// Returns the user and expiry of this access token.
#[utoipa::path(get, path = paths::VERIFY_TOKEN, operation_id = "verify_token", tag = "account",
    responses((status = 200, description = "The token is valid", body = VerifiedToken)))]
async fn verify_token(user: CurrentUser) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&VerifiedToken {
        status: "valid".to_owned(),
        user_id: user.identity.user.as_uuid(),
        expires_at: map::time(user.identity.expires_at)?,
        username: user.identity.username,
    }))
}
