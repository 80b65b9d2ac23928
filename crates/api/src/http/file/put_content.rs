use actix_web::http::StatusCode;
use actix_web::http::header::{CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, HeaderMap, IF_NONE_MATCH};
use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, File, Time};
use clouddrive_domain::Error;
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::ContentMetadata;

use crate::http::body::{self, bridge};
use crate::http::extract::{CurrentUser, IfMatch, PathId};
use crate::http::keyed::{self, Keyed, Passing};
use crate::http::problem::{Outcome, Problem};
use crate::http::{App, map, parse, reply};

/// Gives a file another content, whatever it is called by then: for those who may edit it. The former content stays as a
/// version. Without a `Content-Type`, or with `application/octet-stream` or `application/x-www-form-urlencoded`, which say
/// nothing of the bytes, the file keeps its media type.
#[utoipa::path(put, path = "/file/{file_id}/content", operation_id = "put_content", tag = "files",
    params(("file_id" = Uuid, Path),
        ("Content-Type" = Option<String>, Header, description = "The media type that the file is to have"),
        ("X-Client-Modified-At" = Option<Time>, Header, description = "When the client's own copy was last modified (RFC 3339)"),
        ("If-Match" = Option<String>, Header, description = "ETags one of which the file must have, before and after the bytes \
            come: of its bytes (`content_etag`), as a GET of them has just given it, or of the file itself (`etag`)")),
    request_body(content = Vec<u8>, content_type = "application/octet-stream"),
    responses((status = 200, description = "The file", body = File,
        headers(("ETag" = String, description = "The tag of the bytes; that of the file itself is in the body")))))]
pub(crate) async fn put_content(
    mut user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    request: HttpRequest,
    mut payload: web::Payload,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let headers = request.headers();
    if headers.contains_key(CONTENT_RANGE) {
        return Err(Problem::malformed("a content is replaced as a whole: send all of it, without Content-Range"));
    }
    let header = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let metadata = ContentMetadata {
        media_type: parse::media_type_of_body(header(CONTENT_TYPE))?,
        client_modified_at: parse::client_modified_at(headers)?,
    };
    let announced = header(CONTENT_LENGTH).and_then(|text| text.parse().ok());
    let keyed = Keyed::begin(&app, &request, &user.actor).await?;
    let passing = Passing::new(keyed.is_keyed());
    if let Keyed::Done(done) = keyed {
        body::read_past(passing.watch(&mut payload), body::failed).await?;
        return keyed::repeat(&app, &user.actor, done, &passing.said()).await;
    }
    user.actor.receipt = keyed.receipt().cloned();
    let work = async {
        let leave = app.versions.admit(&user.actor, id.0, &wanted.0, announced).await?;
        refuse_existing(headers)?;
        let (sender, bytes) = bridge();
        let (versions, actor) = (app.versions.clone(), user.actor.clone());
        // A task of its own: when the client goes away this handler ends on the spot, and the task clears up.
        let storing = body::apart(async move { versions.receive(&actor, leave, metadata, bytes).await });
        if sender.feed(&mut passing.watch(&mut payload), body::failed).await {
            if let Some(receipt) = &user.actor.receipt {
                receipt.settle(app.digests.of(&passing.said()));
            }
            sender.finish().await;
        }
        let stored = storing.await.map_err(|fault| Error::internal("upload", fault))?;
        let file = map::file(stored?)?;
        Ok(reply::tagged(StatusCode::OK, &file.content_etag, &file))
    };
    keyed.run(&app, work).await
}

/// Refuses what is to be done only if there is no file: there is one.
fn refuse_existing(headers: &HeaderMap) -> Outcome<()> {
    let mut values = headers.get_all(IF_NONE_MATCH).filter_map(|value| value.to_str().ok());
    match values.any(|value| value.trim() == "*") {
        true => Err(Problem::new(Code::PreconditionFailed, "If-None-Match: * holds only where there is no file")),
        false => Ok(()),
    }
}
