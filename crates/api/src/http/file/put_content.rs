use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::File;
use clouddrive_domain::Error;
use clouddrive_domain::model::{MediaType, NodeId};

use crate::http::body::{self, bridge};
use crate::http::extract::{CurrentUser, IfMatch, PathId};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Gives a file another content, whatever it is called by then: for those who may edit it. The former content stays as a
/// version; the media type is that of the body.
#[utoipa::path(put, path = "/file/{file_id}/content", operation_id = "put_content", tag = "files",
    params(("file_id" = Uuid, Path),
        ("Content-Type" = Option<String>, Header, description = "The media type that the file is to have"),
        ("If-Match" = Option<String>, Header, description = "ETags one of which the file must have, before and after the bytes \
            come: of its bytes (`content_etag`), as a GET of them has just given it, or of the file itself (`etag`)")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The file", body = File,
        headers(("ETag" = String, description = "The tag of the bytes; that of the file itself is in the body")))))]
pub(crate) async fn put_content(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    request: HttpRequest,
    mut payload: web::Payload,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let header = |name| request.headers().get(name).and_then(|value| value.to_str().ok());
    let media_type = header(CONTENT_TYPE).map_or_else(|| Ok(MediaType::octet_stream()), parse::media_type)?;
    let announced = header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let versions = app.versions.clone();
    let leave = versions.admit(&user.actor, id.0, &wanted.0, announced).await?;
    let (sender, bytes) = bridge();
    // A task of its own: when the client goes away this handler ends on the spot, and the task clears up.
    let storing = body::apart(async move { versions.receive(&user.actor, leave, media_type, bytes).await });
    if sender.feed(&mut payload, body::failed).await {
        sender.finish().await;
    }
    let stored = storing.await.map_err(|fault| Error::internal("upload", fault))?;
    let file = map::file(stored?)?;
    Ok(reply::tagged(StatusCode::OK, &file.content_etag, &file))
}
