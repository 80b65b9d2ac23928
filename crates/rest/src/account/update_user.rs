use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, PatchUser, User, paths};
use clouddrive_domain::model::Email;
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    update_user,
    PATCH,
    paths::USER,
    Access::CALLER,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::THROTTLED, errors::ITEM, &[Code::EmailTaken]]
);

/// Changes the caller's own account.
#[utoipa::path(patch, path = paths::USER, operation_id = "patch_user", tag = "account", request_body = PatchUser,
    responses((status = 200, description = "The account", body = User)))]
async fn update_user(
    user: CurrentUser,
    body: Json<PatchUser>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    let email = body.0.email.as_deref().ok_or_else(|| Problem::invalid("body", "give email"))?;
    let email = Email::parse(email).map_err(|error| Problem::invalid("email", error.rule()))?;
    Ok(reply::ok(&map::user(accounts.change_email(&user.actor, &email).await?)?))
}
