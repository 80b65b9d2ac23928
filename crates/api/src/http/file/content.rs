use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::OpenFile;

use crate::http::App;
use crate::http::bytes::{self, Representation};
use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::running::{Right, while_right};

/// Returns the content of a file, whole or a range, or redirects to the store if it serves the bytes itself.
#[utoipa::path(method(get, head), path = "/file/{file_id}/content", operation_id = "get_content", tag = "files",
    params(("file_id" = Uuid, Path)),
    responses((status = 200, description = "All bytes", content_type = "application/octet-stream", body = Vec<u8>)))]
pub(crate) async fn content(
    user: CurrentUser,
    id: PathId<NodeId>,
    request: HttpRequest,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let answer = async |file: &OpenFile| {
        let presentation = file.presentation();
        let representation = Representation::of(file.content(), &presentation);
        let right = Right::of_user(&app, user.actor.user, user.identity.session, id.0);
        let read = async |range| Ok(while_right(app.files.read(file, range).await?, right));
        if app.local.is_some() {
            return bytes::answer(&request, representation, read).await;
        }
        bytes::redirect(&request, representation, read, || app.files.sign(file)).await
    };
    bytes::current(async || app.files.open(&user.actor, id.0).await, OpenFile::content, answer).await
}
