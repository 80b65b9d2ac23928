use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::paths;
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{AccountService, FileService, ReadableFile};
use clouddrive_http::access_check::{AccessCheck, while_allowed};
use clouddrive_http::content_response::{self, Representation};
use clouddrive_http::extract::{CurrentUser, PathId};
use clouddrive_http::problem::Problem;

use crate::annotations::{ContentResponses, RangeParams};
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(content, GET, paths::FILE_CONTENT, Access::VIEWER, Idempotency::ByMethod, &[errors::ITEM, errors::BYTES]);

/// Returns the content of a file, whole or a range, or redirects to the store if it serves the bytes itself.
#[utoipa::path(method(get, head), path = paths::FILE_CONTENT, operation_id = "get_content", tag = "files",
    params(("file_id" = Uuid, Path), RangeParams),
    responses(ContentResponses))]
async fn content(
    user: CurrentUser,
    id: PathId<NodeId>,
    request: HttpRequest,
    accounts: web::Data<AccountService>,
    files: web::Data<FileService>,
) -> Result<HttpResponse, Problem> {
    let answer = async |file: &ReadableFile| {
        let content_headers = file.content_headers();
        let representation = Representation::new(file.content(), &content_headers);
        let access = AccessCheck::from_user(&accounts, &files, user.actor.user, user.identity.session, id.0);
        let read = async |range| Ok(while_allowed(files.read(file, range).await?, access));
        content_response::deliver(&request, representation, read, || files.content(file)).await
    };
    content_response::with_current_content(async || files.open(&user.actor, id.0).await, ReadableFile::content, answer)
        .await
}
