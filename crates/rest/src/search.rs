use actix_web::{HttpResponse, web};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_contract::{Code, FoundItem, FoundItems, ItemKind, SearchParameters, paths};
use clouddrive_domain::model::{
    ChildPosition, Entry, NodeId, NodeKind, OrderKey, PathStep, SearchPosition, SearchText, ShareId, SharePosition,
    Timestamp, UserId, WalkPosition,
};
use clouddrive_domain::service::{SearchQuery, SearchService};
use clouddrive_http::extract::{CurrentUser, Query};
use clouddrive_http::problem::Problem;
use clouddrive_http::reply;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cursor::Cursors;
use crate::endpoint::{Access, Endpoint, Idempotency, endpoint, errors};
use crate::{map, parse};

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
enum EncodedPosition {
    /// In the caller's own drive: the Base64-encoded name key, and the node.
    #[serde(rename = "o")]
    Own(String, Uuid),
    /// In shared items: the share, the Base64-encoded folder path of the walk, and the entry in the last folder.
    #[serde(rename = "s")]
    Shared(Option<(i64, Uuid)>, String, Option<(bool, i64, Uuid)>),
}

pub(crate) const ENDPOINTS: &[Endpoint] =
    &[endpoint!(search, GET, paths::SEARCH, Access::CALLER, Idempotency::ByMethod, &[errors::LIST, errors::ITEM])];

/// Finds files and folders by name, among everything the caller owns or is shared with.
#[utoipa::path(get, path = paths::SEARCH, operation_id = "search", tag = "search", params(SearchParameters),
    responses((status = 200, description = "A page of what was found", body = FoundItems)))]
async fn search(
    user: CurrentUser,
    parameters: Query<SearchParameters>,
    search: web::Data<SearchService>,
    cursors: web::Data<Cursors>,
) -> Result<HttpResponse, Problem> {
    let query = query(&cursors, user.actor.user, &parameters.0)?;
    let list = list(user.actor.user, &query);
    let page = search.find(&user.actor, query).await?;
    let next = page.next.as_ref().map(EncodedPosition::from);
    Ok(reply::ok(&FoundItems {
        items: page.items.into_iter().map(found).collect::<Result<_, Problem>>()?,
        next_cursor: next.map(|place| cursors.seal(&list, &place)).transpose()?,
    }))
}

fn query(cursors: &Cursors, user: UserId, parameters: &SearchParameters) -> Result<SearchQuery, Problem> {
    let text = SearchText::parse(&parameters.q).map_err(|error| Problem::invalid("q", error.to_string()))?;
    let kind = parameters.kind.map(|kind| match kind {
        ItemKind::File => Ok(NodeKind::File),
        ItemKind::Folder => Ok(NodeKind::Folder),
        _ => Err(Problem::invalid("type", "must be file or folder")),
    });
    let kind = kind.transpose()?;
    let within = parameters.within.map(NodeId::from_uuid);
    let query = SearchQuery { text, kind, within, after: None, limit: parse::limit(parameters.limit)? };
    let Some(cursor) = &parameters.cursor else { return Ok(query) };
    let place: EncodedPosition = cursors.open(&list(user, &query), cursor)?;
    let after = place.into_position().ok_or_else(|| Problem::new(Code::InvalidCursor, "not a place of this list"))?;
    Ok(SearchQuery { after: Some(after), ..query })
}

/// The name of the result list, for its cursors.
fn list(user: UserId, query: &SearchQuery) -> String {
    let within = query.within.map_or_else(|| "everywhere".to_owned(), |folder| folder.to_string());
    format!("search {user} {:?} {within} {}", query.kind, query.text.folded())
}

impl From<&SearchPosition> for EncodedPosition {
    fn from(position: &SearchPosition) -> Self {
        match position {
            SearchPosition::Own { key, id } => Self::Own(URL_SAFE_NO_PAD.encode(key.as_bytes()), id.as_uuid()),
            SearchPosition::Shared(walk) => {
                let path: Vec<u8> = walk.path.iter().flat_map(|folder| folder.as_uuid().into_bytes()).collect();
                Self::Shared(
                    walk.share.map(|share| (share.at.as_millis(), share.id.as_uuid())),
                    URL_SAFE_NO_PAD.encode(path),
                    walk.child.map(|child| (child.is_folder, child.at.as_millis(), child.id.as_uuid())),
                )
            }
        }
    }
}

impl EncodedPosition {
    fn into_position(self) -> Option<SearchPosition> {
        Some(match self {
            Self::Own(key, id) => SearchPosition::Own {
                key: OrderKey::from_bytes(URL_SAFE_NO_PAD.decode(key).ok()?),
                id: NodeId::from_uuid(id),
            },
            Self::Shared(share, path, child) => {
                let path = URL_SAFE_NO_PAD.decode(path).ok()?;
                let folder = |bytes: &[u8]| Uuid::from_slice(bytes).ok().map(NodeId::from_uuid);
                SearchPosition::Shared(WalkPosition {
                    share: share
                        .map(|(at, id)| SharePosition { at: Timestamp::from_millis(at), id: ShareId::from_uuid(id) }),
                    path: path.chunks(16).map(folder).collect::<Option<_>>()?,
                    child: child.map(|(is_folder, at, id)| ChildPosition {
                        is_folder,
                        at: Timestamp::from_millis(at),
                        id: NodeId::from_uuid(id),
                    }),
                })
            }
        })
    }
}

fn found((item, path): (Entry, Vec<PathStep>)) -> Result<FoundItem, Problem> {
    Ok(FoundItem { item: map::item(item)?, path: map::path(path) })
}
