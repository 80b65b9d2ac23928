use actix_web::{HttpResponse, web};
use clouddrive_domain::model::UserId;
use clouddrive_domain::service::Trash;
use clouddrive_http::extract::CurrentUser;
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;
use clouddrive_http::slots::Slots;

/// Empties the caller's trash permanently. Beyond 1,000 files and folders, the rest is deleted in the background.
#[utoipa::path(delete, path = "/trash", operation_id = "empty_trash", tag = "trash",
    responses((status = 204, description = "The trash is empty")))]
pub(crate) async fn empty(
    user: CurrentUser,
    bulk: web::Data<Slots<UserId>>,
    trash: web::Data<Trash>,
) -> Outcome<HttpResponse> {
    let _slot = bulk.enter(user.actor.user).await?;
    trash.empty(&user.actor).await?;
    Ok(reply::done())
}
