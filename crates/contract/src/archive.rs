use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// The naming scheme of the entries of a ZIP.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ArchiveNames {
    /// Names that are invalid on Windows are changed (`a:b` to `a_b`, `CON` to `CON_`, `dot.` to `dot_`), and names
    /// that differ only by case are numbered, all but one.
    Portable,
}

/// How to build a ZIP.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ArchiveParameters {
    /// `portable` for names valid on every system; defaults to the names in the drive.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", param(inline))]
    pub names: Option<ArchiveNames>,
}

/// `POST /archive`: either `item_ids` or `root`.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"item_ids": ["019ab0c2-7a00-7000-8000-000000000000"]})))]
#[serde(deny_unknown_fields)]
pub struct CreateArchive {
    /// The files and folders to pack, from any location: 1 to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_items = 1, max_items = 200))]
    pub item_ids: Option<Vec<Uuid>>,
    /// `true` for the caller's whole drive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub root: Option<bool>,
    /// `portable` for names valid on every system; defaults to the names in the drive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub names: Option<ArchiveNames>,
}

/// The download URL of a ZIP.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedArchive {
    /// The URL. It needs no token, so a browser can navigate to it; keep it secret while it is valid.
    #[cfg_attr(feature = "openapi", schema(example = "https://drive.example/archive?ticket=AQEZq…"))]
    pub url: String,
    /// When the download must have begun. It may take any time, and can be resumed with `Range` and `If-Range`.
    pub expires_at: Time,
}
