use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::model::NodeId;

use crate::http::App;
use crate::http::bytes::{self, Representation};
use crate::http::extract::{CurrentUser, PathId};
use crate::http::problem::Outcome;
use crate::http::running::{Right, while_right};

/// The bytes of a file, whole or in a range; where the store hands them out itself, the way there.
#[utoipa::path(method(get, head), path = "/file/{file_id}/content", operation_id = "get_content", tag = "files",
    params(("file_id" = Uuid, Path),
        ("Range" = Option<String>, Header, description = "One range of bytes"),
        ("If-None-Match" = Option<String>, Header, description = "ETags of bytes that the client has")),
    responses(
        (status = 200, description = "All bytes", content_type = "application/octet-stream", body = Vec<u8>,
            headers(("ETag" = String, description = "The tag of just these bytes"),
                ("Last-Modified" = String, description = "When this version was made"),
                ("X-Client-Modified-At" = String, description = "When the sender's own copy was last modified, if that was said (RFC 3339)"),
                ("Accept-Ranges" = String), ("Content-Disposition" = String))),
        (status = 206, description = "The bytes of the range", content_type = "application/octet-stream", body = Vec<u8>,
            headers(("ETag" = String), ("Content-Range" = String))),
        (status = 307, description = "The bytes are where `Location` says, for a short while: a signed URL of the blob store",
            headers(("Location" = String))),
        (status = 304, description = "The client has these bytes")))]
pub(crate) async fn content(
    user: CurrentUser,
    id: PathId<NodeId>,
    request: HttpRequest,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let file = app.files.open(&user.actor, id.0).await?;
    let presentation = file.presentation();
    let representation = Representation::of(file.content(), &presentation);
    let right = Right::of_user(&app, user.actor.user, user.identity.session, id.0);
    let read = async |range| Ok(while_right(app.files.read(&file, range).await?, right));
    if app.local.is_some() {
        return bytes::answer(&request, representation, read).await;
    }
    bytes::redirect(&request, representation, read, || app.files.sign(&file)).await
}
