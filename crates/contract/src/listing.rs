use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::optional::non_empty;
use crate::{Folder, Item, User};

/// The sort key of a list.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// The case-folded name, then the name.
    #[default]
    Name,
    /// The creation time.
    CreatedAt,
    /// When its name, parent or content last changed. Aliases: `date`, `last_interaction`.
    #[serde(alias = "date", alias = "last_interaction")]
    ModifiedAt,
    /// The size; 0 for folders.
    Size,
}

/// The sort direction; case-insensitive.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum SortOrder {
    /// Ascending.
    #[default]
    Asc,
    /// Descending.
    Desc,
}

impl<'de> Deserialize<'de> for SortOrder {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "asc" => Ok(Self::Asc),
            "desc" => Ok(Self::Desc),
            _ => Err(serde::de::Error::unknown_variant(&text, &["asc", "desc"])),
        }
    }
}

/// How to sort and page a folder listing.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// The sort key. `date` and `last_interaction` are aliases of `modified_at`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub sort_by: SortBy,
    /// `asc` or `desc`, case-insensitive.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub order: SortOrder,
    /// Whether folders precede files, in either direction.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(required = false, default = false))]
    pub folders_first: bool,
    /// The page size: 1–1000, default 100.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000, default = 100))]
    pub limit: Option<u64>,
    /// `next_cursor` of the previous page, in the same order.
    #[serde(default, deserialize_with = "non_empty")]
    pub cursor: Option<String>,
}

/// A folder on the path to an item.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PathStep {
    /// The identifier.
    pub id: Uuid,
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "Photos"))]
    pub name: String,
}

/// `GET /drive`: the root of the caller's own drive.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct RootListing {
    /// The caller.
    pub user: User,
    /// Always null: the root is not a folder of its own.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub folder: Option<Folder>,
    /// Always empty.
    pub path: Vec<PathStep>,
    /// Files and folders in one list.
    pub items: Vec<Item>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /drive/{folder_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FolderListing {
    /// The folder.
    pub folder: Folder,
    /// The path from the topmost folder visible to the caller down to the folder itself.
    pub path: Vec<PathStep>,
    /// Files and folders in one list.
    pub items: Vec<Item>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
