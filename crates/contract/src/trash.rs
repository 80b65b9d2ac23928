use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::folder::present;
use crate::{Item, Time};

/// Something that lies in the trash.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrashedItem {
    /// The file or folder. `parent_folder_id` is where it would go back to; null when that is the root.
    pub item: Item,
    /// When it was put there.
    pub trashed_at: Time,
    /// When it goes for good, unless it is restored.
    pub purge_at: Time,
    /// The names of the folders in which it lay, from the topmost one on.
    #[cfg_attr(feature = "openapi", schema(example = json!(["Photos", "2026"])))]
    pub path: Vec<String>,
}

/// `GET /trash`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Trash {
    /// Newest first: what was put there itself, not what lies below it. There may be fewer than `limit` and more on the next
    /// page.
    pub items: Vec<TrashedItem>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /trash/{id}/item`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct TrashedFolder {
    /// Files and folders in one list, each with the trashed folder as its parent.
    pub items: Vec<Item>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `POST /trash/{id}/restore`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"parent_folder_id": null})))]
#[serde(deny_unknown_fields)]
pub struct RestoreItem {
    /// The folder into which it goes; null for the root. When absent it goes back to where it was, or to the root when that is
    /// gone or in the trash.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Uuid>))]
    pub parent_folder_id: Option<Option<Uuid>>,
}
