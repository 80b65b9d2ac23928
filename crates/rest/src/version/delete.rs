use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, paths};
use clouddrive_domain::service::VersionService;
use clouddrive_http::extract::{CurrentUser, IfMatch, VersionPath};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    delete,
    DELETE,
    paths::VERSION,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::DELETE, &[Code::VersionInUse]]
);

/// Deletes a former version of a file permanently. Owner only. The current version cannot be deleted.
#[utoipa::path(delete, path = paths::VERSION, operation_id = "delete_version", tag = "versions",
    params(("file_id" = Uuid, Path), ("version_id" = Uuid, Path), IfMatchParam),
    responses((status = 204, description = "It is gone")))]
async fn delete(
    user: CurrentUser,
    path: VersionPath,
    wanted: IfMatch,
    versions: web::Data<VersionService>,
) -> Result<HttpResponse, Problem> {
    versions.delete(&user.actor, path.0, path.1, &wanted.0).await?;
    Ok(reply::no_content())
}
