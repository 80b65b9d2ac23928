use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_TYPE, Header, IF_NONE_MATCH, IfNoneMatch};
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, File, paths};
use clouddrive_domain::Error;
use clouddrive_domain::model::{EntityTag, MediaType, Node, NodeId};
use clouddrive_domain::service::{ContentMetadata, VersionService};
use clouddrive_http::body::{self, channel};
use clouddrive_http::detached::spawn_detached;
use clouddrive_http::extract::{CurrentUser, IfMatch, PathId};
use clouddrive_http::idempotency_key::{IdempotentRequest, StreamDigest};
use clouddrive_http::problem::Problem;
use clouddrive_http::{conditions, reply};

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::stored_response::Repeats;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    put_content,
    PUT,
    paths::FILE_CONTENT,
    Access::FILE_EDITOR,
    Idempotency::KeyedStream,
    &[
        errors::BODY,
        errors::DELETE,
        &[Code::QuotaExceeded, Code::SizeMismatch, Code::UploadExpired, Code::ValidationFailed],
    ]
);

/// Replaces a file's content. The previous content is kept as a version. Without a `Content-Type`, or with
/// `application/octet-stream` or `application/x-www-form-urlencoded`, which say nothing about the bytes, the file keeps
/// its media type; otherwise it gets that of the body. Send the raw bytes: a body declared as `application/json` is 415
/// unless the file is JSON by its name or type, since client libraries use that type for anything they serialize,
/// including bytes turned into text.
#[utoipa::path(put, path = paths::FILE_CONTENT, operation_id = "put_content", tag = "files",
    params(("file_id" = Uuid, Path),
        ("X-Client-Modified-At" = Option<String>, Header,
            description = "When the client's own copy was last modified (RFC 3339)"),
        ("If-Match" = Option<String>, Header, description = "ETags one of which the file must have, before and after \
            the bytes come: of its bytes (`content_etag`), as a GET of them has just given it, or of the file itself \
            (`etag`)"),
        ("If-None-Match" = Option<String>, Header, description = "ETags none of which the file may have; `*` is any"),
        ("If-Unmodified-Since" = Option<String>, Header, description = "The time since which the content must not have \
            changed, before and after the bytes come: the `Last-Modified` of a GET. `If-Match` goes before it. Only \
            where GET answers the bytes itself: ignored where it redirects to a bucket")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The file", body = File,
        headers(("ETag" = String, description = "The tag of the bytes; that of the file itself is in the body")))))]
async fn put_content(
    mut user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    request: HttpRequest,
    mut payload: web::Payload,
    versions: web::Data<VersionService>,
    repeats: web::Data<Repeats>,
) -> Result<HttpResponse, Problem> {
    let headers = request.headers();
    let media_type = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    let metadata = ContentMetadata {
        media_type: parse::media_type_of_body(media_type)?,
        client_modified_at: parse::client_modified_at(headers)?,
    };
    let announced = body::content_length(headers);
    let keyed = IdempotentRequest::begin(&repeats.idempotency, &request, &user.actor).await?;
    let digest = StreamDigest::new(keyed.is_keyed());
    if let IdempotentRequest::Done(done) = keyed {
        body::discard(digest.update_from(&mut payload), body::to_error).await?;
        return repeats.answer(&user.actor, done, &digest.input()).await;
    }
    user.actor.idempotency_record = keyed.idempotency_record().cloned();
    let work = async {
        let wanted = wanted.0.unmodified_since(conditions::unmodified_since(&request));
        let permit = versions.admit(&user.actor, id.0, &wanted, announced).await?;
        refuse_known(&request, permit.file())?;
        refuse_serialized(&metadata.media_type, permit.file())?;
        let (sender, bytes) = channel();
        let (versions, actor) = (versions.clone(), user.actor.clone());
        // A separate task, on any thread: if this handler is dropped, the task cleans up.
        let storing = spawn_detached(async move { versions.receive(&actor, permit, metadata, bytes).await });
        if sender.feed(&mut digest.update_from(&mut payload), body::to_error).await {
            if let Some(idempotency_record) = &user.actor.idempotency_record {
                idempotency_record.set_digest(repeats.digests.digest(&digest.input()));
            }
            sender.finish().await;
        }
        let stored = storing.await.map_err(|error| Error::internal("upload", error))?;
        let file = map::file(stored?)?;
        Ok(reply::with_etag(StatusCode::OK, &file.content_etag, &file))
    };
    keyed.run(&repeats.idempotency, work).await
}

/// Evaluates `If-None-Match` against the file and its content. The file cannot get one of the tags meanwhile.
fn refuse_known(request: &HttpRequest, file: &Node) -> Result<(), Problem> {
    if !request.headers().contains_key(IF_NONE_MATCH) {
        return Ok(());
    }
    let detail = match IfNoneMatch::parse(request) {
        Ok(IfNoneMatch::Any) => "If-None-Match: * holds only where there is no file",
        Ok(IfNoneMatch::Items(tags)) if tags.iter().any(|tag| is_of(file, tag.tag())) => "the file has one of the tags",
        _ => return Ok(()),
    };
    Err(Problem::new(Code::PreconditionFailed, detail))
}

/// Whether `tag` belongs to the file or its content.
fn is_of(file: &Node, tag: &str) -> bool {
    let of_content = |tag| file.content().is_some_and(|content| content.has_tag(&tag));
    file.revision.0.to_string() == tag || EntityTag::parse(tag).is_ok_and(of_content)
}

/// Client libraries declare everything they serialize as JSON, including bytes turned into text. Such a body would
/// silently corrupt a file that is not JSON.
fn refuse_serialized(media_type: &MediaType, file: &Node) -> Result<(), Problem> {
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
