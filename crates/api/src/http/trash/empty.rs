use actix_web::{HttpResponse, web};

use crate::http::extract::CurrentUser;
use crate::http::problem::Outcome;
use crate::http::{App, reply};

/// Empties the caller's trash permanently. Beyond 1,000 files and folders, the rest is deleted in the background.
#[utoipa::path(delete, path = "/trash", operation_id = "empty_trash", tag = "trash",
    responses((status = 204, description = "The trash is empty")))]
pub(crate) async fn empty(user: CurrentUser, app: web::Data<App>) -> Outcome<HttpResponse> {
    let _slot = app.bulk.enter(user.actor.user).await?;
    app.trash.empty(&user.actor).await?;
    Ok(reply::done())
}
