use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, File};
use clouddrive_domain::Error;
use clouddrive_domain::model::{MediaType, Node, NodeId};

use crate::http::body::{self, bridge};
use crate::http::extract::{CurrentUser, IfMatch, PathId};
use crate::http::problem::{Outcome, Problem};
use crate::http::{App, map, parse, reply};

/// Replaces a file's content. The former content stays as a version; the media type is that of the body. Send the bytes
/// themselves: a body that says `application/json` is 415 unless the file is JSON by its name or its type, since client
/// libraries give that type to whatever they have serialized, bytes turned into text included.
#[utoipa::path(put, path = "/file/{file_id}/content", operation_id = "put_content", tag = "files",
    params(("file_id" = Uuid, Path),
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
    refuse_serialized(&media_type, leave.file())?;
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

/// Client libraries call whatever they have serialized JSON, also bytes that are text after that. A file that is no JSON
/// would be damaged, and nothing would say so.
fn refuse_serialized(media_type: &MediaType, file: &Node) -> Outcome<()> {
    let essence = |media_type: &MediaType| {
        let essence = media_type.as_str().split(';').next().unwrap_or("");
        essence.trim().to_ascii_lowercase()
    };
    let is_json = |text: &str| text == "application/json" || text.ends_with("+json") || text.ends_with(".json");
    let by_name = is_json(&file.name.as_str().to_ascii_lowercase());
    let by_type = file.content().is_some_and(|content| is_json(&essence(&content.media_type)));
    if essence(media_type) != "application/json" || by_name || by_type {
        return Ok(());
    }
    let detail = "the file is no JSON: send its bytes as they are, as application/octet-stream or with their own type";
    Err(Problem::new(Code::UnsupportedMediaType, detail))
}
