use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{File, Folder};

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
}
