use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::folder::present;
use crate::{FileConflict, Person, Role, Time};

/// `file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum FileKind {
    /// A file.
    File,
}

/// A file as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
// `File` is what browsers and client generators call bytes.
#[cfg_attr(feature = "openapi", schema(as = FileItem))]
pub struct File {
    /// `file`.
    pub kind: FileKind,
    /// The identifier; a replace keeps it.
    pub id: Uuid,
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg"))]
    pub name: String,
    /// The folder in which it lies; null in the root, and where the caller may not see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub parent_folder_id: Option<Uuid>,
    /// Whose drive it lies in.
    pub owner: Person,
    /// Who made it.
    pub created_by: Person,
    /// When it was made.
    pub created_at: Time,
    /// When its name, place or content changed last.
    pub modified_at: Time,
    /// Its revision, for `If-Match`: name, place and content.
    #[cfg_attr(feature = "openapi", schema(example = "\"1\""))]
    pub etag: String,
    /// What the caller may do with it.
    pub permission: Role,
    /// The size in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size_in_bytes: u64,
    /// The media type, as the uploader said; else that of the name's extension.
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg"))]
    pub content_type: String,
    /// 64 hexadecimal digits; null until the digest has been verified.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    )]
    pub sha256: Option<String>,
    /// The current version.
    pub version_id: Uuid,
    /// The strong entity tag of the bytes: the `ETag` of whatever URL hands them out, and good for `If-Match` of
    /// `PUT /file/{file_id}/content`.
    #[cfg_attr(feature = "openapi", schema(example = "\"019ab0c2-7a00-7000-8000-000000000000\""))]
    pub content_etag: String,
    /// When the uploader's own copy was last modified, as the uploader said.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_modified_at: Option<Time>,
}

/// What the URL of a file's bytes is for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UrlUse {
    /// To fetch them now.
    #[default]
    Download,
    /// To play or view them piece by piece: the URL lives for hours, and where the server has the bytes itself, each request
    /// asks anew whether the caller may see the file, and whether the session still runs in which the URL was asked for.
    Stream,
}

/// The query of `GET /file/{file_id}`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct GetFile {
    /// What the URL of the bytes is for; `download` unless told.
    #[serde(default, rename = "use")]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub url_use: Option<UrlUse>,
}

/// Where bytes can be fetched for a short while, without a token.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Download {
    /// The URL. Whoever has it can fetch the bytes until it expires.
    #[cfg_attr(
        feature = "openapi",
        schema(
            example = "http://127.0.0.1:8000/blob/00112233445566778899aabbccddeeff?expires=1795327920&signature=c2ln"
        )
    )]
    pub url: String,
    /// When it expires.
    pub expires_at: Time,
}

/// `GET /file/{file_id}`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileWithDownload {
    /// The file.
    #[serde(flatten)]
    pub file: File,
    /// Where its bytes can be fetched.
    pub download: Download,
}

/// `PATCH /file/{file_id}`: at least one of these.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchFile {
    /// The new name. `new_name` is an alias.
    #[serde(default, alias = "new_name", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "sunset.jpg", min_length = 1, max_length = 255))]
    pub file_name: Option<String>,
    /// The folder into which to move it; null moves it to the root of its own drive.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Uuid>))]
    pub parent_folder_id: Option<Option<Uuid>>,
    /// The new media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg", max_length = 255))]
    pub content_type: Option<String>,
    /// When the client's own copy was last modified.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_modified_at: Option<Time>,
}

/// `POST /file/{file_id}/copy`. An empty body will do.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyFile {
    /// The folder into which the copy goes; the root of the caller's own drive when absent or null.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
    /// The name of the copy; that of the file unless told.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg", min_length = 1, max_length = 255))]
    pub file_name: Option<String>,
    /// What to do when the name is taken; `fail` unless told.
    #[serde(default)]
    pub file_conflict: Option<FileConflict>,
}
