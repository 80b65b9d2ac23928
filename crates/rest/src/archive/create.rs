use actix_web::{HttpResponse, web};
use clouddrive_contract::{CreateArchive, CreatedArchive, paths};
use clouddrive_domain::model::NodeId;
use clouddrive_domain::service::{ArchiveService, IdempotencyService, MAX_ARCHIVE_ITEMS, Selection, ServiceContext};
use clouddrive_http::extract::{CurrentUser, Json};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use super::ArchiveUrls;
use super::names;
use super::url::{BEGIN_WITHIN, Ticket};
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::map;

pub(super) const ENDPOINT: Endpoint = endpoint!(
    create,
    POST,
    paths::ARCHIVE,
    Access::Token("`view` on every item."),
    Idempotency::Keyed,
    &[errors::BODY, errors::JSON, errors::ITEM]
);

/// Creates a download URL for a ZIP of files and folders, or of the caller's whole drive. It needs no token, so a
/// browser can navigate to it. The download must begin within 300 seconds. Each use of the URL checks again that the
/// caller may see all of it; it becomes invalid when the caller's session ends. Of nested items only the outermost is
/// packed; of equal names all but one are numbered.
#[utoipa::path(post, path = paths::ARCHIVE, operation_id = "create_archive", tag = "folders",
    request_body = CreateArchive,
    responses((status = 200, description = "The URL", body = CreatedArchive)))]
async fn create(
    user: CurrentUser,
    body: Json<CreateArchive>,
    archives: web::Data<ArchiveService>,
    idempotency: web::Data<IdempotencyService>,
    context: web::Data<ServiceContext>,
    archive_urls: web::Data<ArchiveUrls>,
) -> Result<HttpResponse, Problem> {
    let selection = selection(&body.0)?;
    archives.check(&user.actor, &selection).await?;
    idempotency.mark_repeatable(user.actor.idempotency_record.as_ref()).await?;
    let ticket = Ticket {
        user: user.actor.user,
        session: user.identity.session,
        selection,
        names: names(body.0.names),
        expires_at: context.now().plus(BEGIN_WITHIN),
    };
    let url = archive_urls.sign(&ticket);
    Ok(reply::no_store(reply::ok(&CreatedArchive { url, expires_at: map::time(ticket.expires_at)? })))
}

fn selection(body: &CreateArchive) -> Result<Selection, Problem> {
    let refused = |field: &str, message: &str| Err(Problem::invalid(field, message));
    match (&body.item_ids, body.root.unwrap_or(false)) {
        (None, true) => Ok(Selection::Drive),
        (None, false) => refused("item_ids", "is missing; or ask for the whole drive with root: true"),
        (Some(_), true) => refused("root", "must not be true where there are item_ids"),
        (Some(ids), false) if ids.is_empty() || ids.len() > MAX_ARCHIVE_ITEMS => {
            refused("item_ids", "must name 1 to 200 files and folders; a folder stands for all that lies in it")
        }
        (Some(ids), false) => Ok(Selection::Items(ids.iter().copied().map(NodeId::from_uuid).collect())),
    }
}
