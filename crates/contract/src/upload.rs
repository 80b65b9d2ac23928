use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::words::words;
use crate::{File, FileConflict, Person, Time};

/// `POST /file` as JSON: the client then uploads the bytes directly to the blob store.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateUpload {
    /// The name of the file.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg", min_length = 1, max_length = 255))]
    pub file_name: String,
    /// The file size in bytes, at most 5 TiB; it is reserved in the quota.
    #[cfg_attr(feature = "openapi", schema(example = 1048576, maximum = 5497558138880_u64))]
    pub file_size_in_bytes: u64,
    /// The destination folder; absent or null means the root of the caller's own drive.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
    /// What to do if the name is taken; default `fail`.
    #[serde(default)]
    pub file_conflict: Option<FileConflict>,
    /// The media type. If absent or `application/octet-stream` (which says nothing), a new file gets the type of its
    /// name's extension, and a replaced file keeps its own.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg", max_length = 255))]
    pub content_type: Option<String>,
    /// The SHA-256 of the bytes, 64 hexadecimal digits: other bytes are refused. Checked only for uploads with a single
    /// part: for several parts, send it with the completion instead; until then the file's `sha256` is null.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub sha256: Option<String>,
    /// The modification time of the client's own copy.
    #[serde(default)]
    pub client_modified_at: Option<Time>,
}

/// `POST /file` as `multipart/form-data`: the part `file`, and optional fields before or after it. Empty fields count
/// as absent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileForm {
    /// The name of the file; defaults to the file name of the part.
    pub file_name: Option<String>,
    /// The file size in bytes, if known: other sizes are refused.
    pub file_size_in_bytes: Option<u64>,
    /// The destination folder; defaults to the root of the caller's own drive.
    pub parent_folder_id: Option<Uuid>,
    /// What to do if the name is taken; default `fail`.
    pub file_conflict: Option<FileConflict>,
    /// The media type; defaults to that of the part. If absent or `application/octet-stream` (which says nothing), a
    /// new file gets the type of its name's extension, and a replaced file keeps its own.
    pub content_type: Option<String>,
    /// The SHA-256 of the bytes: other bytes are refused.
    pub sha256: Option<String>,
    /// The modification time of the client's own copy.
    pub client_modified_at: Option<Time>,
    /// The bytes.
    #[cfg_attr(feature = "openapi", schema(format = Binary, content_media_type = "application/octet-stream"))]
    pub file: String,
}

words! {
    /// The state of an upload.
    UploadState {
        /// Accepting bytes.
        Open = "open",
        /// Completed: the file exists.
        Complete = "complete",
        /// Aborted.
        Aborted = "aborted",
        /// Expired.
        Expired = "expired",
    }
}

/// A part that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ReceivedPart {
    /// The number of the part, from 1.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub part_number: u32,
    /// Its size in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size: u64,
}

/// An upload and its progress.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// The identifier.
    pub upload_id: Uuid,
    /// The state.
    pub state: UploadState,
    /// The name of the future file.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg"))]
    pub file_name: String,
    /// The announced size in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub file_size_in_bytes: u64,
    /// Bytes received, in whole parts.
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub received_bytes: u64,
    /// The received parts by number, as listed by the store; at most 10,000. Missing parts may still be sent.
    #[cfg_attr(feature = "openapi", schema(max_items = 10000))]
    pub received_parts: Vec<ReceivedPart>,
    /// The resulting file; null until completed.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub file_id: Option<Uuid>,
    /// When the upload expires.
    pub expires_at: Time,
    /// The destination folder; null for the root, or if the caller may not see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub parent_folder_id: Option<Uuid>,
    /// The announced SHA-256, 64 hexadecimal digits.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    )]
    pub sha256: Option<String>,
    /// The modification time of the client's own copy, as announced.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_modified_at: Option<Time>,
    /// The user who started the upload.
    pub created_by: Person,
    /// When it was started.
    pub created_at: Time,
}

/// `GET /upload`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Uploads {
    /// Newest first.
    pub items: Vec<Upload>,
    /// The cursor of the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// A part with its upload URL.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// The number of the part, from 1.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub part_number: u32,
    /// Its exact size in bytes: any other is refused.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size: u64,
    /// The signed URL to send it to.
    #[cfg_attr(
        feature = "openapi",
        schema(
            example = "http://127.0.0.1:8000/blob/00112233445566778899aabbccddeeff?expires=1795327920&signature=c2ln"
        )
    )]
    pub url: String,
    /// Headers that the request MUST carry.
    #[cfg_attr(feature = "openapi", schema(example = json!({"If-None-Match": "*"})))]
    pub headers: BTreeMap<String, String>,
}

/// `upload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(as = UploadKind))]
#[serde(rename_all = "lowercase")]
pub enum UploadTag {
    /// An upload.
    Upload,
}

/// The response to `POST /file` as JSON.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedUpload {
    /// `upload`.
    pub kind: UploadTag,
    /// The upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// Always `PUT`.
    #[cfg_attr(feature = "openapi", schema(example = "PUT"))]
    pub method: String,
    /// The size in bytes of every part except the last.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub part_size: u64,
    /// The number of parts: one up to 64 MiB (configurable), more above; at most 10,000.
    #[cfg_attr(feature = "openapi", schema(example = 1, minimum = 1, maximum = 10000))]
    pub part_count: u32,
    /// The first parts, at most 100; `POST /upload/{id}/parts` returns the others. Send them in any order, several at
    /// once, and again after a broken connection: 412 then means that the part has already arrived.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub parts: Vec<Part>,
    /// When the URLs expire; `POST /upload/{id}/parts` returns fresh ones.
    pub urls_expire_at: Time,
}

/// The response to `POST /file`: an upload for a JSON request, the file itself for a form; see `kind`.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(
    feature = "openapi",
    schema(discriminator(
        property_name = "kind",
        mapping(("upload" = "#/components/schemas/CreatedUpload"), ("file" = "#/components/schemas/FileItem"))
    ))
)]
#[serde(untagged)]
pub enum CreatedFile {
    /// Send the bytes, then complete the upload.
    Upload(Box<CreatedUpload>),
    /// The bytes came with the request.
    File(Box<File>),
}

/// `POST /upload/{id}/parts`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct SignParts {
    /// The part numbers, from 1; distinct, at most 1,000.
    #[cfg_attr(feature = "openapi", schema(example = json!([1]), min_items = 1, max_items = 1000))]
    pub part_numbers: Vec<u32>,
}

/// Fresh URLs for parts.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedParts {
    /// The parts, in the requested order.
    pub parts: Vec<Part>,
    /// When the URLs expire.
    pub urls_expire_at: Time,
    /// When the upload now expires.
    pub expires_at: Time,
}

/// `POST /upload/{id}/complete`. The body is optional.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"file_conflict": "Keep"})))]
#[serde(deny_unknown_fields)]
pub struct CompleteUpload {
    /// What to do if the name is taken; overrides the choice made at the start.
    #[serde(default)]
    pub file_conflict: Option<FileConflict>,
    /// The SHA-256 that the bytes must have, 64 hexadecimal digits. If neither the server nor the store verified it
    /// during the upload, the bytes are read back once.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub sha256: Option<String>,
}
