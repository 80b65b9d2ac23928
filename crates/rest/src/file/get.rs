use actix_web::http::StatusCode;
use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, FileWithDownload, GetFile, UrlUse, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::FileService;
use clouddrive_http::extract::{CurrentUser, PathId, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint =
    endpoint!(get, GET, paths::FILE, Access::VIEWER, Idempotency::ByMethod, &[errors::ITEM, &[Code::ValidationFailed]]);

/// Returns a file with a short-lived download URL, or a longer-lived streaming URL.
#[utoipa::path(get, path = paths::FILE, operation_id = "get_file", tag = "files",
    params(("file_id" = Uuid, Path), GetFile),
    responses((status = 200, description = "The file", body = FileWithDownload, headers(("ETag" = String)))))]
async fn get(
    user: CurrentUser,
    id: PathId<NodeId>,
    parameters: Query<GetFile>,
    files: web::Data<FileService>,
) -> Result<HttpResponse, Problem> {
    let (entry, url) = match parameters.0.url_use.unwrap_or_default() {
        UrlUse::Download => files.download(&user.actor, id.0).await?,
        UrlUse::Stream => files.watch(&user.actor, id.0).await?,
    };
    let body = FileWithDownload { file: map::file(entry)?, download: map::download(url)? };
    Ok(reply::no_store(reply::with_etag(StatusCode::OK, &body.file.etag, &body)))
}
