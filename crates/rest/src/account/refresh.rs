use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, RefreshForm, RefreshToken, Token, paths};
use clouddrive_domain::model::Origin;
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentOrigin, Form, Json};
use clouddrive_http::problem::Problem;

use super::login::token;
use crate::endpoint::{Access, Endpoint, FormHandler, Idempotency, endpoint, errors};

const REPEATING: &str =
    "safe within 30 s, the grace for lost answers. Later, a refresh token that was used ends the session.";

pub(super) const ENDPOINT: Endpoint = Endpoint {
    form: Some(FormHandler::Fields(|route| route.to(refresh_form))),
    ..endpoint!(
        refresh_json,
        POST,
        paths::TOKEN_REFRESH,
        Access::Public,
        Idempotency::Described(REPEATING),
        &[errors::BODY, errors::JSON, &[Code::InvalidToken]]
    )
};

/// Exchanges a refresh token for a new access token and the next refresh token. For `REFRESH_GRACE_SECONDS` (30) after
/// its first use a refresh token may be sent again, e.g. by a second tab or after a lost response; all tokens issued
/// for it are valid. Reuse after that ends the session, since two parties have the token. Accepts OAuth2's refresh
/// grant (a form), or the same as JSON.
#[utoipa::path(post, path = paths::TOKEN_REFRESH, operation_id = "refresh_token", tag = "account",
    request_body(content((RefreshForm = "application/x-www-form-urlencoded"), (RefreshToken = "application/json"))),
    responses((status = 200, description = "Fresh tokens", body = Token)))]
async fn refresh_json(
    call: CurrentOrigin,
    body: Json<RefreshToken>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    refresh(&accounts, call.0, &body.0.refresh_token).await
}

async fn refresh_form(
    call: CurrentOrigin,
    body: Form<RefreshForm>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    if body.0.grant_type.as_deref().is_some_and(|kind| kind != "refresh_token") {
        return Err(Problem::invalid("grant_type", "must be refresh_token"));
    }
    refresh(&accounts, call.0, &body.0.refresh_token).await
}

async fn refresh(accounts: &AccountService, call: Origin, presented: &str) -> Result<HttpResponse, Problem> {
    Ok(token(accounts.refresh(call, presented).await?))
}
