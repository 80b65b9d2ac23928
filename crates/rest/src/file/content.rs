use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{Accounts, Files, OpenFile};
use clouddrive_http::bytes::{self, Representation};
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Outcome;
use clouddrive_http::running::{Right, while_right};

use crate::annotations::{ContentResponses, RangeParams};
use crate::blob::is_local;

/// Returns the content of a file, whole or a range, or redirects to the store if it serves the bytes itself.
#[utoipa::path(method(get, head), path = "/file/{file_id}/content", operation_id = "get_content", tag = "files",
    params(("file_id" = Uuid, Path), RangeParams),
    responses(ContentResponses))]
pub(crate) async fn content(
    user: CurrentUser,
    id: PathId<NodeId>,
    request: HttpRequest,
    accounts: web::Data<Accounts>,
    files: web::Data<Files>,
) -> Outcome<HttpResponse> {
    let answer = async |file: &OpenFile| {
        let presentation = file.presentation();
        let representation = Representation::of(file.content(), &presentation);
        let right = Right::of_user(&accounts, &files, user.actor.user, user.identity.session, id.0);
        let read = async |range| Ok(while_right(files.read(file, range).await?, right));
        if is_local(&request) {
            return bytes::answer(&request, representation, read).await;
        }
        bytes::redirect(&request, representation, read, || files.sign(file)).await
    };
    bytes::current(async || files.open(&user.actor, id.0).await, OpenFile::content, answer).await
}
