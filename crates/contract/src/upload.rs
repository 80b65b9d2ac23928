use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::{File, Person, Time};

/// What to do when the name of a new file is taken; in any case.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub enum FileConflict {
    /// Refuse with 409 `name_taken`.
    #[serde(rename = "fail")]
    Fail,
    /// Give the file of that name the new content; identifier and shares stay.
    Replace,
    /// Stand beside it as `name (1).ext`, `name (2).ext`, …
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

/// `POST /file` as JSON: the bytes then go straight to the blob store.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(deny_unknown_fields)]
pub struct CreateUpload {
    /// The name of the file.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg", min_length = 1, max_length = 255))]
    pub file_name: String,
    /// Its size in bytes, at most 5 TiB; so much is reserved of the quota.
    #[cfg_attr(feature = "openapi", schema(example = 1048576, maximum = 5497558138880_u64))]
    pub file_size_in_bytes: u64,
    /// The folder into which it goes; the root of the caller's own drive when absent or null.
    #[serde(default)]
    pub parent_folder_id: Option<Uuid>,
    /// What to do when the name is taken; `fail` unless told.
    #[serde(default)]
    pub file_conflict: Option<FileConflict>,
    /// The media type. Without one, or with `application/octet-stream`, which says nothing, a new file gets that of its
    /// name's extension, and a file that is replaced keeps its own.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(example = "image/jpeg", max_length = 255))]
    pub content_type: Option<String>,
    /// The SHA-256 of the bytes, 64 hexadecimal digits: other bytes are refused. Only where they come in one part: that of
    /// several is held against nothing unless it comes with the completion, and the file's `sha256` is null meanwhile.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub sha256: Option<String>,
    /// When the sender's own copy was last modified.
    #[serde(default)]
    pub client_modified_at: Option<Time>,
}

/// `POST /file` as `multipart/form-data`: the part `file`, and any of the fields, before it or after it. One that is left empty
/// counts as absent.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FileForm {
    /// The name of the file; that of the part unless told.
    pub file_name: Option<String>,
    /// Its size in bytes, if it is known: other sizes are refused.
    pub file_size_in_bytes: Option<u64>,
    /// The folder into which it goes; the root of the caller's own drive unless told.
    pub parent_folder_id: Option<Uuid>,
    /// What to do when the name is taken; `fail` unless told.
    pub file_conflict: Option<FileConflict>,
    /// The media type; that of the part unless told. Without one, or with `application/octet-stream`, which says nothing, a
    /// new file gets that of its name's extension, and a file that is replaced keeps its own.
    pub content_type: Option<String>,
    /// The SHA-256 of the bytes: others are refused.
    pub sha256: Option<String>,
    /// When the sender's own copy was last modified.
    pub client_modified_at: Option<Time>,
    /// The bytes.
    #[cfg_attr(feature = "openapi", schema(format = Binary, content_media_type = "application/octet-stream"))]
    pub file: String,
}

/// Where an upload stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UploadState {
    /// Bytes may arrive.
    Open,
    /// It became a file.
    Complete,
    /// It was given up.
    Aborted,
    /// Its time ran out.
    Expired,
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

/// An upload and how far it has come.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Upload {
    /// The identifier.
    pub upload_id: Uuid,
    /// Where it stands.
    pub state: UploadState,
    /// The name that the file is to have.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg"))]
    pub file_name: String,
    /// How many bytes were announced.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub file_size_in_bytes: u64,
    /// How many have arrived, in whole parts.
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub received_bytes: u64,
    /// In which parts, by their numbers, as the store itself has them; at most 10,000. What is missing may still be sent.
    #[cfg_attr(feature = "openapi", schema(max_items = 10000))]
    pub received_parts: Vec<ReceivedPart>,
    /// The file that it became; null until then.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub file_id: Option<Uuid>,
    /// When it ends by itself.
    pub expires_at: Time,
    /// The folder into which the file goes; null in the root, and where the caller may not see it.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub parent_folder_id: Option<Uuid>,
    /// The digest that was announced, 64 hexadecimal digits.
    #[cfg_attr(
        feature = "openapi",
        schema(required, example = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824")
    )]
    pub sha256: Option<String>,
    /// When the sender's own copy was last modified, as the sender said.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub client_modified_at: Option<Time>,
    /// Who sends.
    pub created_by: Person,
    /// When it began.
    pub created_at: Time,
}

/// `GET /upload`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Uploads {
    /// Newest first.
    pub items: Vec<Upload>,
    /// For the next page; null on the last.
    #[cfg_attr(feature = "openapi", schema(required))]
    pub next_cursor: Option<String>,
}

/// A part and leave to send it.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Part {
    /// The number of the part, from 1.
    #[cfg_attr(feature = "openapi", schema(example = 1))]
    pub part_number: u32,
    /// Its size in bytes: no other is taken.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub size: u64,
    /// Where to send it.
    #[cfg_attr(
        feature = "openapi",
        schema(
            example = "http://127.0.0.1:8000/blob/00112233445566778899aabbccddeeff?expires=1795327920&signature=c2ln"
        )
    )]
    pub url: String,
    /// Header fields that the request must carry.
    #[cfg_attr(feature = "openapi", schema(example = json!({"If-None-Match": "*"})))]
    pub headers: BTreeMap<String, String>,
}

/// `upload`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[serde(rename_all = "lowercase")]
pub enum UploadKind {
    /// An upload.
    Upload,
}

/// The answer to `POST /file` as JSON.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct CreatedUpload {
    /// `upload`.
    pub kind: UploadKind,
    /// The upload.
    #[serde(flatten)]
    pub upload: Upload,
    /// `PUT`.
    #[cfg_attr(feature = "openapi", schema(example = "PUT"))]
    pub method: String,
    /// The size of every part but the last, in bytes.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub part_size: u64,
    /// How many parts there are: one up to 64 MiB, unless the server is told otherwise, more above; 10,000 at the most.
    #[cfg_attr(feature = "openapi", schema(example = 1, minimum = 1, maximum = 10000))]
    pub part_count: u32,
    /// The first parts, at most 100; `POST /upload/{id}/parts` has the others. They may be sent in any order, several at
    /// once, and each again after a broken connection: 412 then means that the part is there.
    #[cfg_attr(feature = "openapi", schema(min_items = 1, max_items = 100))]
    pub parts: Vec<Part>,
    /// When the URLs expire; `POST /upload/{id}/parts` has fresh ones.
    pub urls_expire_at: Time,
}

/// The answer to `POST /file`: an upload to a JSON request, the file itself to a form; `kind` tells which.
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
    /// The numbers of the parts, from 1; each once, at most 1,000.
    #[cfg_attr(feature = "openapi", schema(example = json!([1]), min_items = 1, max_items = 1000))]
    pub part_numbers: Vec<u32>,
}

/// Fresh URLs for parts.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct SignedParts {
    /// The parts, in the order in which they were asked for.
    pub parts: Vec<Part>,
    /// When the URLs expire.
    pub urls_expire_at: Time,
    /// When the upload ends by itself, from now on.
    pub expires_at: Time,
}

/// `POST /upload/{id}/complete`. The body may be left out.
#[derive(Clone, Debug, Default, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
#[cfg_attr(feature = "openapi", schema(example = json!({"file_conflict": "Keep"})))]
#[serde(deny_unknown_fields)]
pub struct CompleteUpload {
    /// What to do when the name is taken, instead of what was said at the beginning.
    #[serde(default)]
    pub file_conflict: Option<FileConflict>,
    /// The SHA-256 that the bytes must have, 64 hexadecimal digits. Where neither the server nor the store has verified it on
    /// their way, they are read once.
    #[serde(default)]
    #[cfg_attr(feature = "openapi", schema(pattern = "^[0-9A-Fa-f]{64}$"))]
    pub sha256: Option<String>,
}
