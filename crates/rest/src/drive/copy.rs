use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, CopyFolder, Folder, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::model::UserId;
use clouddrive_domain::service;
use clouddrive_http::concurrency::ConcurrencyLimit;
use clouddrive_http::extract::{CurrentUser, IfMatch, OptionalJson, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::IfMatchParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    copy,
    POST,
    paths::FOLDER_COPY,
    Access::COPY,
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::COPY, &[Code::FolderCycle, Code::TooManyEntries]]
);

/// Copies a folder and everything below it, atomically: up to 10,000 files and folders, without storing any bytes
/// again. Shares and former versions are not copied.
#[utoipa::path(post, path = paths::FOLDER_COPY, operation_id = "copy_folder", tag = "folders",
    params(("folder_id" = Uuid, Path), IfMatchParam),
    request_body = Option<CopyFolder>,
    responses((status = 201, description = "The copy", body = Folder,
        headers(("Location" = String), ("ETag" = String)))))]
async fn copy(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: OptionalJson<CopyFolder>,
    bulk: web::Data<ConcurrencyLimit<UserId>>,
    copies: web::Data<service::CopyService>,
) -> Result<HttpResponse, Problem> {
    let CopyFolder { parent_folder_id, folder_name, folder_conflict } = body.0;
    let conflict = folder_conflict.map(parse::folder_conflict);
    let target = parse::copy_target("folder_name", folder_name.as_deref(), parent_folder_id, conflict)?;
    let _permit = bulk.acquire(user.actor.user).await?;
    let folder = map::folder(copies.copy_folder(&user.actor, id.0, target, &wanted.0).await?)?;
    Ok(reply::created_with_etag(paths::with_id(paths::FOLDER, folder.id), &folder.etag, &folder))
}
