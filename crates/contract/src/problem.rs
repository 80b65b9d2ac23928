use serde::{Deserialize, Deserializer, Serialize};
use uuid::Uuid;

use crate::ItemKind;
use crate::words::{Words, tolerant};

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:tt, $status:literal, $title:literal;)*) => {
        /// The stable, machine-readable error code.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        #[non_exhaustive]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
            /// A code that this version of the crate does not know: see the problem's `status`. It cannot be
            /// serialized.
            #[serde(skip)]
            Unknown,
        }

        impl Code {
            /// Every code, except `Unknown`.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The code on the wire.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* Self::Unknown => "unknown" }
            }

            /// The HTTP status sent with this code; 500 for `Unknown`.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* Self::Unknown => 500 }
            }

            /// A short, fixed title.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* Self::Unknown => "An error that this version does not know" }
            }
        }

        impl Words for Code {
            const UNKNOWN: Self = Self::Unknown;
            const WORDS: &'static [&'static str] = &[$($word),*];

            fn known(word: &str) -> Option<Self> {
                match word {
                    $($word => Some(Self::$name),)*
                    _ => None,
                }
            }
        }
    };
}

impl<'de> Deserialize<'de> for Code {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        tolerant(deserializer)
    }
}

codes! {
    /// The request cannot be parsed.
    MalformedRequest = "malformed_request", 400, "The request cannot be read";
    /// The cursor is invalid, or belongs to another list or sort order.
    InvalidCursor = "invalid_cursor", 400, "The cursor does not belong to this list";
    /// No access token was sent.
    Unauthenticated = "unauthenticated", 401, "An access token is required";
    /// The token was not issued by this server, or its session has ended.
    InvalidToken = "invalid_token", 401, "The access token is invalid";
    /// The token has expired.
    TokenExpired = "token_expired", 401, "The access token has expired";
    /// Unknown user or wrong password.
    InvalidCredentials = "invalid_credentials", 401, "Wrong user name or password";
    /// The item is visible, but the caller's role does not allow the operation.
    PermissionDenied = "permission_denied", 403, "Your role on this item does not allow it";
    /// The public link requires its password, in `X-Link-Password`.
    LinkPasswordRequired = "link_password_required", 401, "The link asks for its password";
    /// The current password is wrong.
    WrongPassword = "wrong_password", 403, "The current password is another";
    /// The bytes, or the files and folders, exceed the drive's quota.
    QuotaExceeded = "quota_exceeded", 403, "The drive's quota does not allow it";
    /// The signed URL was not issued by this server, or not for this request.
    InvalidSignature = "invalid_signature", 403, "The URL's signature is invalid";
    /// The signed URL has expired.
    UrlExpired = "url_expired", 403, "The URL has expired";
    /// The resource does not exist, or is not visible to the caller.
    NotFound = "not_found", 404, "There is no such thing";
    /// The path exists, but does not support this method.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// The body arrived too slowly.
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive";
    /// The folder already contains an item with that name.
    NameTaken = "name_taken", 409, "The name is taken";
    /// Another user has that user name.
    UsernameTaken = "username_taken", 409, "The user name is taken";
    /// Another user has that e-mail address.
    EmailTaken = "email_taken", 409, "The e-mail address is taken";
    /// The item is already shared with that user.
    AlreadyShared = "already_shared", 409, "The item is already shared with this user";
    /// The user is the item's owner and needs no share.
    CannotShareWithOwner = "cannot_share_with_owner", 409, "An item cannot be shared with its owner";
    /// A folder cannot be moved or copied into itself.
    FolderCycle = "folder_cycle", 409, "A folder cannot be put into itself";
    /// The destination is in another owner's drive.
    CrossDriveMove = "cross_drive_move", 409, "Items cannot be moved to another owner's drive";
    /// Some of the bytes have not arrived.
    UploadIncomplete = "upload_incomplete", 409, "The upload's bytes have not arrived";
    /// The upload is no longer open.
    UploadClosed = "upload_closed", 409, "The upload has ended";
    /// The same request with the same idempotency key is still in progress.
    RequestInProgress = "request_in_progress", 409, "The request is under way";
    /// The version is the file's current one.
    VersionInUse = "version_in_use", 409, "The version is the file's current one";
    /// The upload has expired.
    UploadExpired = "upload_expired", 410, "The upload has expired";
    /// The changes since the cursor are no longer known.
    CursorReset = "cursor_reset", 410, "The changes since then are no longer known";
    /// The public link has expired.
    LinkExpired = "link_expired", 410, "The link has expired";
    /// The public link has reached its download limit.
    LinkExhausted = "link_exhausted", 410, "The link's downloads are used up";
    /// The item has changed since; or, on a signed URL, the bytes have already been uploaded.
    PreconditionFailed = "precondition_failed", 412, "A precondition does not hold";
    /// The body exceeds the size limit of this operation.
    PayloadTooLarge = "payload_too_large", 413, "The body is too large";
    /// The body's media type is not supported here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The body's media type is not supported here";
    /// The range lies outside the content.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "The range lies outside of the bytes";
    /// Fields or parameters are invalid; `errors` names them.
    ValidationFailed = "validation_failed", 422, "The request breaks rules";
    /// The idempotency key was already used for a different request.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "Another request was sent under this key";
    /// The SHA-256 of the bytes differs from the announced one.
    ChecksumMismatch = "checksum_mismatch", 422, "The bytes have another SHA-256 than announced";
    /// The number of bytes differs from the announced size.
    SizeMismatch = "size_mismatch", 422, "There are more or fewer bytes than announced";
    /// The bytes are not a supported image.
    InvalidImage = "invalid_image", 422, "The bytes are no acceptable image";
    /// The operation covers more files and folders than allowed at once.
    TooManyEntries = "too_many_entries", 422, "There are too many files and folders";
    /// Too many attempts: retry after `Retry-After` seconds.
    RateLimited = "rate_limited", 429, "Too many attempts";
    /// Internal server error, logged under the request ID.
    InternalError = "internal_error", 500, "The server failed";
    /// A dependency of the server is unavailable: retry later.
    Unavailable = "unavailable", 503, "The service is unavailable for the moment";
}

/// An error response (RFC 9457 problem details).
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// Always `about:blank`; use `code` to tell errors apart.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(example = "about:blank"))]
    pub kind: String,
    /// The meaning of the code.
    #[cfg_attr(feature = "openapi", schema(example = "The name is taken"))]
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(example = 409))]
    pub status: u16,
    /// What is wrong with this particular request.
    #[cfg_attr(feature = "openapi", schema(example = "the folder holds another item of that name"))]
    pub detail: String,
    /// The stable, machine-readable error code.
    pub code: Code,
    /// The request ID, as it appears in the server's log.
    #[cfg_attr(feature = "openapi", schema(example = "019ab0c2-7a00-7000-8000-000000000000"))]
    pub request_id: String,
    /// The invalid fields; only with `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// The conflicting item and a free name; only with `name_taken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// The drive's usage (for its owner) and what did not fit, if known; only with `quota_exceeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaState>,
}

/// A validation error of one field.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field or parameter.
    #[cfg_attr(feature = "openapi", schema(example = "folder_name"))]
    pub field: String,
    /// The violated rule, human-readable.
    #[cfg_attr(feature = "openapi", schema(example = "must not be empty"))]
    pub message: String,
}

/// The item that holds a requested name, and a free name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    /// The item that has the name.
    pub item: ConflictItem,
    /// The name that `Keep` would have chosen.
    #[cfg_attr(feature = "openapi", schema(example = "beach (1).jpg"))]
    pub suggested_name: String,
}

/// The item that holds a requested name.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct ConflictItem {
    /// File or folder.
    pub kind: ItemKind,
    /// The identifier.
    pub id: Uuid,
    /// The name.
    #[cfg_attr(feature = "openapi", schema(example = "beach.jpg"))]
    pub name: String,
    /// The revision, for `If-Match`.
    #[cfg_attr(feature = "openapi", schema(example = "\"1\""))]
    pub etag: String,
}

/// A drive's usage, and what did not fit: bytes, or files and folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuotaState {
    /// The drive's limit, in bytes; only for its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 5368709120_u64))]
    pub total_bytes: Option<u64>,
    /// Bytes in use; only for the drive's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 5368709000_u64))]
    pub used_bytes: Option<u64>,
    /// Bytes reserved by open uploads; only for the drive's owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub reserved_bytes: Option<u64>,
    /// Bytes that the request needed.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub needed_bytes: u64,
    /// The limit on files and folders, if the request exceeded it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 2000000))]
    pub total_entries: Option<u64>,
    /// Files and folders in the drive, including the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 2000000))]
    pub used_entries: Option<u64>,
    /// Files and folders that the request would have added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 1))]
    pub needed_entries: Option<u64>,
}
