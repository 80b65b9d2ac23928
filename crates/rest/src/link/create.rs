use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, CreateLink, Link, paths};
use clouddrive_domain::service::{LinkRequest, LinkService};
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    create,
    POST,
    paths::LINKS,
    Access::OWNER,
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::ITEM, &[Code::PermissionDenied]]
);

/// Creates a public link to a file or folder. Anyone who has its URL may view and download the item, and nothing else.
#[utoipa::path(post, path = paths::LINKS, operation_id = "create_link", tag = "links", request_body = CreateLink,
    responses((status = 201, description = "The link", body = Link, headers(("Location" = String)))))]
async fn create(
    user: CurrentUser,
    body: Json<CreateLink>,
    links: web::Data<LinkService>,
) -> Result<HttpResponse, Problem> {
    let body = body.0;
    let item = parse::one_item(body.share_object_type, body.file_id, body.folder_id)?;
    let spec = LinkRequest {
        password: body.password.as_deref().map(parse::link_password).transpose()?,
        expires_at: body.expires_at.map(parse::timestamp),
        max_downloads: body.max_downloads,
    };
    let link = map::link(links.create(&user.actor, item, spec).await?)?;
    Ok(created(&link))
}

/// The response for a created link.
pub(crate) fn created(link: &Link) -> HttpResponse {
    reply::no_store(reply::created(paths::with_id(paths::LINK, link.id), link))
}
