use actix_web::{HttpResponse, web};
use clouddrive_contract::{LinkAccess, LinkPassword};
use clouddrive_domain::service::{Visitor, Visits};
use clouddrive_http::extract::{Json, LinkVisitor};
use clouddrive_http::problem::Outcome;
use clouddrive_http::reply;

use crate::annotations::LinkParam;
use crate::map;

/// Opens a public link with its password. The returned `access` opens the link's URLs as `?access=…` for an hour, so
/// that a browser can navigate to them, download and play. Changing the password invalidates it.
#[utoipa::path(post, path = "/s/{token}/access", operation_id = "open_link", tag = "links", security(()),
    params(LinkParam),
    request_body = LinkPassword,
    responses((status = 200, description = "The password is right, or the link has none", body = LinkAccess)))]
pub(crate) async fn access(
    visitor: LinkVisitor,
    body: Json<LinkPassword>,
    visits: web::Data<Visits>,
) -> Outcome<HttpResponse> {
    // Only the password in the body counts: an access ticket cannot prolong itself.
    let visitor = Visitor { password: Some(body.0.password), access: None, ..visitor.0 };
    let admission = visits.admit(&visitor).await?;
    let answer = LinkAccess { access: admission.access, expires_at: map::time(admission.expires_at)? };
    Ok(reply::secret(reply::ok(&answer)))
}
