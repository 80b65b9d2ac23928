use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{RefreshToken, Token};

use super::login::{client, token};
use crate::http::App;
use crate::http::extract::{CurrentRequest, Json};
use crate::http::problem::Outcome;

/// Goes on with a session: a fresh access token and the next refresh token for the one that is sent, which is used up by
/// that. One that comes twice ends its session, since two have it.
#[utoipa::path(post, path = "/token/refresh", operation_id = "refresh_token", tag = "account", security(()),
    request_body = RefreshToken,
    responses((status = 200, description = "Fresh tokens", body = Token)))]
pub(crate) async fn refresh(
    call: CurrentRequest,
    body: Json<RefreshToken>,
    request: HttpRequest,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    Ok(token(app.accounts.refresh(call.0, &body.0.refresh_token, client(&request)).await?))
}
