use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{Item, Person, Role, Time, User};

/// `folder`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum FolderKind {
    /// A folder.
    Folder,
}

/// A folder as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Folder {
    /// `folder`.
    pub kind: FolderKind,
    /// The identifier.
    pub id: Uuid,
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "Photos"))]
    pub name: String,
    /// The folder in which it lies; null in the root, and where the caller may not see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub parent_folder_id: Option<Uuid>,
    /// Whose drive it lies in.
    pub owner: Person,
    /// Who made it.
    pub created_by: Person,
    /// When it was made.
    pub created_at: Time,
    /// When its own name or place changed last.
    pub modified_at: Time,
    /// Its revision, for `If-Match`: name and place, not its children.
    #[cfg_attr(feature = "openapi", schema(example = "\"1\""))]
    pub etag: String,
    /// What the caller may do with it.
    pub permission: Role,
}

/// `POST /drive`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateFolder {
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "Photos", min_length = 1, max_length = 255))]
    pub folder_name: String,
    /// The folder in which to make it; the root of the caller's own drive when absent or null.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
}

/// `PATCH /drive/{folder_id}`: at least one of the two.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchFolder {
    /// The new name. `new_name` is an alias.
    #[serde(default, alias = "new_name", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "Pictures", min_length = 1, max_length = 255))]
    pub folder_name: Option<String>,
    /// The folder into which to move it; null moves it to the root of its own drive.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Uuid>))]
    pub parent_folder_id: Option<Option<Uuid>>,
}

/// What to do when the name of a copied folder is taken; in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FolderConflict {
    /// Refuse with 409 `name_taken`.
    #[serde(rename = "fail")]
    Fail,
    /// Stand beside it as `name (1)`, `name (2)`, …
    Keep,
}

impl<'de> Deserialize<'de> for FolderConflict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "fail" => Ok(Self::Fail),
            "keep" => Ok(Self::Keep),
            _ => Err(serde::de::Error::unknown_variant(&text, &["fail", "Keep"])),
        }
    }
}

/// `POST /drive/{folder_id}/copy`. An empty body will do.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyFolder {
    /// The folder into which the copy goes; the root of the caller's own drive when absent or null.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
    /// The name of the copy; that of the folder unless told.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "Photos", min_length = 1, max_length = 255))]
    pub folder_name: Option<String>,
    /// What to do when the name is taken; `fail` unless told.
    #[serde(default)]
    pub folder_conflict: Option<FolderConflict>,
}

/// A text; an empty one counts as absent, as `cursor=` of the first page does.
pub(crate) fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Tells null from absent.
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

/// What a list is sorted by.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "snake_case")]
pub enum SortBy {
    /// The case-folded name, then the name.
    #[default]
    Name,
    /// When the item was made.
    CreatedAt,
    /// When its name, place or content changed last. `date` and `last_interaction` mean the same.
    #[serde(alias = "date", alias = "last_interaction")]
    ModifiedAt,
    /// The size; a folder counts as 0.
    Size,
}

/// In which direction; in any case.
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

/// How to list a folder.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ListParameters {
    /// What to sort by. `date` and `last_interaction` mean `modified_at`.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub sort_by: SortBy,
    /// `asc` or `desc`, in any case.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub order: SortOrder,
    /// Whether folders come before files, in either order.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(required = false, default = false))]
    pub folders_first: bool,
    /// How many items at the most: 1–1000, 100 unless told.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(minimum = 1, maximum = 1000, default = 100))]
    pub limit: Option<u64>,
    /// `next_cursor` of the page before, in the same order.
    #[serde(default, deserialize_with = "non_empty")]
    pub cursor: Option<String>,
}

/// A folder on the way to another.
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
    /// Always null: the root is no folder of its own.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub folder: Option<Folder>,
    /// Always empty.
    pub path: Vec<PathStep>,
    /// Files and folders in one list.
    pub items: Vec<Item>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /drive/{folder_id}`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FolderListing {
    /// The folder.
    pub folder: Folder,
    /// From the topmost folder that the caller may see down to the folder itself.
    pub path: Vec<PathStep>,
    /// Files and folders in one list.
    pub items: Vec<Item>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}
