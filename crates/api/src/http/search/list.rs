use actix_web::{HttpResponse, web};
use clouddrive_contract::{Code, FoundItem, FoundItems, ItemKind, SearchParameters};
use clouddrive_domain::model::{Entry, Name, NodeId, NodeKind, PathStep, Position, SearchText, SortValue, UserId};
use clouddrive_domain::service::SearchQuery;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::http::extract::{CurrentUser, Query};
use crate::http::problem::{Outcome, Problem};
use crate::http::{App, map, parse, reply};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct Place(String, Uuid);

/// Finds files and folders by their names, in all that the caller owns or is shared with.
#[utoipa::path(get, path = "/search", operation_id = "search", tag = "search", params(SearchParameters),
    responses((status = 200, description = "A page of what was found, by name", body = FoundItems)))]
pub(crate) async fn search(
    user: CurrentUser,
    parameters: Query<SearchParameters>,
    app: web::Data<App>,
) -> Outcome<HttpResponse> {
    let query = query(&app, user.actor.user, &parameters.0)?;
    let list = list(user.actor.user, &query);
    let page = app.search.find(&user.actor, query).await?;
    // The page may end with a name that the caller must not see: nobody can read it in the cursor.
    let next = page.next.as_ref().map(place).transpose()?;
    Ok(reply::ok(&FoundItems {
        items: page.items.into_iter().map(found).collect::<Outcome<_>>()?,
        next_cursor: next.map(|place| app.cursors.seal_hidden(&list, &place)).transpose()?,
    }))
}

fn query(app: &App, user: UserId, parameters: &SearchParameters) -> Outcome<SearchQuery> {
    let text = SearchText::parse(&parameters.q).map_err(|fault| Problem::invalid("q", fault.to_string()))?;
    let kind = parameters.kind.map(|kind| match kind {
        ItemKind::File => NodeKind::File,
        ItemKind::Folder => NodeKind::Folder,
    });
    let within = parameters.within.map(NodeId::from_uuid);
    let query = SearchQuery { text, kind, within, after: None, limit: parse::limit(parameters.limit)? };
    let Some(cursor) = &parameters.cursor else { return Ok(query) };
    let Place(name, id) = app.cursors.open_hidden(&list(user, &query), cursor)?;
    let name = Name::parse(&name).map_err(|_| Problem::new(Code::InvalidCursor, "not a place of this list"))?;
    let after = Position { value: SortValue::Name(name), id: NodeId::from_uuid(id) };
    Ok(SearchQuery { after: Some(after), ..query })
}

/// The list of all that is found.
fn list(user: UserId, query: &SearchQuery) -> String {
    let within = query.within.map_or_else(|| "everywhere".to_owned(), |folder| folder.to_string());
    format!("search {user} {:?} {within} {}", query.kind, query.text.folded())
}

fn place(position: &Position) -> clouddrive_domain::Result<Place> {
    match &position.value {
        SortValue::Name(name) => Ok(Place(name.as_str().to_owned(), position.id.as_uuid())),
        _ => Err(clouddrive_domain::Error::internal("database", "a search that is not by name")),
    }
}

fn found((item, path): (Entry, Vec<PathStep>)) -> Outcome<FoundItem> {
    Ok(FoundItem { item: map::item(item)?, path: map::path(path) })
}
