use serde::{Deserialize, Deserializer, Serialize};

/// What to do if the new file's name is taken; case-insensitive.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FileConflict {
    /// Refuse with 409 `name_taken`.
    #[serde(rename = "fail")]
    Fail,
    /// Replace the content of the existing file; its ID and shares stay.
    Replace,
    /// Keep both: the new file becomes `name (1).ext`, `name (2).ext`, …
    Keep,
}

impl<'de> Deserialize<'de> for FileConflict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        match text.to_ascii_lowercase().as_str() {
            "fail" => Ok(Self::Fail),
            "replace" => Ok(Self::Replace),
            "keep" => Ok(Self::Keep),
            _ => Err(serde::de::Error::unknown_variant(&text, &["fail", "Replace", "Keep"])),
        }
    }
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
