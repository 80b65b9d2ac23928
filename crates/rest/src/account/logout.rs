use actix_web::{HttpResponse, web};
use clouddrive_contract::RefreshToken;
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentOrigin, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

/// Ends the session of a refresh token, with all its tokens. The response is the same if the token belongs to no active
/// session.
#[utoipa::path(post, path = "/logout", operation_id = "logout", tag = "account", security(()),
    request_body = RefreshToken,
    responses((status = 204, description = "No session runs by this token")))]
pub(crate) async fn logout(
    call: CurrentOrigin,
    body: Json<RefreshToken>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    accounts.logout(call.0, &body.0.refresh_token).await?;
    Ok(reply::no_content())
}
