use actix_web::{HttpResponse, web};
use clouddrive_contract::User;

use crate::http::extract::CurrentUser;
use crate::http::problem::Outcome;
use crate::http::{App, map, reply};

/// Returns the caller's own account.
#[utoipa::path(get, path = "/user", operation_id = "get_user", tag = "account",
    responses((status = 200, description = "The account", body = User)))]
pub(crate) async fn get_user(user: CurrentUser, app: web::Data<App>) -> Outcome<HttpResponse> {
    Ok(reply::ok(&map::user(app.accounts.find(&user.actor).await?)?))
}
