use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, DeleteUser, paths};
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    delete_user,
    POST,
    paths::USER_DELETE,
    Access::CALLER,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::THROTTLED, errors::ITEM, &[Code::WrongPassword]]
);

/// Deletes the caller's account permanently. The account and its access end immediately; the contents of its drive are
/// deleted in the background. Its user name and e-mail address become available to others.
#[utoipa::path(post, path = paths::USER_DELETE, operation_id = "delete_user", tag = "account",
    request_body = DeleteUser,
    responses((status = 204, description = "The account is gone")))]
async fn delete_user(
    user: CurrentUser,
    body: Json<DeleteUser>,
    accounts: web::Data<AccountService>,
) -> Result<HttpResponse, Problem> {
    accounts.delete(&user.actor, &body.0.password).await?;
    Ok(reply::no_content())
}
