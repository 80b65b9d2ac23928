use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::ItemKind;

macro_rules! codes {
    ($($(#[$doc:meta])* $name:ident = $word:tt, $status:literal, $title:literal;)*) => {
        /// The stable machine word of a problem.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
        #[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
        pub enum Code {
            $($(#[$doc])* #[serde(rename = $word)] $name,)*
        }

        impl Code {
            /// Every code.
            pub const ALL: &'static [Self] = &[$(Self::$name),*];

            /// The word.
            #[must_use]
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$name => $word,)* }
            }

            /// The HTTP status with which it comes.
            #[must_use]
            pub const fn status(self) -> u16 {
                match self { $(Self::$name => $status,)* }
            }

            /// What it means, in a few words that do not vary.
            #[must_use]
            pub const fn title(self) -> &'static str {
                match self { $(Self::$name => $title,)* }
            }
        }
    };
}

codes! {
    /// The request cannot be read.
    MalformedRequest = "malformed_request", 400, "The request cannot be read";
    /// The cursor is none of ours, or of another list or order.
    InvalidCursor = "invalid_cursor", 400, "The cursor does not belong to this list";
    /// No token was sent.
    Unauthenticated = "unauthenticated", 401, "An access token is required";
    /// The token is none of ours, or its session has ended.
    InvalidToken = "invalid_token", 401, "The access token is invalid";
    /// The token's time ran out.
    TokenExpired = "token_expired", 401, "The access token has expired";
    /// Unknown user or wrong password.
    InvalidCredentials = "invalid_credentials", 401, "Wrong user name or password";
    /// The item is visible, and the caller's role does not allow it.
    PermissionDenied = "permission_denied", 403, "Your role on this item does not allow it";
    /// The public link asks for its password, in `X-Link-Password`.
    LinkPasswordRequired = "link_password_required", 401, "The link asks for its password";
    /// The current password is another.
    WrongPassword = "wrong_password", 403, "The current password is another";
    /// The bytes do not fit into the drive.
    QuotaExceeded = "quota_exceeded", 403, "The drive's quota does not allow it";
    /// The signed URL was not made by this server, or not for this request.
    InvalidSignature = "invalid_signature", 403, "The URL's signature is invalid";
    /// The signed URL's time ran out.
    UrlExpired = "url_expired", 403, "The URL has expired";
    /// Absent, or invisible to the caller.
    NotFound = "not_found", 404, "There is no such thing";
    /// The path is known, the method is not.
    MethodNotAllowed = "method_not_allowed", 405, "The method is not allowed here";
    /// The body came too slowly.
    RequestTimeout = "request_timeout", 408, "The request took too long to arrive";
    /// The folder holds an item of that name.
    NameTaken = "name_taken", 409, "The name is taken";
    /// Another user has that name.
    UsernameTaken = "username_taken", 409, "The user name is taken";
    /// Another user has that address.
    EmailTaken = "email_taken", 409, "The e-mail address is taken";
    /// The item is already shared with that user.
    AlreadyShared = "already_shared", 409, "The item is already shared with this user";
    /// The owner needs no share.
    CannotShareWithOwner = "cannot_share_with_owner", 409, "An item cannot be shared with its owner";
    /// A folder cannot go into itself.
    FolderCycle = "folder_cycle", 409, "A folder cannot be put into itself";
    /// The destination is in another owner's drive.
    CrossDriveMove = "cross_drive_move", 409, "Items cannot be moved to another owner's drive";
    /// The bytes have not all arrived.
    UploadIncomplete = "upload_incomplete", 409, "The upload's bytes have not arrived";
    /// The upload has ended.
    UploadClosed = "upload_closed", 409, "The upload has ended";
    /// The same request was sent before, under the same key, and is still under way.
    RequestInProgress = "request_in_progress", 409, "The request is under way";
    /// The version is the file's current one.
    VersionInUse = "version_in_use", 409, "The version is the file's current one";
    /// The upload's time ran out.
    UploadExpired = "upload_expired", 410, "The upload has expired";
    /// The public link's time ran out.
    LinkExpired = "link_expired", 410, "The link has expired";
    /// The public link's downloads are used up.
    LinkExhausted = "link_exhausted", 410, "The link's downloads are used up";
    /// The item has changed since; or, on a signed URL, the bytes are there already.
    PreconditionFailed = "precondition_failed", 412, "A precondition does not hold";
    /// The body is larger than what is taken here.
    PayloadTooLarge = "payload_too_large", 413, "The body is too large";
    /// The body's media type is not taken here.
    UnsupportedMediaType = "unsupported_media_type", 415, "The body's media type is not supported here";
    /// The range lies outside of the bytes.
    RangeNotSatisfiable = "range_not_satisfiable", 416, "The range lies outside of the bytes";
    /// Fields or parameters break rules; `errors` names them.
    ValidationFailed = "validation_failed", 422, "The request breaks rules";
    /// Another request was sent before under the same key.
    IdempotencyKeyReused = "idempotency_key_reused", 422, "Another request was sent under this key";
    /// The bytes have another SHA-256 than announced.
    ChecksumMismatch = "checksum_mismatch", 422, "The bytes have another SHA-256 than announced";
    /// There are more or fewer bytes than announced.
    SizeMismatch = "size_mismatch", 422, "There are more or fewer bytes than announced";
    /// The bytes are no acceptable image.
    InvalidImage = "invalid_image", 422, "The bytes are no acceptable image";
    /// There are more files and folders than are taken at once.
    TooManyEntries = "too_many_entries", 422, "There are too many files and folders";
    /// Too many attempts came before this one: try again after `Retry-After` seconds.
    RateLimited = "rate_limited", 429, "Too many attempts";
    /// A fault of the server's. It has been logged under the request's identifier.
    InternalError = "internal_error", 500, "The server failed";
    /// Something that the server needs is out of reach: try again later.
    Unavailable = "unavailable", 503, "The service is unavailable for the moment";
}

/// An error, as RFC 9457 describes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Problem {
    /// `about:blank`: `code` tells all.
    #[serde(rename = "type")]
    #[cfg_attr(feature = "openapi", schema(example = "about:blank"))]
    pub kind: String,
    /// What the code means.
    #[cfg_attr(feature = "openapi", schema(example = "The name is taken"))]
    pub title: String,
    /// The HTTP status.
    #[cfg_attr(feature = "openapi", schema(example = 409))]
    pub status: u16,
    /// What is wrong with this very request.
    #[cfg_attr(feature = "openapi", schema(example = "the folder holds another item of that name"))]
    pub detail: String,
    /// The stable machine word.
    pub code: Code,
    /// The request, for whoever reads the server's log.
    #[cfg_attr(feature = "openapi", schema(example = "019ab0c2-7a00-7000-8000-000000000000"))]
    pub request_id: String,
    /// The fields that break rules; only with `validation_failed`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub errors: Vec<FieldError>,
    /// Who has the name, and which is free; only with `name_taken`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub conflict: Option<Conflict>,
    /// How full the drive is, for its owner, and what did not fit, where that is known; only with `quota_exceeded`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub quota: Option<QuotaState>,
}

/// A rule that a field breaks.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct FieldError {
    /// The field or parameter.
    #[cfg_attr(feature = "openapi", schema(example = "folder_name"))]
    pub field: String,
    /// The rule, for people.
    #[cfg_attr(feature = "openapi", schema(example = "must not be empty"))]
    pub message: String,
}

/// Who has the name that somebody wants.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct Conflict {
    /// The item that has it.
    pub item: ConflictItem,
    /// The name that `Keep` would have chosen.
    #[cfg_attr(feature = "openapi", schema(example = "beach (1).jpg"))]
    pub suggested_name: String,
}

/// The item that has a name which somebody wants.
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

/// How full a drive is, and what did not fit: bytes, or files and folders.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct QuotaState {
    /// The most that the drive may hold; only for its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 5368709120_u64))]
    pub total_bytes: Option<u64>,
    /// What it holds; only for its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 5368709000_u64))]
    pub used_bytes: Option<u64>,
    /// What open uploads have announced; only for its owner.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(example = 0))]
    pub reserved_bytes: Option<u64>,
    /// What was to be added.
    #[cfg_attr(feature = "openapi", schema(example = 1048576))]
    pub needed_bytes: u64,
    /// How many files and folders the drive may have, where too many were to be added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 2000000))]
    pub total_entries: Option<u64>,
    /// How many it has, live and in the trash.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 2000000))]
    pub used_entries: Option<u64>,
    /// How many were to be added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[cfg_attr(feature = "openapi", schema(nullable = false, example = 1))]
    pub needed_entries: Option<u64>,
}
