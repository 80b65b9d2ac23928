use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::words::{Words, words};
use crate::{File, Folder};

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
    /// The kind on the wire, neither `file` nor `folder`.
    #[serde(deserialize_with = "unknown_kind")]
    pub kind: String,
    /// The identifier.
    pub id: Uuid,
    /// The name.
    pub name: String,
    /// The revision, for `If-Match`.
    pub etag: String,
}

/// A malformed file or folder is an error, not an unknown item.
fn unknown_kind<'de, D: Deserializer<'de>>(deserializer: D) -> Result<String, D::Error> {
    let kind = String::deserialize(deserializer)?;
    match ItemKind::known(&kind) {
        Some(_) => Err(serde::de::Error::custom("a file or folder lacks fields, or has others")),
        None => Ok(kind),
    }
}
