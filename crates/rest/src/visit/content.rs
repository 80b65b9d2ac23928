use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{LinkedFile, Visits};
use clouddrive_http::bytes::{self, Representation};
use clouddrive_http::extract::{LinkVisitor, PathId};
use clouddrive_http::problem::Outcome;
use clouddrive_http::running::{Right, while_right};

use crate::annotations::{ContentResponses, LinkParam, LinkPasswordParams, RangeParams};
use crate::blob::is_local;

/// Returns the content of the linked file, whole or a range, or redirects to the store if it serves the bytes itself.
/// All requests of one address for the file within an hour count as one download, including ranges and repeats; HEAD
/// never counts.
#[utoipa::path(method(get, head), path = "/s/{token}/content", operation_id = "get_link_content", tag = "links",
    security(()),
    params(LinkParam, LinkPasswordParams, RangeParams),
    responses(ContentResponses))]
pub(crate) async fn content(
    visitor: LinkVisitor,
    request: HttpRequest,
    visits: web::Data<Visits>,
) -> Outcome<HttpResponse> {
    answer(&visitor, None, &request, &visits).await
}

/// Returns the content of a file below the linked folder. Otherwise like `/s/{token}/content`.
#[utoipa::path(method(get, head), path = "/s/{token}/file/{file_id}/content", operation_id = "get_linked_file_content",
    tag = "links", security(()),
    params(LinkParam, ("file_id" = Uuid, Path), LinkPasswordParams, RangeParams),
    responses(ContentResponses))]
pub(crate) async fn content_of_file(
    visitor: LinkVisitor,
    id: PathId<NodeId>,
    request: HttpRequest,
    visits: web::Data<Visits>,
) -> Outcome<HttpResponse> {
    answer(&visitor, Some(id.0), &request, &visits).await
}

async fn answer(
    visitor: &LinkVisitor,
    below: Option<NodeId>,
    request: &HttpRequest,
    visits: &web::Data<Visits>,
) -> Outcome<HttpResponse> {
    let answer = async |file: &LinkedFile| {
        let presentation = file.presentation();
        let representation = Representation::of(file.content(), &presentation);
        let right = Right::of_visitor(visits, &visitor.0, below);
        let read = async |range| Ok(while_right(visits.read(file, range).await?, right));
        // A client that follows a redirect might send the link's password along to the store.
        if is_local(request) || (file.has_password() && visitor.0.password.is_some()) {
            return bytes::answer(request, representation, read).await;
        }
        bytes::redirect(request, representation, read, || visits.sign(file)).await
    };
    bytes::current(async || visits.open(&visitor.0, below).await, LinkedFile::content, answer).await
}
