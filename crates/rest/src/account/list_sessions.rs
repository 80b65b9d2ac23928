use actix_web::{HttpResponse, web};
use clouddrive_contract::{PageParameters, Sessions, paths};
use clouddrive_domain::service::AccountService;
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::list::List;
use crate::{map, parse};

pub(super) const ENDPOINT: Endpoint =
    endpoint!(list_sessions, GET, paths::SESSIONS, Access::CALLER, Idempotency::ByMethod, &[errors::LIST]);

/// Lists the caller's active sessions, newest first.
#[utoipa::path(get, path = paths::SESSIONS, operation_id = "list_sessions", tag = "account", params(PageParameters),
    responses((status = 200, description = "A page of the caller's sessions", body = Sessions)))]
async fn list_sessions(
    user: CurrentUser,
    parameters: Query<PageParameters>,
    accounts: web::Data<AccountService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let list = List(format!("session {}", user.actor.user));
    let after = list.after(&cursors, &parameters.0)?;
    let page = accounts.list_sessions(&user.actor, after, parse::limit(parameters.0.limit)?).await?;
    let current = user.identity.session;
    let items = page.items.into_iter().map(|session| map::session(session, current)).collect::<Result<_, _>>()?;
    let next_cursor = list.next_cursor(&cursors, page.next)?;
    Ok(reply::ok(&Sessions { items, next_cursor }))
}
