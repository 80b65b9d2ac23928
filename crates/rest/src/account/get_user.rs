use actix_web::{HttpResponse, web};
use clouddrive_contract::User;
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::map;

/// Returns the caller's own account.
#[utoipa::path(get, path = "/user", operation_id = "get_user", tag = "account",
    responses((status = 200, description = "The account", body = User)))]
pub(crate) async fn get_user(user: CurrentUser, accounts: web::Data<AccountService>) -> Result<HttpResponse, Problem> {
    Ok(reply::ok(&map::user(accounts.find(&user.actor).await?)?))
}
