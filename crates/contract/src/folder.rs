use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::optional::present;
use crate::{FolderConflict, MoveConflict, Person, Role, Time};

/// The word `folder`, which tells folders from other items.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FolderKind))]
#[serde(rename_all = "lowercase")]
pub enum FolderTag {
    /// A folder.
    Folder,
}

/// A folder as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Folder {
    /// `folder`.
    pub kind: FolderTag,
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
