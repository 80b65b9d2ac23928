//! The one error that services return.

use std::time::Duration;

use crate::model::{BlobKey, BucketKind, EntryQuota, ItemRef, MissingParts, Name, Quota, Revision};

/// What the domain's functions return.
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// Why something was not done. Nothing of it was done, then.
#[derive(Debug, thiserror::Error)]
pub enum Error {
    /// There is no such thing, or the caller may not know of it: the two cannot be told apart.
    #[error("not found")]
    NotFound,
    /// Nobody is known to call.
    #[error("not authenticated: {0}")]
    Unauthenticated(Unauthenticated),
    /// The caller is known, and may not.
    #[error("forbidden: {0}")]
    Forbidden(Forbidden),
    /// The state of things does not allow it.
    #[error("conflict: {0}")]
    Conflict(Conflict),
    /// It was possible once.
    #[error("gone: {0}")]
    Gone(Gone),
    /// The caller's precondition does not hold: the node has another revision.
    #[error("the node has changed")]
    PreconditionFailed,
    /// What the caller said breaks rules.
    #[error("invalid: {0:?}")]
    Invalid(Vec<Violation>),
    /// What the caller sent is not what it should be.
    #[error("refused: {0}")]
    Refused(Refused),
    /// The range that was asked for lies outside of the bytes.
    #[error("the bytes end at {size}")]
    RangeNotSatisfiable {
        /// How many bytes there are.
        size: u64,
    },
    /// The bytes that a row promises are not in the store, or are others. The caller is not to blame.
    #[error("the bytes of blob {blob} are damaged: {what}")]
    Damaged {
        /// The key of the blob.
        blob: String,
        /// What is wrong with it.
        what: String,
    },
    /// Too many attempts came before this one.
    #[error("too many attempts: {bucket}")]
    RateLimited {
        /// What was attempted.
        bucket: BucketKind,
        /// How many may come at once.
        limit: u32,
        /// After how long the next may come.
        retry_after: Duration,
    },
    /// The caller has as much of something running as one caller may have at once.
    #[error("{limit} {what} are running already")]
    TooManyRunning {
        /// Of what, in the plural: `archives`, `requests`.
        what: &'static str,
        /// How many may run at once.
        limit: u32,
        /// After how long it is worth trying again.
        retry_after: Duration,
    },
    /// Something that is needed is out of reach, or busy beyond its bound; later it may not be.
    #[error("{part} is unavailable")]
    Unavailable {
        /// What it is: `database`, `storage`, `password hashing`.
        part: &'static str,
        /// The cause, for the log.
        source: BoxedError,
    },
    /// A fault of the system itself.
    #[error("{part} failed")]
    Internal {
        /// Where it arose.
        part: &'static str,
        /// The cause, for the log.
        source: BoxedError,
    },
}

/// The cause of a fault: whatever an adapter met.
pub type BoxedError = Box<dyn std::error::Error + Send + Sync>;

/// A rule broken by one field of what the caller said.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Violation {
    /// The field, by its name in the contract.
    pub field: String,
    /// The rule, for people.
    pub message: String,
}

/// Why nobody is known to call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Unauthenticated {
    /// The token is none of ours, was changed, is of another kind, or its session has ended.
    #[error("the access token is invalid")]
    InvalidToken,
    /// The token's time ran out.
    #[error("the access token has expired")]
    TokenExpired,
    /// The refresh token is none of ours, has expired, came again too late, or its session has ended.
    #[error("the refresh token is invalid")]
    InvalidRefreshToken,
    /// No such user, or not that password: the two cannot be told apart.
    #[error("wrong user name or password")]
    InvalidCredentials,
    /// The public link asks for a password, and none was given, or not that one.
    #[error("the link asks for its password")]
    LinkPassword,
}

/// Why a known caller may not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Forbidden {
    /// The node is visible, and the caller's role on it does not suffice.
    #[error("the role on this item does not allow it")]
    Permission,
    /// The caller is asked for the current password, and it is another.
    #[error("the current password is another")]
    WrongPassword,
    /// The bytes do not fit into the drive.
    #[error("{needed} bytes do not fit into the drive")]
    Quota {
        /// The drive's quota.
        quota: Quota,
        /// How many bytes were to be added; at the least, when bytes of unknown number were streaming in.
        needed: u64,
    },
    /// The files and folders do not fit into the drive.
    #[error("{needed} files and folders do not fit into the drive")]
    Entries {
        /// The drive's quota.
        quota: Quota,
        /// How many it may have, and has.
        entries: EntryQuota,
        /// How many were to be added.
        needed: u64,
    },
    /// The bytes do not fit into a drive that is not the caller's. How full that is, its owner alone learns.
    #[error("the bytes do not fit into the drive")]
    QuotaOfOwner {
        /// How many bytes were to be added, where that does not tell how many would fit.
        needed: Option<u64>,
    },
    /// A signed URL whose signature is not ours or does not cover the request.
    #[error("the signature of the URL does not match the request")]
    Signature,
    /// A signed URL whose time ran out.
    #[error("the URL has expired")]
    UrlExpired,
}

/// Which state of things does not allow it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Conflict {
    /// The folder holds another node of that name.
    #[error("the name is taken")]
    NameTaken(Box<NameTaken>),
    /// Another user has that user name.
    #[error("the user name is taken")]
    UsernameTaken,
    /// Another user has that e-mail address.
    #[error("the e-mail address is taken")]
    EmailTaken,
    /// The node is already shared with that user.
    #[error("already shared with this user")]
    AlreadyShared,
    /// The owner needs no share.
    #[error("the owner needs no share")]
    ShareWithOwner,
    /// A folder cannot go into itself or into what lies below it.
    #[error("a folder cannot be put into itself")]
    FolderCycle,
    /// The destination lies in another drive.
    #[error("items cannot be moved to another owner's drive")]
    CrossDriveMove,
    /// Not all bytes have arrived.
    #[error("the bytes have not all arrived; missing: {0}")]
    UploadIncomplete(MissingParts),
    /// The upload has ended.
    #[error("the upload has ended")]
    UploadClosed,
    /// The same request, sent before under the same key, is still under way.
    #[error("the first request with this key is still under way")]
    RequestInProgress,
    /// The version is the file's current one.
    #[error("the version is the current one")]
    VersionInUse,
    /// The blob was written already. Its bytes stay as they are.
    #[error("the bytes have been stored already")]
    BlobExists,
}

/// Who has the name, and which name is free.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NameTaken {
    /// The node that has it.
    pub item: ItemRef,
    /// That node's revision.
    pub revision: Revision,
    /// The name that *keep both* would have chosen.
    pub suggested: Name,
}

/// What was possible once.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Gone {
    /// The upload's time ran out.
    #[error("the upload has expired")]
    UploadExpired,
    /// The public link's time ran out.
    #[error("the link has expired")]
    LinkExpired,
    /// What the public link leads to was downloaded as often as its owner allowed.
    #[error("the link's downloads are used up")]
    LinkExhausted,
}

/// Why what the caller sent is not what it should be.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Refused {
    /// The bytes have another digest than announced.
    #[error("the SHA-256 of the bytes is not the announced one")]
    Checksum,
    /// There are more or fewer bytes than announced.
    #[error("the number of bytes is not the announced one")]
    Size,
    /// The part of that number has more or fewer bytes than it should.
    #[error("part {0} has not the announced number of bytes: send it again")]
    PartSize(u32),
    /// There are more bytes than are taken.
    #[error("more than {limit} bytes")]
    TooLarge {
        /// How many are taken.
        limit: u64,
    },
    /// Another request was sent under the same key.
    #[error("another request was sent with this key")]
    KeyReused,
    /// There are more files and folders than are taken at once.
    #[error("more than {limit} {what}")]
    TooManyEntries {
        /// How many are taken.
        limit: u64,
        /// Of what.
        what: &'static str,
    },
    /// The bytes are no image that is taken.
    #[error("not an acceptable image: {0}")]
    Image(&'static str),
    /// The bytes are not laid out as they should be.
    #[error("{0}")]
    Malformed(&'static str),
    /// The bytes stopped before their end: the sender went away.
    #[error("the body ended before its time")]
    Interrupted,
    /// The bytes came too slowly.
    #[error("the body came too slowly")]
    TooSlow,
}

impl Error {
    /// The caller's role does not suffice.
    #[must_use]
    pub const fn permission_denied() -> Self {
        Self::Forbidden(Forbidden::Permission)
    }

    /// One field breaks a rule.
    #[must_use]
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::Invalid(vec![Violation { field: field.into(), message: message.into() }])
    }

    /// `part` is out of reach because of `source`.
    pub fn unavailable(part: &'static str, source: impl Into<BoxedError>) -> Self {
        Self::Unavailable { part, source: source.into() }
    }

    /// The bytes of the blob under `key` are not what they should be.
    pub fn damaged(key: &BlobKey, what: impl Into<String>) -> Self {
        Self::Damaged { blob: key.as_str().to_owned(), what: what.into() }
    }

    /// The blob under `key` has `found` bytes, and not the `promised` ones.
    #[must_use]
    pub fn other_length(key: &BlobKey, promised: u64, found: u64) -> Self {
        Self::damaged(key, format!("it has {found} bytes, not {promised}"))
    }

    /// `part` failed because of `source`.
    pub fn internal(part: &'static str, source: impl Into<BoxedError>) -> Self {
        Self::Internal { part, source: source.into() }
    }
}
