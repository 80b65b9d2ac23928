use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, ReceivedShare, ReceivedShares};
use clouddrive_domain::model::{Entry, Share};

use crate::http::extract::{CurrentUser, Query};
use crate::http::list::List;
use crate::http::problem::Outcome;
use crate::http::{App, map, parse, reply};

/// Lists everything shared with the caller, from all drives, newest first.
#[utoipa::path(get, path = "/shared-with-me", operation_id = "list_received_shares", tag = "sharing",
    params(PageParameters),
    responses((status = 200, description = "A page of what is shared with the caller", body = ReceivedShares)))]
pub(crate) async fn list_received(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let list = List(format!("shared-with-me {}", user.actor.user));
    let after = list.after(&app, &parameters.0)?;
    let page = app.shares.list_received(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    Ok(reply::ok(&ReceivedShares {
        items: page.items.into_iter().map(received).collect::<Outcome<_>>()?,
        next_cursor: list.next_cursor(&app, page.next)?,
    }))
}

fn received((share, item): (Share, Entry)) -> Outcome<ReceivedShare> {
    Ok(ReceivedShare { share: map::share(share)?, item: map::item(item)? })
}
