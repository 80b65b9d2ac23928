use actix_web::HttpResponse;
use clouddrive_contract::VerifiedToken;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::map;

/// Returns the user and expiry of this access token.
#[utoipa::path(get, path = "/verify-token", operation_id = "verify_token", tag = "account",
    responses((status = 200, description = "The token is valid", body = VerifiedToken)))]
pub(crate) async fn verify_token(user: CurrentUser) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&VerifiedToken {
        status: "valid".to_owned(),
        user_id: user.identity.user.as_uuid(),
        expires_at: map::time(user.identity.expires_at)?,
        username: user.identity.username,
    }))
}
