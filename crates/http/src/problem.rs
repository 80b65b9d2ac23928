//! Problems: the one place where errors get their status, code and headers. A protocol renders them in its own way, as
//! [`json`] does.

pub mod json;

use std::fmt;
use std::time::Duration;

use actix_web::http::StatusCode;
use actix_web::http::header::{ALLOW, HeaderName, HeaderValue, RETRY_AFTER};
use actix_web::{HttpResponse, ResponseError};
use clouddrive_contract::{self as dto, Code, FieldError};
use clouddrive_domain::Error;
use clouddrive_domain::error::{Conflict, Field, Forbidden, Gone, NameTaken, Refused, Unauthenticated, Violation};
use clouddrive_domain::model::{EntryQuota, Quota};

use crate::map;

const RATELIMIT_LIMIT: HeaderName = HeaderName::from_static("ratelimit-limit");
const RATELIMIT_REMAINING: HeaderName = HeaderName::from_static("ratelimit-remaining");
const RATELIMIT_RESET: HeaderName = HeaderName::from_static("ratelimit-reset");

/// An error response in the making. The `request` middleware renders it and logs server errors.
#[derive(Clone, Debug)]
pub struct Problem {
    pub code: Code,
    pub detail: String,
    pub errors: Vec<FieldError>,
    pub conflict: Option<Box<dto::Conflict>>,
    pub quota: Option<Box<dto::QuotaState>>,
    pub headers: Vec<(HeaderName, HeaderValue)>,
    /// The underlying error, for the log only.
    pub cause: Option<String>,
    /// Whether damaged bytes were read.
    pub damage: bool,
}

impl Problem {
    pub fn new(code: Code, detail: impl Into<String>) -> Self {
        Self {
            code,
            detail: detail.into(),
            errors: Vec::new(),
            conflict: None,
            quota: None,
            headers: Vec::new(),
            cause: None,
            damage: false,
        }
    }

    /// A validation error of one field or parameter.
    pub fn invalid(field: impl Into<String>, message: impl Into<String>) -> Self {
        Self::violations(vec![FieldError { field: field.into(), message: message.into() }])
    }

    pub fn violations(errors: Vec<FieldError>) -> Self {
        let fields: Vec<&str> = errors.iter().map(|error| error.field.as_str()).collect();
        let detail = format!("see errors: {}", fields.join(", "));
        Self { errors, ..Self::new(Code::ValidationFailed, detail) }
    }

    pub fn malformed(detail: impl Into<String>) -> Self {
        Self::new(Code::MalformedRequest, detail)
    }

    pub fn no_such_path() -> Self {
        Self::new(Code::NotFound, "there is no such path")
    }

    /// The path supports only the methods in `allow`.
    pub fn method_not_allowed(allow: &'static str) -> Self {
        let problem = Self::new(Code::MethodNotAllowed, format!("allowed here: {allow}"));
        problem.header(ALLOW, HeaderValue::from_static(allow))
    }

    pub fn not_found() -> Self {
        Self::new(Code::NotFound, "absent, or not yours to see")
    }

    pub fn header(mut self, name: HeaderName, value: HeaderValue) -> Self {
        self.headers.push((name, value));
        self
    }

    fn internal() -> Self {
        Self::new(Code::InternalError, "the fault has been logged under the request's identifier")
    }

    /// An error that the domain has gained and that has no code yet.
    fn unknown(error: &dyn fmt::Display) -> Self {
        Self { cause: Some(error.to_string()), ..Self::internal() }
    }

    fn caused_by(self, error: &Error) -> Self {
        use std::error::Error as _;
        let mut cause = error.to_string();
        let mut source = error.source();
        while let Some(next) = source {
            cause.push_str(": ");
            cause.push_str(&next.to_string());
            source = next.source();
        }
        Self { cause: Some(cause), ..self }
    }

    fn name_taken(taken: &NameTaken) -> Self {
        let conflict = dto::Conflict {
            item: dto::ConflictItem {
                kind: map::item_kind(taken.item.kind),
                id: taken.item.id.as_uuid(),
                name: taken.item.name.as_str().to_owned(),
                etag: map::etag(taken.revision),
            },
            suggested_name: taken.suggested.as_str().to_owned(),
        };
        let detail = "the folder holds another item of that name";
        Self { conflict: Some(Box::new(conflict)), ..Self::new(Code::NameTaken, detail) }
    }

    fn quota_exceeded(quota: &Quota, needed: u64) -> Self {
        let state = dto::QuotaState {
            total_bytes: Some(quota.total),
            used_bytes: Some(quota.used),
            reserved_bytes: Some(quota.reserved),
            needed_bytes: needed,
            total_entries: None,
            used_entries: None,
            needed_entries: None,
        };
        let detail = format!("{needed} bytes are needed and {} are available", quota.available());
        Self { quota: Some(Box::new(state)), ..Self::new(Code::QuotaExceeded, detail) }
    }

    fn entries_exceeded(quota: &Quota, entries: &EntryQuota, needed: u64) -> Self {
        let state = dto::QuotaState {
            total_bytes: Some(quota.total),
            used_bytes: Some(quota.used),
            reserved_bytes: Some(quota.reserved),
            needed_bytes: 0,
            total_entries: Some(entries.total),
            used_entries: Some(entries.used),
            needed_entries: Some(needed),
        };
        let free = entries.total.saturating_sub(entries.used);
        let detail = format!("{needed} files and folders are to be added, and {free} more may be");
        Self { quota: Some(Box::new(state)), ..Self::new(Code::QuotaExceeded, detail) }
    }

    /// The quota error for users other than the drive's owner.
    fn quota_of_owner_exceeded(needed: Option<u64>) -> Self {
        let state = |needed_bytes| dto::QuotaState {
            total_bytes: None,
            used_bytes: None,
            reserved_bytes: None,
            needed_bytes,
            total_entries: None,
            used_entries: None,
            needed_entries: None,
        };
        let quota = needed.map(|needed| Box::new(state(needed)));
        Self { quota, ..Self::new(Code::QuotaExceeded, "that does not fit into the drive: its owner can make room") }
    }

    /// Adds the fields of draft-ietf-httpapi-ratelimit-headers-06, in whole seconds, rounded up.
    fn rate_limited(limit: u32, retry_after: Duration) -> Self {
        let seconds = retry_after.as_millis().div_ceil(1000).max(1);
        let problem = Self::new(Code::RateLimited, format!("too many attempts: try again in {seconds} s"));
        [
            (RETRY_AFTER, seconds.to_string()),
            (RATELIMIT_LIMIT, limit.to_string()),
            (RATELIMIT_REMAINING, "0".to_owned()),
            (RATELIMIT_RESET, seconds.to_string()),
        ]
        .into_iter()
        .filter_map(|(name, text)| Some((name, HeaderValue::from_str(&text).ok()?)))
        .fold(problem, |problem, (name, value)| problem.header(name, value))
    }

    fn from_conflict(conflict: &Conflict) -> Self {
        let code = match conflict {
            Conflict::NameTaken(taken) => return Self::name_taken(taken),
            Conflict::UsernameTaken => Code::UsernameTaken,
            Conflict::EmailTaken => Code::EmailTaken,
            Conflict::AlreadyShared => Code::AlreadyShared,
            Conflict::ShareWithOwner => Code::CannotShareWithOwner,
            Conflict::FolderCycle => Code::FolderCycle,
            Conflict::CrossDriveMove => Code::CrossDriveMove,
            Conflict::UploadIncomplete(_) => Code::UploadIncomplete,
            Conflict::UploadClosed => Code::UploadClosed,
            Conflict::RequestInProgress => Code::RequestInProgress,
            Conflict::VersionInUse => Code::VersionInUse,
            // As S3 answers `If-None-Match: *`.
            Conflict::BlobExists => Code::PreconditionFailed,
            other => return Self::unknown(other),
        };
        Self::new(code, conflict.to_string())
    }

    fn from_refused(refused: &Refused) -> Self {
        let code = match refused {
            Refused::Checksum => Code::ChecksumMismatch,
            Refused::Size | Refused::PartSize(_) => Code::SizeMismatch,
            Refused::TooLarge { .. } => Code::PayloadTooLarge,
            Refused::Image(_) => Code::InvalidImage,
            Refused::KeyReused => Code::IdempotencyKeyReused,
            Refused::TooManyEntries { .. } => Code::TooManyEntries,
            Refused::Malformed(_) | Refused::Interrupted => Code::MalformedRequest,
            Refused::TooSlow => Code::RequestTimeout,
            other => return Self::unknown(other),
        };
        Self::new(code, refused.to_string())
    }

    /// The headers implied by the code; challenges of the mount's authentication schemes come on top.
    pub fn implied_headers(&self) -> Vec<(HeaderName, HeaderValue)> {
        use actix_web::http::header::WWW_AUTHENTICATE;
        match self.code {
            Code::RequestInProgress => vec![(RETRY_AFTER, HeaderValue::from_static("1"))],
            Code::LinkPasswordRequired => vec![(WWW_AUTHENTICATE, HeaderValue::from_static("X-Link-Password"))],
            Code::Unavailable => vec![(RETRY_AFTER, HeaderValue::from_static("2"))],
            _ => Vec::new(),
        }
    }

    fn from_unauthenticated(cause: Unauthenticated) -> Self {
        match cause {
            Unauthenticated::InvalidToken => Self::new(Code::InvalidToken, "log in again"),
            Unauthenticated::InvalidRefreshToken => {
                Self::new(Code::InvalidToken, "the refresh token is invalid: log in again")
            }
            Unauthenticated::TokenExpired => Self::new(Code::TokenExpired, "log in again"),
            Unauthenticated::InvalidCredentials => {
                Self::new(Code::InvalidCredentials, "the user name or the password is wrong")
            }
            Unauthenticated::LinkPassword => Self::new(
                Code::LinkPasswordRequired,
                "send the link's password as X-Link-Password, percent-encoded, or to …/access",
            ),
            other => Self::unknown(&other),
        }
    }

    fn from_forbidden(cause: &Forbidden) -> Self {
        match cause {
            Forbidden::Permission => {
                Self::new(Code::PermissionDenied, "the item is shared with you, but not with that permission")
            }
            Forbidden::Scope(scope) => Self::new(
                Code::PermissionDenied,
                format!("the token does not allow it: it lacks the scope {:?}", scope.as_str()),
            ),
            Forbidden::WrongPassword => Self::new(Code::WrongPassword, "this asks for the current password"),
            Forbidden::Quota { quota, needed } => Self::quota_exceeded(quota, *needed),
            Forbidden::Entries { quota, entries, needed } => Self::entries_exceeded(quota, entries, *needed),
            Forbidden::QuotaOfOwner { needed } => Self::quota_of_owner_exceeded(*needed),
            Forbidden::Signature => {
                Self::new(Code::InvalidSignature, "use the URL and the headers just as they were given")
            }
            Forbidden::UrlExpired => Self::new(Code::UrlExpired, "ask the API for a fresh URL"),
            other => Self::unknown(other),
        }
    }
}

/// The violation under the names of the contract.
fn field_error(violation: &Violation) -> FieldError {
    let (field, advice) = match violation.field {
        Field::Destination => ("parent_folder_id", ""),
        Field::NewUpload => ("file_name", "; GET /upload lists them"),
        Field::FileSize => ("file_size_in_bytes", ""),
        Field::PartNumbers => ("part_numbers", ""),
        Field::FolderConflict => ("folder_conflict", ""),
        Field::LinkExpiry => ("expires_at", ""),
        Field::MaxDownloads => ("max_downloads", ""),
        // A later version of the domain validates more.
        _ => ("body", ""),
    };
    FieldError { field: field.to_owned(), message: format!("{}{advice}", violation.message) }
}

impl From<Error> for Problem {
    fn from(error: Error) -> Self {
        match &error {
            Error::NotFound => Self::not_found(),
            Error::Unauthenticated(cause) => Self::from_unauthenticated(*cause),
            Error::Forbidden(cause) => Self::from_forbidden(cause),
            Error::Conflict(conflict) => Self::from_conflict(conflict),
            Error::Gone(Gone::UploadExpired) => Self::new(Code::UploadExpired, "begin a new upload"),
            Error::Gone(Gone::LinkExpired) => Self::new(Code::LinkExpired, "ask its owner for another"),
            Error::Gone(Gone::Changes) => Self::new(Code::CursorReset, "list the drive again and start anew"),
            Error::Gone(Gone::LinkExhausted) => Self::new(Code::LinkExhausted, "ask its owner for another"),
            Error::Gone(other) => Self::unknown(other),
            Error::PreconditionFailed => Self::new(Code::PreconditionFailed, "the item has another ETag by now"),
            Error::Invalid(violations) => Self::violations(violations.iter().map(field_error).collect()),
            Error::Refused(refused) => Self::from_refused(refused),
            Error::RangeNotSatisfiable { size } => {
                let problem = Self::new(Code::RangeNotSatisfiable, format!("there are {size} bytes"));
                match HeaderValue::from_str(&format!("bytes */{size}")) {
                    Ok(value) => problem.header(actix_web::http::header::CONTENT_RANGE, value),
                    Err(_) => problem,
                }
            }
            Error::RateLimited { limit, retry_after, .. } => Self::rate_limited(*limit, *retry_after),
            Error::TooManyRunning { what, limit, retry_after } => {
                let detail = format!("at most {limit} {what} run at once: end one, or try again later");
                Self { detail, ..Self::rate_limited(*limit, *retry_after) }
            }
            Error::Unavailable { part, .. } => {
                Self::new(Code::Unavailable, format!("{part} is out of reach or busy; try again")).caused_by(&error)
            }
            Error::Internal { .. } | Error::Damaged { .. } => {
                Self { damage: matches!(error, Error::Damaged { .. }), ..Self::internal().caused_by(&error) }
            }
            other => Self::unknown(other),
        }
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.code.as_str(), self.detail)
    }
}

impl ResponseError for Problem {
    fn status_code(&self) -> StatusCode {
        StatusCode::from_u16(self.code.status()).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR)
    }

    fn error_response(&self) -> HttpResponse {
        let mut response = HttpResponse::new(self.status_code());
        response.extensions_mut().insert(self.clone());
        response
    }
}
