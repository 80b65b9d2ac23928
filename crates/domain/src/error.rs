//! The error type of the services.

use std::time::Duration;

use crate::model::{BlobKey, BucketKind, EntryQuota, ItemRef, MissingParts, Name, Quota, Revision, Scope};

/// The result type of the domain.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why an operation failed. A failed operation changes nothing.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// The resource does not exist, or the caller may not see it. The two are indistinguishable.
    #[error("not found")]
    NotFound,
    /// The caller is not authenticated.
    #[error("not authenticated: {0}")]
    Unauthenticated(Unauthenticated),
    /// The caller is authenticated but not allowed to do this.
    #[error("forbidden: {0}")]
    Forbidden(Forbidden),
    /// The current state does not allow the operation.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// The resource existed but is no longer available.
    #[error("gone: {0}")]
    Gone(Gone),
    /// The caller's precondition failed: the node has another revision.
    #[error("the node has changed")]
    PreconditionFailed,
    /// The input breaks one or more validation rules.
    #[error("invalid: {0:?}")]
    Invalid(Vec<Violation>),
    /// The request body was rejected.
    #[error("refused: {0}")]
    Refused(Refused),
    /// The requested range lies outside of the content.
    #[error("the bytes end at {size}")]
    RangeNotSatisfiable {
        /// The size of the content in bytes.
        size: u64,
    },
    /// The stored bytes of a recorded blob are missing or differ. This is not the caller's fault.
    #[error("the bytes of blob {blob} are damaged: {what}")]
    Damaged {
        /// The key of the blob.
        blob: String,
        /// What is wrong with the blob.
        what: String,
    },
    /// The rate limit is exceeded.
    #[error("too many attempts: {bucket}")]
    RateLimited {
        /// The kind of the exhausted bucket.
        bucket: BucketKind,
        /// The burst limit.
        limit: u32,
        /// How long until the next attempt is allowed.
        retry_after: Duration,
    },
    /// The caller already runs the maximum number of concurrent operations of this kind.
    #[error("at most {limit} {what} run at once")]
    TooManyRunning {
        /// The operations, in the plural: `archives`, `requests`.
        what: &'static str,
        /// The maximum number of concurrent operations.
        limit: u32,
        /// When to retry.
        retry_after: Duration,
    },
    /// A dependency is unreachable or overloaded. The condition may be temporary.
    #[error("{part} is unavailable")]
    Unavailable {
        /// The dependency: `database`, `storage`, `password hashing`.
        part: &'static str,
        /// The cause, for the log.
        source: BoxedError,
    },
    /// An internal failure.
    #[error("{part} failed")]
    Internal {
        /// The part that failed.
        part: &'static str,
        /// The cause, for the log.
        source: BoxedError,
    },
}

/// The boxed cause of a failure, from an adapter.
pub type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A validation rule broken by one input.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The input.
    pub field: Field,
    /// The rule, human-readable.
    pub message: String,
}

/// An input that services validate. Protocols have names of their own for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Field {
    /// The folder that is to hold something.
    Destination,
    /// A new upload, of a sender who has too many open.
    NewUpload,
    /// The size of a file.
    FileSize,
    /// The numbers of an upload's parts.
    PartNumbers,
    /// What to do if a folder's name is taken.
    FolderConflict,
    /// When a public link expires.
    LinkExpiry,
    /// The download limit of a public link.
    MaxDownloads,
}

/// Why the caller is not authenticated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Unauthenticated {
    /// The token is forged, altered or of another kind, or its session has ended.
    #[error("the access token is invalid")]
    InvalidToken,
    /// The token has expired.
    #[error("the access token has expired")]
    TokenExpired,
    /// The refresh token is unknown, expired or reused too late, or its session has ended.
    #[error("the refresh token is invalid")]
    InvalidRefreshToken,
    /// Unknown user or wrong password. The two are indistinguishable.
    #[error("wrong user name or password")]
    InvalidCredentials,
    /// The public link requires a password, and it is missing or wrong.
    #[error("the link asks for its password")]
    LinkPassword,
}

/// Why an authenticated caller is not allowed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Forbidden {
    /// The node is visible, but the caller's role on it is insufficient.
    #[error("the role on this item does not allow it")]
    Permission,
    /// The caller's credential does not allow this, whatever the role of its user.
    #[error("the credential lacks the scope {}", .0.as_str())]
    Scope(Scope),
    /// The given current password is wrong.
    #[error("the current password is another")]
    WrongPassword,
    /// The bytes exceed the drive's quota.
    #[error("{needed} bytes do not fit into the drive")]
    Quota {
        /// The drive's quota.
        quota: Quota,
        /// How many bytes the operation needs; a lower bound for streams of unknown length.
        needed: u64,
    },
    /// The files and folders exceed the drive's entry quota.
    #[error("{needed} files and folders do not fit into the drive")]
    Entries {
        /// The drive's quota.
        quota: Quota,
        /// The drive's entry quota.
        entries: EntryQuota,
        /// How many entries the operation needs.
        needed: u64,
    },
    /// The bytes exceed the quota of another user's drive. Only its owner may learn how full it is.
    #[error("the bytes do not fit into the drive")]
    QuotaOfOwner {
        /// How many bytes the operation needs, unless that reveals how many would fit.
        needed: Option<u64>,
    },
    /// The URL's signature is invalid or does not cover the request.
    #[error("the signature of the URL does not match the request")]
    Signature,
    /// The signed URL has expired.
    #[error("the URL has expired")]
    UrlExpired,
}

/// Why the current state does not allow the operation.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Conflict {
    /// The folder already has a node of that name.
    #[error("the name is taken")]
    NameTaken(Box<NameTaken>),
    /// Another user has the user name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Another user has the e-mail address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The node is already shared with the user.
    #[error("already shared with this user")]
    AlreadyShared,
    /// The owner cannot be given a share.
    #[error("the owner needs no share")]
    ShareWithOwner,
    /// A folder cannot be moved into itself or its descendants, nor be replaced by one of them.
    #[error("a folder cannot be put into itself, nor be replaced by what is in it")]
    FolderCycle,
    /// The destination lies in another drive.
    #[error("items cannot be moved to another owner's drive")]
    CrossDriveMove,
    /// Some parts have not arrived yet.
    #[error("the bytes have not all arrived; missing: {0}")]
    UploadIncomplete(MissingParts),
    /// The upload has ended.
    #[error("the upload has ended")]
    UploadClosed,
    /// An earlier request with the same key is still in progress.
    #[error("the first request with this key is still under way")]
    RequestInProgress,
    /// The version is the file's current one.
    #[error("the version is the current one")]
    VersionInUse,
    /// The blob already exists. Its bytes stay unchanged.
    #[error("the bytes have been stored already")]
    BlobExists,
}

/// The node that has the name, and a free name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTaken {
    /// The node that has the name.
    pub item: ItemRef,
    /// That node's revision.
    pub revision: Revision,
    /// The name that *keep both* would choose.
    pub suggested: Name,
}

/// What is no longer available.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Gone {
    /// The upload has expired.
    #[error("the upload has expired")]
    UploadExpired,
    /// The public link has expired.
    #[error("the link has expired")]
    LinkExpired,
    /// The public link has reached its download limit.
    #[error("the link's downloads are used up")]
    LinkExhausted,
    /// Changes after the cursor are no longer kept, or the cursor belongs to another log.
    #[error("the changes since then are no longer known")]
    Changes,
}

/// Why a request body was rejected.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refused {
    /// The digest differs from the announced one.
    #[error("the SHA-256 of the bytes is not the announced one")]
    Checksum,
    /// The number of bytes differs from the announced one.
    #[error("the number of bytes is not the announced one")]
    Size,
    /// The given part has the wrong size.
    #[error("part {0} has not the announced number of bytes: send it again")]
    PartSize(u32),
    /// The body exceeds the size limit.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// The limit in bytes.
        limit: u64,
    },
    /// The key was used for a different request.
    #[error("another request was sent with this key")]
    KeyReused,
    /// The request covers too many files and folders.
    #[error("more than {limit} {what}")]
    TooManyEntries {
        /// The limit.
        limit: u64,
        /// What is limited.
        what: &'static str,
    },
    /// The bytes are not an accepted image.
    #[error("not an acceptable image: {0}")]
    Image(&'static str),
    /// The bytes are malformed.
    #[error("{0}")]
    Malformed(&'static str),
    /// The body ended early: the sender disconnected.
    #[error("the body ended before its time")]
    Interrupted,
    /// The body arrived too slowly.
    #[error("the body came too slowly")]
    TooSlow,
}

impl Error {
    /// Creates a [`Forbidden::Permission`] error.
    #[must_use]
    pub const fn permission_denied() -> Self {
        Self::Forbidden(Forbidden::Permission)
    }

    /// Creates a validation error for one input.
    #[must_use]
    pub fn invalid(field: Field, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field, message: message.into() }])
    }

    /// Creates an error for an unavailable `part`.
    pub fn unavailable(part: &'static str, source: impl Into<BoxedError>) -> Self {
        Self::Unavailable { part, source: source.into() }
    }

    /// Creates an error for a damaged blob.
    pub fn damaged(key: &BlobKey, what: impl Into<String>) -> Self {
        Self::Damaged { blob: key.as_str().to_owned(), what: what.into() }
    }

    /// Creates an error for a blob of `found` bytes instead of `promised`.
    #[must_use]
    pub fn wrong_length(key: &BlobKey, promised: u64, found: u64) -> Self {
        Self::damaged(key, format!("it has {found} bytes, not {promised}"))
    }

    /// Creates an error for a failed `part`.
    pub fn internal(part: &'static str, source: impl Into<BoxedError>) -> Self {
        Self::Internal { part, source: source.into() }
    }
}
