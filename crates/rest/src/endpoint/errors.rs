//! The errors that endpoints have in common, in groups.

use clouddrive_contract::Code;

pub(crate) const BODY: &[Code] = &[Code::RequestTimeout, Code::PayloadTooLarge, Code::UnsupportedMediaType];
pub(crate) const JSON: &[Code] = &[Code::ValidationFailed];
pub(crate) const LIST: &[Code] = &[Code::InvalidCursor, Code::ValidationFailed];
pub(crate) const ITEM: &[Code] = &[Code::NotFound];
pub(crate) const RELOCATE: &[Code] =
    &[Code::NotFound, Code::PermissionDenied, Code::NameTaken, Code::CrossDriveMove, Code::PreconditionFailed];
pub(crate) const COPY: &[Code] =
    &[Code::NotFound, Code::PermissionDenied, Code::QuotaExceeded, Code::NameTaken, Code::PreconditionFailed];
pub(crate) const DELETE: &[Code] = &[Code::NotFound, Code::PermissionDenied, Code::PreconditionFailed];
pub(crate) const THROTTLED: &[Code] = &[Code::RateLimited];
pub(crate) const BYTES: &[Code] = &[Code::PreconditionFailed, Code::RangeNotSatisfiable];

pub(crate) const ARCHIVE: &[Code] = &[
    Code::MalformedRequest,
    Code::ValidationFailed,
    Code::TooManyEntries,
    Code::PreconditionFailed,
    Code::RangeNotSatisfiable,
    Code::RateLimited,
];

/// Those of every endpoint that takes an access token.
pub(super) const TOKEN: &[Code] = &[Code::Unauthenticated, Code::InvalidToken, Code::TokenExpired, Code::RateLimited];
/// Those of every URL of a public link.
pub(super) const LINK: &[Code] = &[Code::NotFound, Code::LinkPasswordRequired, Code::LinkExpired, Code::RateLimited];
/// Those of every signed URL.
pub(super) const SIGNED_URL: &[Code] = &[Code::InvalidSignature, Code::UrlExpired];
