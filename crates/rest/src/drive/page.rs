//! Pages of a folder listing: parameters, and cursors valid for one list in one order only.

use std::fmt::Display;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use clouddrive_contract::{Code, ListParameters, SortBy as SortByDto, SortOrder};
use clouddrive_domain::model::{NodeId, NodeKind, Order, OrderKey, Position, Sort, SortBy, SortValue, Timestamp};
use clouddrive_domain::service::ListQuery;
use clouddrive_http::problem::Problem;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::cursor::Cursors;
use crate::parse;

/// A list, identified by its viewer, folder and order.
pub(crate) struct List {
    name: String,
    sort: Sort,
}

/// A position as a cursor holds it.
#[derive(Serialize, Deserialize)]
struct EncodedPosition {
    #[serde(rename = "v")]
    value: Value,
    #[serde(rename = "f")]
    is_file: bool,
    #[serde(rename = "i")]
    id: Uuid,
}

#[derive(Serialize, Deserialize)]
enum Value {
    /// The Base64-encoded key.
    #[serde(rename = "k")]
    Name(String),
    #[serde(rename = "t")]
    Time(i64),
    #[serde(rename = "s")]
    Size(u64),
}

impl List {
    pub(crate) fn new(viewer: &impl Display, folder: Option<NodeId>, parameters: &ListParameters) -> Self {
        let by = match parameters.sort_by {
            SortByDto::Name => SortBy::Name,
            SortByDto::CreatedAt => SortBy::CreatedAt,
            SortByDto::ModifiedAt => SortBy::ModifiedAt,
            SortByDto::Size => SortBy::Size,
        };
        let order = match parameters.order {
            SortOrder::Asc => Order::Ascending,
            SortOrder::Desc => Order::Descending,
        };
        let folder = folder.map_or_else(|| "root".to_owned(), |folder| folder.to_string());
        let folders_first = parameters.folders_first;
        let first = if folders_first { " folders first" } else { "" };
        Self {
            name: format!("drive {viewer} {folder} {by:?} {order:?}{first}"),
            sort: Sort { by, order, folders_first },
        }
    }

    pub(crate) fn query(&self, cursors: &Cursors, parameters: &ListParameters) -> Result<ListQuery, Problem> {
        let after = match &parameters.cursor {
            Some(cursor) => Some(cursors.open::<EncodedPosition>(&self.name, cursor)?.into_position()?),
            None => None,
        };
        Ok(ListQuery { sort: self.sort, after, limit: parse::limit(parameters.limit)? })
    }

    pub(crate) fn next_cursor(&self, cursors: &Cursors, next: Option<&Position>) -> Result<Option<String>, Problem> {
        next.map(|position| cursors.seal(&self.name, &EncodedPosition::from(position))).transpose()
    }
}

impl From<&Position> for EncodedPosition {
    fn from(position: &Position) -> Self {
        let value = match &position.value {
            SortValue::Name(key) => Value::Name(URL_SAFE_NO_PAD.encode(key.as_bytes())),
            SortValue::Time(time) => Value::Time(time.as_millis()),
            SortValue::Size(size) => Value::Size(*size),
        };
        Self { value, is_file: position.kind == NodeKind::File, id: position.id.as_uuid() }
    }
}

impl EncodedPosition {
    fn into_position(self) -> Result<Position, Problem> {
        let value = match self.value {
            Value::Name(key) => {
                let bytes = URL_SAFE_NO_PAD.decode(key);
                let bytes = bytes.map_err(|_| Problem::new(Code::InvalidCursor, "not a place of this list"))?;
                SortValue::Name(OrderKey::from_bytes(bytes))
            }
            Value::Time(millis) => SortValue::Time(Timestamp::from_millis(millis)),
            Value::Size(size) => SortValue::Size(size),
        };
        let kind = if self.is_file { NodeKind::File } else { NodeKind::Folder };
        Ok(Position { value, kind, id: NodeId::from_uuid(self.id) })
    }
}
