use actix_web::{HttpResponse, web};
use clouddrive_contract::DeleteUser;
use clouddrive_domain::service::AccountService;
use clouddrive_http::detached::run_to_completion;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

/// Deletes the caller's account permanently. The account and its access end immediately; the contents of its drive are
/// deleted in the background. Its user name and e-mail address become available to others.
#[utoipa::path(post, path = "/user/delete", operation_id = "delete_user", tag = "account", request_body = DeleteUser,
    responses((status = 204, description = "The account is gone")))]
pub(crate) async fn delete_user(
    user: CurrentUser,
    body: Json<DeleteUser>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    run_to_completion(async move { accounts.delete(&user.actor, &body.0.password).await }).await?;
    Ok(reply::no_content())
}
