use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::Time;

/// Which names the files and folders of a ZIP have.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum ArchiveNames {
    /// Names that Windows cannot have are changed (`a:b` to `a_b`, `CON` to `CON_`, `dot.` to `dot_`), and of names that differ
    /// by their case alone all but one get a number.
    Portable,
}

/// How to pack a ZIP.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct ArchiveParameters {
    /// `portable` for names that every system can have; those of the drive unless told.
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
    /// The files and folders to pack, wherever they lie: 1 to 200.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, min_items = 1, max_items = 200))]
    pub item_ids: Option<Vec<Uuid>>,
    /// `true` for the caller's whole drive.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub root: Option<bool>,
    /// `portable` for names that every system can have; those of the drive unless told.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false))]
    pub names: Option<ArchiveNames>,
}

/// Where a ZIP is to be fetched.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedArchive {
    /// The URL. It asks for no token, so a browser can go there; a secret as long as it is good.
    #[cfg_attr(feature = "openapi", schema(example = "https://drive.example/archive?ticket=AQEZq…"))]
    pub url: String,
    /// Until when the download must begin. It may take as long as it takes, and be gone on with by `Range` and `If-Range`.
    pub expires_at: Time,
}
