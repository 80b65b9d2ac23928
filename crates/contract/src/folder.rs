use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{Item, MoveConflict, Person, Role, Time, User};

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
    /// The parent folder; null for the root, or if the caller may not see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub parent_folder_id: Option<Uuid>,
    /// The owner of the drive.
    pub owner: Person,
    /// The user who created it.
    pub created_by: Person,
    /// When it was created.
    pub created_at: Time,
    /// When its own name or parent last changed.
    pub modified_at: Time,
    /// Its revision, for `If-Match`: covers name and parent, not its children.
    #[cfg_attr(feature = "openapi", schema(example = "\"1\""))]
    pub etag: String,
    /// The caller's role on it.
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
    /// The parent folder; absent or null means the root of the caller's own drive.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
}

/// `PATCH /drive/{folder_id}`: a name, a parent, or both.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchFolder {
    /// The new name. `new_name` is an alias.
    #[serde(default, alias = "new_name", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "Pictures", min_length = 1, max_length = 255))]
    pub folder_name: Option<String>,
    /// The folder to move it to; null means the root of its own drive.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Uuid>))]
    pub parent_folder_id: Option<Option<Uuid>>,
    /// What to do if the name is taken; default `fail`. `Replace` moves the folder of that name, with everything below
    /// it, to the trash; a file of that name stays, and the request is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder_conflict: Option<MoveConflict>,
}

/// What to do if the copied folder's name is taken; case-insensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FolderConflict {
    /// Refuse with 409 `name_taken`.
    #[serde(rename = "fail")]
    Fail,
    /// Keep both: the copy becomes `name (1)`, `name (2)`, …
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

/// `POST /drive/{folder_id}/copy`. The body may be empty.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyFolder {
    /// The destination folder; absent or null means the root of the caller's own drive.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
    /// The name of the copy; defaults to that of the folder.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "Photos", min_length = 1, max_length = 255))]
    pub folder_name: Option<String>,
    /// What to do if the name is taken; default `fail`.
    #[serde(default)]
    pub folder_conflict: Option<FolderConflict>,
}

/// Deserializes an optional text; empty counts as absent, e.g. `cursor=` for the first page.
pub(crate) fn non_empty<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<String>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.filter(|text| !text.is_empty()))
}

/// Distinguishes null (`Some(None)`) from absent (`None`, by `#[serde(default)]`).
pub(crate) fn present<'de, T: Deserialize<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Option<Option<T>>, D::Error> {
    Option::deserialize(deserializer).map(Some)
}

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
