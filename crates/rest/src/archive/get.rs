use actix_web::{HttpRequest, HttpResponse, web};
use clouddrive_contract::{Code, paths};
use clouddrive_domain::caller::{Caller, set_caller};
use clouddrive_domain::model::{Actor, Credential, Scope};
use clouddrive_domain::service::{ArchiveService, ServiceContext};
use clouddrive_http::extract::{CurrentOrigin, Query};
use clouddrive_http::problem::Problem;
use serde::Deserialize;

use crate::annotations::{RangeParams, ZipResponses};
use crate::archive::ArchiveUrls;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::zip;

/// The query of signed archive URLs.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TicketParameter {
    ticket: String,
}

pub(super) const ENDPOINT: Endpoint = endpoint!(
    get,
    GET,
    paths::ARCHIVE,
    Access::SignedUrl,
    Idempotency::ByMethod,
    &[errors::ITEM, errors::ARCHIVE, &[Code::InvalidToken]]
);

/// Downloads the ZIP of a `POST /archive` URL, whole or in a range. The download must begin within 300 seconds. For a
/// day after that it can still be resumed by a request with `Range` and the ZIP's `ETag` in `If-Range`.
#[utoipa::path(method(get, head), path = paths::ARCHIVE, operation_id = "get_archive", tag = "signed URLs",
    params(("ticket" = String, Query, description = "As it stands in the URL"), RangeParams),
    responses(ZipResponses))]
async fn get(
    current: CurrentOrigin,
    parameters: Query<TicketParameter>,
    request: HttpRequest,
    archive_urls: web::Data<ArchiveUrls>,
    context: web::Data<ServiceContext>,
    archives: web::Data<ArchiveService>,
) -> Result<HttpResponse, Problem> {
    let ticket = archive_urls.verify(&parameters.0.ticket)?;
    let now = context.now();
    // Before the archive is listed, which is expensive.
    ticket.check_age(now, || Ok(zip::is_resumption(&request)))?;
    let actor = Actor {
        user: ticket.user,
        credential: Credential::Session(ticket.session),
        scopes: [Scope::Read].into_iter().collect(),
        origin: current.0,
        idempotency_record: None,
    };
    set_caller(Caller::User(ticket.user));
    let archive = archives.open(&actor, &ticket.selection, ticket.names).await?;
    // Only a client whose download has begun knows the current tag.
    ticket.check_age(now, || zip::resumes(&request, &archive))?;
    zip::respond(&request, archive).await
}
