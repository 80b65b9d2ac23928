use actix_web::http::header::USER_AGENT;
use actix_web::{HttpMessage, HttpRequest, HttpResponse, web};
use clouddrive_contract::{Login, LoginForm, Token};
use clouddrive_domain::model::RequestId;
use clouddrive_domain::service::{AccountService, ClientInfo, Login as Granted};
use clouddrive_http::client::ClientAddress;
use clouddrive_http::extract::{CurrentRequestId, Form, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

/// Starts a session. Accepts OAuth2's password grant (a form), or the same as JSON.
#[utoipa::path(post, path = "/login", operation_id = "login", tag = "account", security(()),
    request_body(content((LoginForm = "application/x-www-form-urlencoded"), (Login = "application/json"))),
    responses((status = 200, description = "An access token, and what the session goes on by", body = Token)))]
pub(crate) async fn login_form(
    call: CurrentRequestId,
    body: Form<LoginForm>,
    request: HttpRequest,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    if body.0.grant_type.as_deref().is_some_and(|kind| kind != "password") {
        return Err(Problem::invalid("grant_type", "must be password"));
    }
    begin(&accounts, call.0, &request, &body.0.username, &body.0.password).await
}

pub(crate) async fn login_json(
    call: CurrentRequestId,
    body: Json<Login>,
    request: HttpRequest,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    begin(&accounts, call.0, &request, &body.0.username, &body.0.password).await
}

async fn begin(
    accounts: &AccountService,
    call: RequestId,
    request: &HttpRequest,
    username: &str,
    password: &str,
) -> Result<HttpResponse, Problem> {
    Ok(token(accounts.login(call, username, password, client(request)).await?))
}

/// The client's address and user agent.
pub(super) fn client(request: &HttpRequest) -> ClientInfo {
    let agent = request.headers().get(USER_AGENT);
    ClientInfo {
        address: request.extensions().get().and_then(|ClientAddress(address)| *address),
        user_agent: agent.and_then(|value| value.to_str().ok()).map(str::to_owned),
    }
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
