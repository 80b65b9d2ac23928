use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::optional::non_empty;
use crate::words::strict_option;
use crate::{Item, ItemKind, PathStep};

/// Search criteria.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct SearchParameters {
    /// Text contained in the name, 1–255 bytes; ignores case, accents, width and compatibility forms. There are no
    /// wildcards.
    #[cfg_attr(feature = "openapi", param(example = "holiday", min_length = 1, max_length = 255))]
    pub q: String,
    /// Files only, or folders only.
    #[serde(default, rename = "type", deserialize_with = "strict_option", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub kind: Option<ItemKind>,
    /// The folder to search below; everywhere if absent.
    #[serde(default, rename = "in", skip_serializing_if = "Option::is_none")]
    pub within: Option<Uuid>,
    /// The page size: 1–1000, default 100.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000, default = 100))]
    pub limit: Option<u64>,
    /// `next_cursor` of the previous page of the same search.
    #[serde(default, deserialize_with = "non_empty", skip_serializing_if = "Option::is_none")]
    pub cursor: Option<String>,
}

/// A found item and its path.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundItem {
    /// The file or folder.
    pub item: Item,
    /// The path from the topmost folder visible to the caller down to the item itself.
    pub path: Vec<PathStep>,
}

/// `GET /search`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FoundItems {
    /// Items of the caller's own drive first, by name, then shared items. A page may be short, even empty, even if it
    /// is not the last.
    pub items: Vec<FoundItem>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
