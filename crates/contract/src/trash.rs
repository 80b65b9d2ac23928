use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::optional::present;
use crate::{Item, Time};

/// An item in the trash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrashedItem {
    /// The file or folder. `parent_folder_id` is where a restore puts it; null for the root.
    pub item: Item,
    /// When it was moved to the trash.
    pub trashed_at: Time,
    /// When it is purged, unless restored.
    pub purge_at: Time,
    /// The names of the folders that contained it, topmost first.
    #[cfg_attr(feature = "openapi", schema(example = json!(["Photos", "2026"])))]
    pub path: Vec<String>,
}

/// `GET /trash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trash {
    /// Newest first: items that were deleted themselves, not those below them. A page may be short even if it is not
    /// the last.
    pub items: Vec<TrashedItem>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /trash/{id}/item`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrashedFolder {
    /// Files and folders in one list, each with the trashed folder as its parent.
    pub items: Vec<Item>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `POST /trash/{id}/restore`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"parent_folder_id": null})))]
#[serde(deny_unknown_fields)]
pub struct RestoreItem {
    /// The destination folder; null for the root. If absent, the item returns to where it was, or to the root if that
    /// folder is gone or in the trash.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Uuid>))]
    pub parent_folder_id: Option<Option<Uuid>>,
}
