use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_domain::caller::{Caller, now_for};
use clouddrive_domain::model::Actor;
use clouddrive_domain::service::{Ambient, Archives};
use clouddrive_http::extract::{CurrentRequest, Query};
use clouddrive_http::problem::Outcome;
use serde::Deserialize;

use crate::annotations::{RangeParams, ZipResponses};
use crate::archive::ArchiveUrls;
use crate::zip;

/// The query of signed archive URLs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct TicketParameter {
    ticket: String,
}

/// Downloads the ZIP of a `POST /archive` URL, whole or in a range. The download must begin within 300 seconds. For a
/// day after that it can still be resumed by a request with `Range` and the ZIP's `ETag` in `If-Range`.
#[utoipa::path(method(get, head), path = "/archive", operation_id = "get_archive", tag = "signed URLs", security(()),
    params(("ticket" = String, Query, description = "As it stands in the URL"), RangeParams),
    responses(ZipResponses))]
pub(crate) async fn get(
    current: CurrentRequest,
    parameters: Query<TicketParameter>,
    request: HttpRequest,
    archive_urls: web::Data<ArchiveUrls>,
    ambient: web::Data<Ambient>,
    archives: web::Data<Archives>,
) -> Outcome<HttpResponse> {
    let ticket = archive_urls.verify(&parameters.0.ticket)?;
    let now = ambient.now();
    // Before the archive is listed, which is expensive.
    ticket.check_age(now, || Ok(zip::may_continue(&request)))?;
    let actor = Actor { user: ticket.user, request: current.0, receipt: None };
    now_for(Caller::User(ticket.user));
    let archive = archives.open(&actor, ticket.session, &ticket.selection, ticket.names).await?;
    // Only a client whose download has begun knows the current tag.
    ticket.check_age(now, || zip::continues(&request, &archive))?;
    zip::answer(&request, archive).await
}
