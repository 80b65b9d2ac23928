use actix_web::{HttpResponse, web};
use clouddrive_contract::RefreshToken;

use crate::http::extract::{CurrentRequest, Json};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Ends the session of a refresh token, with all its tokens. The response is the same if the token belongs to no active
/// session.
#[utoipa::path(post, path = "/logout", operation_id = "logout", tag = "account", security(()),
    request_body = RefreshToken,
    responses((status = 204, description = "No session runs by this token")))]
pub(crate) async fn logout(
    call: CurrentRequest,
    body: Json<RefreshToken>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    app.accounts.logout(call.0, &body.0.refresh_token).await?;
    Ok(reply::done())
}
