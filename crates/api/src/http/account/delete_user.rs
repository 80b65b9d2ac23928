use actix_web::{HttpResponse, web};
use clouddrive_contract::DeleteUser;

use crate::http::extract::{CurrentUser, Json};
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Deletes the caller's account, for good: the account and all that it could see at once, the contents of its drive in the
/// background. Its name and its address may be taken by others from then on.
#[utoipa::path(post, path = "/user/delete", operation_id = "delete_user", tag = "account", request_body = DeleteUser,
    responses((status = 204, description = "The account is gone")))]
pub(crate) async fn delete_user(
    user: CurrentUser,
    body: Json<DeleteUser>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    app.accounts.delete(&user.actor, &body.0.password).await?;
    Ok(reply::done())
}
