use actix_web::{HttpResponse, web};
use clouddrive_contract::{LinkAccess, LinkPassword, paths};
use clouddrive_domain::service::{LinkBearer, PublicLinkService};
use clouddrive_http::extract::{CurrentLinkBearer, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::annotations::LinkParam;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    access,
    POST,
    paths::PUBLIC_LINK_ACCESS,
    Access::Link,
    Idempotency::ByMethod,
    &[errors::BODY, errors::JSON]
);

/// Opens a public link with its password. The returned `access` opens the link's URLs as `?access=…` for an hour, so
/// that a browser can navigate to them, download and play. Changing the password invalidates it.
#[utoipa::path(post, path = paths::PUBLIC_LINK_ACCESS, operation_id = "open_link", tag = "links",
    params(LinkParam),
    request_body = LinkPassword,
    responses((status = 200, description = "The password is right, or the link has none", body = LinkAccess)))]
async fn access(
    bearer: CurrentLinkBearer,
    body: Json<LinkPassword>,
    public_links: web::Data<PublicLinkService>,
) -> Result<HttpResponse, Problem> {
    // Only the password in the body counts: an access ticket cannot prolong itself.
    let bearer = LinkBearer { password: Some(body.0.password), access: None, ..bearer.0 };
    let admission = public_links.admit(&bearer).await?;
    let answer = LinkAccess { access: admission.access, expires_at: map::time(admission.expires_at)? };
    Ok(reply::no_store(reply::ok(&answer)))
}
