use actix_web::{HttpResponse, web};
use clouddrive_contract::{CreateLink, Link};
use clouddrive_domain::service::LinkWish;

use crate::http::extract::{CurrentUser, Json};
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Creates a public link to a file or folder. Anyone who has its URL may view and download the item, and nothing else.
#[utoipa::path(post, path = "/link", operation_id = "create_link", tag = "links", request_body = CreateLink,
    responses((status = 201, description = "The link", body = Link, headers(("Location" = String)))))]
pub(crate) async fn create(user: CurrentUser, body: Json<CreateLink>, app: web::Data<App>) -> Outcome<HttpResponse> {
    let body = body.0;
    let item = parse::one_item(body.share_object_type, body.file_id, body.folder_id)?;
    let wish = LinkWish {
        password: body.password.as_deref().map(parse::link_password).transpose()?,
        expires_at: body.expires_at.map(parse::timestamp),
        max_downloads: body.max_downloads,
    };
    let link = map::link(app.links.create(&user.actor, item, wish).await?)?;
    Ok(created(&link))
}

/// The response for a created link.
pub(crate) fn created(link: &Link) -> HttpResponse {
    reply::secret(reply::created(format!("/link/{}", link.id), link))
}
