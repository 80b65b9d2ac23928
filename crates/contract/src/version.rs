use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::{Download, Person, Time};

/// One content that a file has or had.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Version {
    /// The identifier.
    pub version_id: Uuid,
    /// The size in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size_in_bytes: u64,
    /// The media type, as the uploader said.
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg"))]
    pub content_type: String,
    /// 64 hexadecimal digits; null until the digest has been verified.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    )]
    pub sha256: Option<String>,
    /// The strong entity tag of the bytes: the `ETag` of whatever URL hands them out, and good for `If-Match` of
    /// `PUT /file/{file_id}/content`.
    #[cfg_attr(feature = "openapi", schema(example = "\"019ab0c2-7a00-7000-8000-000000000000\""))]
    pub content_etag: String,
    /// When it was brought.
    pub created_at: Time,
    /// Who brought it.
    pub created_by: Person,
    /// Whether it is what the file holds now.
    pub current: bool,
}

/// `GET /file/{file_id}/version`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Versions {
    /// Newest first.
    pub items: Vec<Version>,
    /// For the next page; null on the last.
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
    /// Where its bytes can be fetched.
    pub download: Download,
}
