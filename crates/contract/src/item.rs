use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::words::words;
use crate::{File, FileConflict, Folder};

/// A user, possibly deleted.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// The user ID.
    pub id: Uuid,
    /// The user name; null if the account is deleted.
    #[cfg_attr(feature = "openapi", schema(required, example = "ann"))]
    pub username: Option<String>,
}

words! {
    /// The caller's role on an item.
    Role {
        /// Everything.
        Owner = "owner",
        /// View, and also upload into, create folders, replace, rename and move.
        Edit = "edit",
        /// View, list and download.
        View = "view",
    }
}

words! {
    /// The permission granted by a share.
    Permission {
        /// View, list and download.
        View = "view",
        /// View, and also upload into, create folders, replace, rename and move.
        Edit = "edit",
    }
}

words! {
    /// File or folder.
    ItemKind {
        /// A file.
        File = "file",
        /// A folder.
        Folder = "folder",
    }
}

/// A short reference to a file or folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ItemRef {
    /// File or folder.
    pub kind: ItemKind,
    /// The identifier.
    pub id: Uuid,
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "Photos"))]
    pub name: String,
}

/// A file or a folder; see `kind`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(discriminator(
        property_name = "kind",
        mapping(("folder" = "#/components/schemas/Folder"), ("file" = "#/components/schemas/FileItem"))
    ))
)]
#[serde(untagged)]
pub enum Item {
    /// A folder.
    Folder(Folder),
    /// A file.
    File(File),
    /// An item of a kind that this version of the crate does not know. It cannot be serialized.
    #[serde(skip_serializing)]
    Unknown(UnknownItem),
}

impl Item {
    /// The strong entity tag of the item's revision, for `If-Match`.
    #[must_use]
    pub fn etag(&self) -> &str {
        match self {
            Self::Folder(folder) => &folder.etag,
            Self::File(file) => &file.etag,
            Self::Unknown(item) => &item.etag,
        }
    }
}

/// What all items have.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[non_exhaustive]
pub struct UnknownItem {
    /// The kind on the wire.
    pub kind: String,
    /// The identifier.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// The revision, for `If-Match`.
    pub etag: String,
}

/// What to do if the new name of a renamed or moved item is taken; case-insensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum MoveConflict {
    /// Refuse with 409 `name_taken`.
    #[serde(rename = "fail")]
    Fail,
    /// Move the item of that name to the trash, if it is of the same kind: a file replaces a file, a folder a folder.
    Replace,
    /// Keep both: the renamed or moved item becomes `name (1)`, `name (2)`, …
    Keep,
}

impl From<FileConflict> for MoveConflict {
    fn from(conflict: FileConflict) -> Self {
        match conflict {
            FileConflict::Fail => Self::Fail,
            FileConflict::Replace => Self::Replace,
            FileConflict::Keep => Self::Keep,
        }
    }
}

/// By the same words as [`FileConflict`].
impl<'de> Deserialize<'de> for MoveConflict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        FileConflict::deserialize(deserializer).map(Into::into)
    }
}
