use actix_web::{HttpResponse, web};
use clouddrive_contract::{LinkAccess, LinkPassword};
use clouddrive_domain::service::Visitor;

use crate::http::extract::{Json, LinkVisitor};
use crate::http::problem::Outcome;
use crate::http::{App, map, reply};

/// Opens a public link by its password. The answer's `access` opens the link's URLs for an hour as `?access=…`, so that a
/// browser can navigate to them, save and play what they hand out. A new password ends it.
#[utoipa::path(post, path = "/s/{token}/access", operation_id = "open_link", tag = "links", security(()),
    params(("token" = String, Path, description = "As it stands in the link's URL")),
    request_body = LinkPassword,
    responses((status = 200, description = "The password is right, or the link has none", body = LinkAccess)))]
pub(crate) async fn access(
    visitor: LinkVisitor,
    body: Json<LinkPassword>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    // Nothing but the password in the body counts here: a proof does not prolong itself.
    let visitor = Visitor { password: Some(body.0.password), access: None, ..visitor.0 };
    let admission = app.visits.admit(&visitor).await?;
    let answer = LinkAccess { access: admission.access, expires_at: map::time(admission.expires_at)? };
    Ok(reply::secret(reply::ok(&answer)))
}
