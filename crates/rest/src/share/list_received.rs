use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, ReceivedShare, ReceivedShares, paths};
use clouddrive_domain::model::{Entry, Share};
use clouddrive_domain::service::ShareService;
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list_received, GET, paths::SHARED_WITH_ME, Access::CALLER, Idempotency::ByMethod, &[errors::LIST]);

/// Lists everything shared with the caller, from all drives, newest first.
#[utoipa::path(get, path = paths::SHARED_WITH_ME, operation_id = "list_received_shares", tag = "sharing",
    params(PageParameters),
    responses((status = 200, description = "A page of what is shared with the caller", body = ReceivedShares)))]
async fn list_received(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    shares: web::Data<ShareService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("shared-with-me {}", user.actor.user));
    let after = list.after(&cursors, &parameters.0)?;
    let page = shares.list_received(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::ok(&ReceivedShares {
        items: page.items.into_iter().map(received).collect::<Result<_, Problem>>()?,
        next_cursor: list.next_cursor(&cursors, page.next)?,
    }))
}

fn received((share, item): (Share, Entry)) -> Result<ReceivedShare, Problem> {
    Ok(ReceivedShare { share: map::share(share)?, item: map::item(item)? })
}
