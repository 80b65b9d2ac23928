use actix_web::{HttpResponse, web};
use clouddrive_contract::{ChangePassword, Code, paths};
use clouddrive_domain::model::Password;
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    change_password,
    PUT,
    paths::USER_PASSWORD,
    Access::CALLER,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::THROTTLED, errors::ITEM, &[Code::WrongPassword]]
);

/// Changes the caller's password. All sessions of the caller end, including this one: log in again.
#[utoipa::path(put, path = paths::USER_PASSWORD, operation_id = "change_password", tag = "account",
    request_body = ChangePassword,
    responses((status = 204, description = "The password is another, and no session runs any more")))]
async fn change_password(
    user: CurrentUser,
    body: Json<ChangePassword>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    let new = Password::choose(&body.0.new_password).map_err(|error| Problem::invalid("new_password", error.rule()))?;
    accounts.change_password(&user.actor, &body.0.current_password, &new).await?;
    Ok(reply::no_content())
}
