use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, Login, LoginForm, Token, paths};
use clouddrive_domain::model::Origin;
use clouddrive_domain::service::{AccountService, Login as Granted};
use clouddrive_http::extract::{CurrentOrigin, Form, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, FormHandler, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = Endpoint {
    form: Some(FormHandler::Fields(|route| route.to(login_form))),
    ..endpoint!(
        login_json,
        POST,
        paths::LOGIN,
        Access::Public,
        Idempotency::Described("safe; it begins another session."),
        &[errors::BODY, errors::JSON, errors::THROTTLED, &[Code::InvalidCredentials]]
    )
};

/// Starts a session. Accepts OAuth2's password grant (a form), or the same as JSON.
#[utoipa::path(post, path = paths::LOGIN, operation_id = "login", tag = "account",
    request_body(content((LoginForm = "application/x-www-form-urlencoded"), (Login = "application/json"))),
    responses((status = 200, description = "An access token, and what the session goes on by", body = Token)))]
async fn login_json(
    call: CurrentOrigin,
    body: Json<Login>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    begin(&accounts, call.0, &body.0.username, &body.0.password).await
}

async fn login_form(
    call: CurrentOrigin,
    body: Form<LoginForm>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    if body.0.grant_type.as_deref().is_some_and(|kind| kind != "password") {
        return Err(Problem::invalid("grant_type", "must be password"));
    }
    begin(&accounts, call.0, &body.0.username, &body.0.password).await
}

async fn begin(
    accounts: &AccountService,
    call: Origin,
    username: &str,
    password: &str,
) -> Result<HttpResponse, Problem> {
    Ok(token(accounts.login(call, username, password).await?))
}

/// The token response, marked `no-store`.
pub(super) fn token(login: Granted) -> HttpResponse {
    reply::no_store(reply::ok(&Token {
        access_token: login.access_token,
        token_type: "bearer".to_owned(),
        expires_in: login.lifetime.as_secs(),
        refresh_token: login.refresh_token.expose().to_owned(),
    }))
}
