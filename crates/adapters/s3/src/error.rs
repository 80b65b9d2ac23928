//! Errors of calls to the store.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use clouddrive_domain::Error;

/// Why a call to the store failed, and what to do. Contains no URLs, keys or messages of the store.
#[derive(Debug, thiserror::Error)]
#[error("{call}{answer}: {kind}{detail}")]
pub struct S3Error {
    call: &'static str,
    kind: S3ErrorKind,
    answer: Answer,
    detail: Detail,
}

/// What is wrong, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum S3ErrorKind {
    /// The bucket does not exist.
    #[error("there is no such bucket; make it, or correct its name")]
    NoBucket,
    /// The bucket is in another region.
    #[error("the bucket is in another region; correct the region or the endpoint")]
    WrongRegion,
    /// The credentials lack a permission.
    #[error(
        "access is denied; give the credentials the rights that the README of clouddrive-s3 lists, or correct them"
    )]
    AccessDenied,
    /// The store does not know the credentials.
    #[error("the store refuses the credentials; correct the access key and its secret, or renew them")]
    WrongCredentials,
    /// There are no credentials.
    #[error("no credentials were found; give an access key, a profile, or the machine a role")]
    NoCredentials,
    /// The clocks differ.
    #[error("the clocks of this machine and of the store differ too much; set them by NTP")]
    ClockSkew,
    /// The store is unreachable.
    #[error("the store cannot be reached; check the endpoint and the network")]
    Unreachable,
    /// The response was late or incomplete.
    #[error("the store does not answer in time")]
    TimedOut,
    /// The store has an internal error, or is overloaded.
    #[error("the store is out of order or overloaded")]
    ServerError,
    /// The store does not support the operation.
    #[error("the store does not implement it")]
    NotImplemented,
    /// Multipart uploads do not work.
    #[error(
        "multipart uploads cannot be completed on this store, so no upload could end; use another one: docs/stores.md \
         lists those that work"
    )]
    NoMultipart,
    /// An unexpected refusal.
    #[error("the store refuses it")]
    Other,
}

/// The error code and status of the response, if there was one.
#[derive(Debug, Default)]
struct Answer {
    code: Option<String>,
    status: Option<u16>,
}

impl fmt::Display for Answer {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match (&self.code, self.status) {
            (Some(code), Some(status)) => write!(f, " ({code}, {status})"),
            (Some(code), None) => write!(f, " ({code})"),
            (None, Some(status)) => write!(f, " ({status})"),
            (None, None) => Ok(()),
        }
    }
}

/// The error chain of a network error.
#[derive(Debug, Default)]
struct Detail(Vec<String>);

impl fmt::Display for Detail {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|cause| write!(f, ": {cause}"))
    }
}

impl S3Error {
    /// The error of the failed `call`.
    pub(crate) fn from_sdk<E: ProvideErrorMetadata>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match error {
            SdkError::ServiceError(service) => {
                let code = service.err().code().filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric()));
                Self {
                    call,
                    kind: S3ErrorKind::from_answer(code.unwrap_or_default(), status.unwrap_or_default()),
                    answer: Answer { code: code.map(str::to_owned), status },
                    detail: Detail::default(),
                }
            }
            SdkError::TimeoutError(_) => Self::without_response(call, S3ErrorKind::TimedOut),
            SdkError::ResponseError(_) => {
                let kind = S3ErrorKind::from_answer("", status.unwrap_or_default());
                let kind = if kind == S3ErrorKind::Other { S3ErrorKind::TimedOut } else { kind };
                Self { answer: Answer { code: None, status }, ..Self::without_response(call, kind) }
            }
            SdkError::DispatchFailure(failure) => {
                let causes = failure.as_connector_error().map(|error| causes(error)).unwrap_or_default();
                let kind = if failure.is_timeout() {
                    S3ErrorKind::TimedOut
                } else if failure.is_other() && causes.iter().any(|cause| cause.contains("credential")) {
                    S3ErrorKind::NoCredentials
                } else {
                    S3ErrorKind::Unreachable
                };
                Self { detail: Detail(causes), ..Self::without_response(call, kind) }
            }
            // Only wrong settings can make a call fail before it is sent.
            _ => Self::without_response(call, S3ErrorKind::Unreachable),
        }
    }

    /// An error of loading credentials.
    pub(crate) fn without_credentials(call: &'static str, error: &(dyn StdError + 'static)) -> Self {
        Self { detail: Detail(causes(error)), ..Self::without_response(call, S3ErrorKind::NoCredentials) }
    }

    /// An error without a response.
    pub(crate) fn without_response(call: &'static str, kind: S3ErrorKind) -> Self {
        Self { call, kind, answer: Answer::default(), detail: Detail::default() }
    }

    /// Converts a refusal of a basic multipart upload into [`S3ErrorKind::NoMultipart`].
    pub(crate) fn into_multipart_error(self) -> Self {
        match self.kind {
            S3ErrorKind::Other | S3ErrorKind::NotImplemented => Self { kind: S3ErrorKind::NoMultipart, ..self },
            _ => self,
        }
    }

    /// The kind of error.
    #[must_use]
    pub const fn kind(&self) -> S3ErrorKind {
        self.kind
    }

    /// Whether the store responded with this error code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.answer.code.as_deref() == Some(code)
    }

    /// Whether the object or multipart upload does not exist. Stores report this differently: a completed upload is
    /// `NoSuchUpload` on one and `NoSuchKey` on another. A missing bucket does not count.
    pub(crate) fn is_missing(&self) -> bool {
        self.kind != S3ErrorKind::NoBucket
            && (matches!(self.answer.status, Some(404 | 410))
                || ["NoSuchKey", "NoSuchUpload", "NoSuchVersion", "NotFound"].iter().any(|code| self.is(code)))
    }

    /// Whether a precondition of the call failed.
    pub(crate) fn is_precondition_failed(&self) -> bool {
        self.is("PreconditionFailed")
            || self.is("ConditionalRequestConflict")
            || matches!(self.answer.status, Some(412))
    }

    /// Whether the store rejected the call (4xx), i.e. did not execute it.
    pub(crate) fn is_rejected(&self) -> bool {
        self.answer.status.is_some_and(|status| (400..500).contains(&status))
    }
}

/// The first line of each source's message, outermost first, without that of `error` itself.
fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let layers = std::iter::successors(error.source(), |&error| error.source());
    layers.map(|error| error.to_string().lines().next().unwrap_or_default().to_owned()).collect()
}

impl S3ErrorKind {
    fn from_answer(code: &str, status: u16) -> Self {
        match (code, status) {
            ("NoSuchBucket", _) => Self::NoBucket,
            ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
            | (_, 301 | 307) => Self::WrongRegion,
            (
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "ExpiredToken"
                | "TokenRefreshRequired",
                _,
            ) => Self::WrongCredentials,
            ("RequestTimeTooSkewed", _) => Self::ClockSkew,
            // A completion may respond with status 200 before it fails with one of these.
            ("SlowDown" | "Throttling" | "ThrottlingException" | "RequestTimeout", _)
            | ("InternalError" | "ServiceUnavailable", 200)
            | (_, 408 | 429) => Self::ServerError,
            ("NotImplemented", _) | (_, 405 | 501) => Self::NotImplemented,
            (_, 401 | 403) => Self::AccessDenied,
            (_, 500..=599) => Self::ServerError,
            _ => Self::Other,
        }
    }
}

impl From<S3Error> for Error {
    fn from(error: S3Error) -> Self {
        match error.kind {
            S3ErrorKind::Other | S3ErrorKind::NotImplemented | S3ErrorKind::NoMultipart => {
                Self::internal("storage", error)
            }
            _ => Self::unavailable("storage", error),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        for (code, status, kind) in [
            ("NoSuchBucket", 404, S3ErrorKind::NoBucket),
            ("PermanentRedirect", 301, S3ErrorKind::WrongRegion),
            ("AuthorizationHeaderMalformed", 400, S3ErrorKind::WrongRegion),
            ("", 301, S3ErrorKind::WrongRegion),
            ("AccessDenied", 403, S3ErrorKind::AccessDenied),
            ("", 403, S3ErrorKind::AccessDenied),
            ("InvalidAccessKeyId", 403, S3ErrorKind::WrongCredentials),
            ("SignatureDoesNotMatch", 403, S3ErrorKind::WrongCredentials),
            ("ExpiredToken", 400, S3ErrorKind::WrongCredentials),
            ("RequestTimeTooSkewed", 403, S3ErrorKind::ClockSkew),
            ("SlowDown", 503, S3ErrorKind::ServerError),
            ("InternalError", 500, S3ErrorKind::ServerError),
            ("InternalError", 200, S3ErrorKind::ServerError),
            ("SlowDown", 200, S3ErrorKind::ServerError),
            ("RequestTimeout", 400, S3ErrorKind::ServerError),
            ("NotImplemented", 501, S3ErrorKind::NotImplemented),
            ("InvalidArgument", 400, S3ErrorKind::Other),
        ] {
            assert_eq!(S3ErrorKind::from_answer(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn every_spelling_of_gone_is_read_as_such() {
        let answered = |code: Option<&str>, status| S3Error {
            answer: Answer { code: code.map(str::to_owned), status: Some(status) },
            ..S3Error::without_response("ListParts", S3ErrorKind::from_answer(code.unwrap_or_default(), status))
        };
        for (code, status) in [
            (Some("NoSuchUpload"), 404),
            (Some("NoSuchKey"), 404),
            (Some("NoSuchVersion"), 404),
            (Some("NotFound"), 404),
            (Some("SomethingElse"), 404),
            (Some("NoSuchUpload"), 400),
            (Some("NoSuchUpload"), 200),
            (None, 404),
            (None, 410),
        ] {
            assert!(answered(code, status).is_missing(), "{code:?} {status}");
        }
        for (code, status) in [
            (Some("NoSuchBucket"), 404),
            (Some("AccessDenied"), 403),
            (Some("InvalidPart"), 400),
            (Some("InternalError"), 500),
            (None, 400),
            (None, 503),
        ] {
            assert!(!answered(code, status).is_missing(), "{code:?} {status}");
        }
    }

    #[test]
    fn only_unexpected_refusals_are_internal_errors() {
        for kind in
            [S3ErrorKind::NoBucket, S3ErrorKind::AccessDenied, S3ErrorKind::NoCredentials, S3ErrorKind::TimedOut]
        {
            let error = Error::from(S3Error::without_response("HeadObject", kind));
            assert!(matches!(error, Error::Unavailable { part: "storage", .. }), "{kind:?}");
        }
        let error = Error::from(S3Error::without_response("HeadObject", S3ErrorKind::Other));
        assert!(matches!(error, Error::Internal { part: "storage", .. }));
    }
}
