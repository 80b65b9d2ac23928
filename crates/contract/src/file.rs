use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::optional::present;
use crate::{FileConflict, MoveConflict, Person, Role, Time};

/// `file`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = FileKind))]
#[serde(rename_all = "lowercase")]
pub enum FileTag {
    /// A file.
    File,
}

/// A file as the caller sees it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
// Named `FileItem`, since browsers and client generators use `File` for bytes.
#[cfg_attr(feature = "openapi", schema(as = FileItem))]
pub struct File {
    /// `file`.
    pub kind: FileTag,
    /// The identifier; a replace keeps it.
    pub id: Uuid,
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg"))]
    pub name: String,
    /// The parent folder; null for the root, or if the caller may not see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub parent_folder_id: Option<Uuid>,
    /// The owner of the drive.
    pub owner: Person,
    /// The user who created it.
    pub created_by: Person,
    /// When it was created.
    pub created_at: Time,
    /// When its name, parent or content last changed.
    pub modified_at: Time,
    /// Its revision, for `If-Match`: covers name, parent and content.
    #[cfg_attr(feature = "openapi", schema(example = "\"1\""))]
    pub etag: String,
    /// The caller's role on it.
    pub permission: Role,
    /// The size in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size_in_bytes: u64,
    /// The media type given by the uploader, else that of the name's extension.
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg"))]
    pub content_type: String,
    /// 64 hexadecimal digits; null until the digest is verified.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    )]
    pub sha256: Option<String>,
    /// The current version.
    pub version_id: Uuid,
    /// The strong entity tag of the content: the `ETag` of its download URLs, also accepted as `If-Match` by `PUT
    /// /file/{file_id}/content`.
    #[cfg_attr(feature = "openapi", schema(example = "\"019ab0c2-7a00-7000-8000-000000000000\""))]
    pub content_etag: String,
    /// The modification time of the uploader's own copy, as announced.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_modified_at: Option<Time>,
}

/// The intended use of a content URL.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UrlUse {
    /// Download it now.
    #[default]
    Download,
    /// Play or view it in ranges: the URL lives for hours. If the server stores the bytes itself, each request checks
    /// again that the caller may see the file and that the session which requested the URL is still active.
    Stream,
}

/// The query of `GET /file/{file_id}`.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::IntoParams))]
#[cfg_attr(feature = "openapi", into_params(parameter_in = Query))]
#[serde(deny_unknown_fields)]
pub struct GetFile {
    /// The intended use of the content URL; default `download`.
    #[serde(default, rename = "use")]
    #[cfg_attr(feature = "openapi", param(inline, required = false))]
    pub url_use: Option<UrlUse>,
}

/// A short-lived download URL that needs no token.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Download {
    /// The URL. Anyone who has it can download the content until it expires.
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
    /// The download URL of its content.
    pub download: Download,
}

/// `PATCH /file/{file_id}`: at least one field besides `file_conflict`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct PatchFile {
    /// The new name. `new_name` is an alias.
    #[serde(default, alias = "new_name", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "sunset.jpg", min_length = 1, max_length = 255))]
    pub file_name: Option<String>,
    /// The folder to move it to; null means the root of its own drive.
    #[serde(default, deserialize_with = "present", skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(value_type = Option<Uuid>))]
    pub parent_folder_id: Option<Option<Uuid>>,
    /// What to do if the name is taken; default `fail`. `Replace` moves the file of that name to the trash; a folder of
    /// that name stays, and the request is refused.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub file_conflict: Option<MoveConflict>,
    /// The new media type.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg", max_length = 255))]
    pub content_type: Option<String>,
    /// The modification time of the client's own copy.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub client_modified_at: Option<Time>,
}

/// `POST /file/{file_id}/copy`. The body may be empty.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CopyFile {
    /// The destination folder; absent or null means the root of the caller's own drive.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
    /// The name of the copy; defaults to that of the file.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg", min_length = 1, max_length = 255))]
    pub file_name: Option<String>,
    /// What to do if the name is taken; default `fail`.
    #[serde(default)]
    pub file_conflict: Option<FileConflict>,
}
