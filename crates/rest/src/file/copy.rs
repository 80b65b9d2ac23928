use actix_web::{HttpResponse, web};
use clouddrive_contract::{CopyFile, File, paths};
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
    paths::FILE_COPY,
    Access::COPY,
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::COPY]
);

/// Copies a file's current content, without storing any bytes again.
#[utoipa::path(post, path = paths::FILE_COPY, operation_id = "copy_file", tag = "files",
    params(("file_id" = Uuid, Path), IfMatchParam),
    request_body = Option<CopyFile>,
    responses((status = 201, description = "The copy, or the file that it replaced", body = File,
        headers(("Location" = String), ("ETag" = String)))))]
async fn copy(
    user: CurrentUser,
    id: PathId<NodeId>,
    wanted: IfMatch,
    body: OptionalJson<CopyFile>,
    bulk: web::Data<ConcurrencyLimit<UserId>>,
    copies: web::Data<service::CopyService>,
) -> Result<HttpResponse, Problem> {
    let CopyFile { parent_folder_id, file_name, file_conflict } = body.0;
    let conflict = file_conflict.map(parse::conflict);
    let target = parse::copy_target("file_name", file_name.as_deref(), parent_folder_id, conflict)?;
    let _permit = bulk.acquire(user.actor.user).await?;
    let file = map::file(copies.copy_file(&user.actor, id.0, target, &wanted.0).await?)?;
    Ok(reply::created_with_etag(paths::with_id(paths::FILE, file.id), &file.etag, &file))
}
