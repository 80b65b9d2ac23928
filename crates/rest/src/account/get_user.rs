use actix_web::{HttpResponse, web};
use clouddrive_contract::{User, paths};
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get_user, GET, paths::USER, Access::CALLER, Idempotency::ByMethod, &[errors::ITEM]);

/// Returns the caller's own account.
#[utoipa::path(get, path = paths::USER, operation_id = "get_user", tag = "account",
    responses((status = 200, description = "The account", body = User)))]
async fn get_user(user: CurrentUser, accounts: web::Data<AccountService>) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&map::user(accounts.find(&user.actor).await?)?))
}
