use actix_web::{HttpResponse, web};
use clouddrive_contract::{Link, PatchLink, paths};
use clouddrive_domain::model::LinkId;
use clouddrive_domain::service::{LinkEdit, LinkService};
use clouddrive_http::extract::{CurrentUser, Json, PathId};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint = endpoint!(
    update,
    PATCH,
    paths::LINK,
    Access::OWNER,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON, errors::ITEM]
);

/// Changes the expiry, password or download limit of a public link, immediately. Its URL stays.
#[utoipa::path(patch, path = paths::LINK, operation_id = "patch_link", tag = "links",
    params(("link_id" = Uuid, Path)), request_body = PatchLink,
    responses((status = 200, description = "The link", body = Link)))]
async fn update(
    user: CurrentUser,
    id: PathId<LinkId>,
    body: Json<PatchLink>,
    links: web::Data<LinkService>,
) -> Result<HttpResponse, Problem> {
    let body = body.0;
    if body.expires_at.is_none() && body.password.is_none() && body.max_downloads.is_none() {
        return Err(Problem::invalid("body", "give expires_at, password, max_downloads, or several of them"));
    }
    let password = |text: Option<String>| text.as_deref().map(parse::link_password).transpose();
    let edit = LinkEdit {
        password: body.password.map(password).transpose()?,
        expires_at: body.expires_at.map(|end| end.map(parse::timestamp)),
        max_downloads: body.max_downloads,
    };
    Ok(reply::no_store(reply::ok(&map::link(links.change(&user.actor, id.0, edit).await?)?)))
}
