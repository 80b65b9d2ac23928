use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Download, Person, Time};

/// A current or former content of a file.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// The identifier.
    pub version_id: Uuid,
    /// The size in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size_in_bytes: u64,
    /// The media type given by the uploader.
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg"))]
    pub content_type: String,
    /// 64 hexadecimal digits; null until the digest is verified.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    )]
    pub sha256: Option<String>,
    /// The strong entity tag of the content: the `ETag` of its download URLs, also accepted as `If-Match` by `PUT
    /// /file/{file_id}/content`.
    #[cfg_attr(feature = "openapi", schema(example = "\"019ab0c2-7a00-7000-8000-000000000000\""))]
    pub content_etag: String,
    /// When it was uploaded.
    pub created_at: Time,
    /// The user who uploaded it.
    pub created_by: Person,
    /// Whether it is the file's current version.
    pub current: bool,
}

/// `GET /file/{file_id}/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Versions {
    /// Newest first.
    pub items: Vec<Version>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// `GET /file/{file_id}/version/{version_id}`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct VersionWithDownload {
    /// The version.
    #[serde(flatten)]
    pub version: Version,
    /// The download URL of its content.
    pub download: Download,
}
