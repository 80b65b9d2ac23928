use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::folder::non_empty;
use crate::{Item, ItemKind, PathStep};

/// What to search for.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct SearchParameters {
    /// What the name holds, without regard to case, accents, width and compatibility forms. 1–255 bytes. No character stands
    /// for others.
    #[cfg_attr(feature = "openapi", param(example = "holiday", min_length = 1, max_length = 255))]
    pub q: String,
    /// Files only, or folders only.
    #[serde(default, rename = "type", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub kind: Option<ItemKind>,
    /// The folder below which to search; everywhere when absent.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub within: Option<Uuid>,
    /// How many items at the most: 1–1000, 100 unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000, default = 100))]
    pub limit: Option<u64>,
    /// `next_cursor` of the page before, of the same search.
    #[serde(default, deserialize_with = "non_empty", skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// What was found, and where.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundItem {
    /// The file or folder.
    pub item: Item,
    /// From the topmost folder that the caller may see down to the item itself.
    pub path: Vec<PathStep>,
}

/// `GET /search`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundItems {
    /// First those in the own drive, by name, then what is shared. There may be few of them, even none, and more on the next
    /// page.
    pub items: Vec<FoundItem>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
