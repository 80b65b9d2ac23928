use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{File, Folder};

/// A person. One who is gone has no name any more.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Person {
    /// Who it is, or was.
    pub id: Uuid,
    /// The user name; null when the account is deleted.
    #[cfg_attr(feature = "openapi", schema(required, example = "ann"))]
    pub username: Option<String>,
}

/// What the caller may do with an item.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything.
    Owner,
    /// Also upload into, create folders, replace, rename and move.
    Edit,
    /// See, list and download.
    View,
}

/// What a share gives.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum Permission {
    /// See, list and download.
    View,
    /// Also upload into, create folders, replace, rename and move.
    Edit,
}

/// File or folder.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ItemKind {
    /// A file.
    File,
    /// A folder.
    Folder,
}

/// A file or folder, in short.
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

/// A file or a folder; `kind` tells which.
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
}
