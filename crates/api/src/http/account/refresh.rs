use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{RefreshForm, RefreshToken, Token};
use clouddrive_domain::model::RequestId;

use super::login::{client, token};
use crate::http::App;
use crate::http::extract::{CurrentRequest, Form, Json};
use crate::http::problem::{Outcome, Problem};

/// Goes on with a session: a fresh access token and the next refresh token for the one that is sent. For
/// `REFRESH_GRACE_SECONDS` (30) after its first use a refresh token may be sent again, as two tabs do, or a client whose answer was
/// lost, and every token that it got is good. One that comes later ends its session, since two have it. As OAuth2's refresh
/// grant (a form), or the same as JSON.
#[utoipa::path(post, path = "/token/refresh", operation_id = "refresh_token", tag = "account", security(()),
    request_body(content((RefreshForm = "application/x-www-form-urlencoded"), (RefreshToken = "application/json"))),
    responses((status = 200, description = "Fresh tokens", body = Token)))]
pub(crate) async fn refresh_form(
    call: CurrentRequest,
    body: Form<RefreshForm>,
    request: HttpRequest,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    if body.0.grant_type.as_deref().is_some_and(|kind| kind != "refresh_token") {
        return Err(Problem::invalid("grant_type", "must be refresh_token"));
    }
    go_on(&app, call.0, &request, &body.0.refresh_token).await
}

pub(crate) async fn refresh_json(
    call: CurrentRequest,
    body: Json<RefreshToken>,
    request: HttpRequest,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    go_on(&app, call.0, &request, &body.0.refresh_token).await
}

async fn go_on(app: &App, call: RequestId, request: &HttpRequest, presented: &str) -> Outcome<HttpResponse> {
    Ok(token(app.accounts.refresh(call, presented, client(request)).await?))
}
