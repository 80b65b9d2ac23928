//! Errors of calls to the store.

use std::error::Error as StdError;
use std::fmt;

use aws_sdk_s3::config::http::HttpResponse;
use aws_sdk_s3::error::{ProvideErrorMetadata, SdkError};
use clouddrive_domain::Error;

/// Why a call to the store failed, and what to do. Contains no URLs, keys or messages of the store.
#[derive(Debug, thiserror::Error)]
#[error("{call}{answer}: {kind}{detail}")]
pub struct Trouble {
    call: &'static str,
    kind: TroubleKind,
    answer: Answer,
    detail: Detail,
}

/// What is wrong, and what to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum TroubleKind {
    /// The bucket does not exist.
    #[error("there is no such bucket; make it, or correct its name")]
    NoBucket,
    /// The bucket is in another region.
    #[error("the bucket is in another region; correct the region or the endpoint")]
    OtherRegion,
    /// The credentials lack a permission.
    #[error(
        "access is denied; give the credentials the rights that the README of clouddrive-s3 lists, or correct them"
    )]
    Denied,
    /// The store does not know the credentials.
    #[error("the store refuses the credentials; correct the access key and its secret, or renew them")]
    WrongCredentials,
    /// There are no credentials.
    #[error("no credentials were found; give an access key, a profile, or the machine a role")]
    NoCredentials,
    /// The clocks differ.
    #[error("the clocks of this machine and of the store differ too much; set them by NTP")]
    Skewed,
    /// The store is unreachable.
    #[error("the store cannot be reached; check the endpoint and the network")]
    Unreachable,
    /// The response was late or incomplete.
    #[error("the store does not answer in time")]
    NoAnswer,
    /// The store has an internal error, or is overloaded.
    #[error("the store is out of order or overloaded")]
    OutOfOrder,
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

impl Trouble {
    /// The error of the failed `call`.
    pub(crate) fn of<E: ProvideErrorMetadata>(call: &'static str, error: &SdkError<E, HttpResponse>) -> Self {
        let status = error.raw_response().map(|response| response.status().as_u16());
        match error {
            SdkError::ServiceError(fault) => {
                let code = fault.err().code().filter(|code| code.bytes().all(|b| b.is_ascii_alphanumeric()));
                Self {
                    call,
                    kind: TroubleKind::of_answer(code.unwrap_or_default(), status.unwrap_or_default()),
                    answer: Answer { code: code.map(str::to_owned), status },
                    detail: Detail::default(),
                }
            }
            SdkError::TimeoutError(_) => Self::silent(call, TroubleKind::NoAnswer),
            SdkError::ResponseError(_) => {
                let kind = TroubleKind::of_answer("", status.unwrap_or_default());
                let kind = if kind == TroubleKind::Other { TroubleKind::NoAnswer } else { kind };
                Self { answer: Answer { code: None, status }, ..Self::silent(call, kind) }
            }
            SdkError::DispatchFailure(failure) => {
                let causes = failure.as_connector_error().map(|error| causes(error)).unwrap_or_default();
                let kind = if failure.is_timeout() {
                    TroubleKind::NoAnswer
                } else if failure.is_other() && causes.iter().any(|cause| cause.contains("credential")) {
                    TroubleKind::NoCredentials
                } else {
                    TroubleKind::Unreachable
                };
                Self { detail: Detail(causes), ..Self::silent(call, kind) }
            }
            // Only wrong settings can make a call fail before it is sent.
            _ => Self::silent(call, TroubleKind::Unreachable),
        }
    }

    /// An error without a response.
    pub(crate) fn silent(call: &'static str, kind: TroubleKind) -> Self {
        Self { call, kind, answer: Answer::default(), detail: Detail::default() }
    }

    /// Converts a refusal of a basic multipart upload into [`TroubleKind::NoMultipart`].
    pub(crate) fn of_multipart(self) -> Self {
        match self.kind {
            TroubleKind::Other | TroubleKind::NotImplemented => Self { kind: TroubleKind::NoMultipart, ..self },
            _ => self,
        }
    }

    /// The kind of error.
    #[must_use]
    pub const fn kind(&self) -> TroubleKind {
        self.kind
    }

    /// Whether the store responded with this error code.
    pub(crate) fn is(&self, code: &str) -> bool {
        self.answer.code.as_deref() == Some(code)
    }

    /// Whether the object or multipart upload does not exist. Stores report this differently: a completed upload is
    /// `NoSuchUpload` on one and `NoSuchKey` on another. A missing bucket does not count.
    pub(crate) fn is_gone(&self) -> bool {
        self.kind != TroubleKind::NoBucket
            && (matches!(self.answer.status, Some(404 | 410))
                || ["NoSuchKey", "NoSuchUpload", "NoSuchVersion", "NotFound"].iter().any(|code| self.is(code)))
    }

    /// Whether a precondition of the call failed.
    pub(crate) fn is_unmet(&self) -> bool {
        self.is("PreconditionFailed")
            || self.is("ConditionalRequestConflict")
            || matches!(self.answer.status, Some(412))
    }

    /// Whether the store rejected the call (4xx), i.e. did not execute it.
    pub(crate) fn is_refusal(&self) -> bool {
        self.answer.status.is_some_and(|status| (400..500).contains(&status))
    }
}

/// The first line of each source's message, outermost first, without that of `error` itself.
fn causes(error: &(dyn StdError + 'static)) -> Vec<String> {
    let layers = std::iter::successors(error.source(), |&error| error.source());
    layers.map(|error| error.to_string().lines().next().unwrap_or_default().to_owned()).collect()
}

impl TroubleKind {
    fn of_answer(code: &str, status: u16) -> Self {
        match (code, status) {
            ("NoSuchBucket", _) => Self::NoBucket,
            ("PermanentRedirect" | "AuthorizationHeaderMalformed" | "IllegalLocationConstraintException", _)
            | (_, 301 | 307) => Self::OtherRegion,
            (
                "InvalidAccessKeyId"
                | "SignatureDoesNotMatch"
                | "InvalidToken"
                | "ExpiredToken"
                | "TokenRefreshRequired",
                _,
            ) => Self::WrongCredentials,
            ("RequestTimeTooSkewed", _) => Self::Skewed,
            // A completion may respond with status 200 before it fails with one of these.
            ("SlowDown" | "Throttling" | "ThrottlingException" | "RequestTimeout", _)
            | ("InternalError" | "ServiceUnavailable", 200)
            | (_, 408 | 429) => Self::OutOfOrder,
            ("NotImplemented", _) | (_, 405 | 501) => Self::NotImplemented,
            (_, 401 | 403) => Self::Denied,
            (_, 500..=599) => Self::OutOfOrder,
            _ => Self::Other,
        }
    }
}

impl From<Trouble> for Error {
    fn from(trouble: Trouble) -> Self {
        match trouble.kind {
            TroubleKind::Other | TroubleKind::NotImplemented | TroubleKind::NoMultipart => {
                Self::internal("storage", trouble)
            }
            _ => Self::unavailable("storage", trouble),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_are_told_apart() {
        for (code, status, kind) in [
            ("NoSuchBucket", 404, TroubleKind::NoBucket),
            ("PermanentRedirect", 301, TroubleKind::OtherRegion),
            ("AuthorizationHeaderMalformed", 400, TroubleKind::OtherRegion),
            ("", 301, TroubleKind::OtherRegion),
            ("AccessDenied", 403, TroubleKind::Denied),
            ("", 403, TroubleKind::Denied),
            ("InvalidAccessKeyId", 403, TroubleKind::WrongCredentials),
            ("SignatureDoesNotMatch", 403, TroubleKind::WrongCredentials),
            ("ExpiredToken", 400, TroubleKind::WrongCredentials),
            ("RequestTimeTooSkewed", 403, TroubleKind::Skewed),
            ("SlowDown", 503, TroubleKind::OutOfOrder),
            ("InternalError", 500, TroubleKind::OutOfOrder),
            ("InternalError", 200, TroubleKind::OutOfOrder),
            ("SlowDown", 200, TroubleKind::OutOfOrder),
            ("RequestTimeout", 400, TroubleKind::OutOfOrder),
            ("NotImplemented", 501, TroubleKind::NotImplemented),
            ("InvalidArgument", 400, TroubleKind::Other),
        ] {
            assert_eq!(TroubleKind::of_answer(code, status), kind, "{code} {status}");
        }
    }

    #[test]
    fn every_spelling_of_gone_is_read_as_such() {
        let answered = |code: Option<&str>, status| Trouble {
            answer: Answer { code: code.map(str::to_owned), status: Some(status) },
            ..Trouble::silent("ListParts", TroubleKind::of_answer(code.unwrap_or_default(), status))
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
            assert!(answered(code, status).is_gone(), "{code:?} {status}");
        }
        for (code, status) in [
            (Some("NoSuchBucket"), 404),
            (Some("AccessDenied"), 403),
            (Some("InvalidPart"), 400),
            (Some("InternalError"), 500),
            (None, 400),
            (None, 503),
        ] {
            assert!(!answered(code, status).is_gone(), "{code:?} {status}");
        }
    }

    #[test]
    fn only_unexpected_refusals_are_internal_errors() {
        for kind in [TroubleKind::NoBucket, TroubleKind::Denied, TroubleKind::NoCredentials, TroubleKind::NoAnswer] {
            let error = Error::from(Trouble::silent("HeadObject", kind));
            assert!(matches!(error, Error::Unavailable { part: "storage", .. }), "{kind:?}");
        }
        let error = Error::from(Trouble::silent("HeadObject", TroubleKind::Other));
        assert!(matches!(error, Error::Internal { part: "storage", .. }));
    }
}
