use std::convert::Infallible;
use std::str::FromStr;

use super::{
    BlobKey, ChangeKind, Email, EntityTag, IdempotencyKey, JobKind, LinkToken, LoginIdentifier, MediaType,
    MultipartUploadId, Name, NameError, RefreshToken, RequestId, Scope, SearchText, SearchTextError, Sha256, StoreName,
    Username,
};

/// Why a text is not a value of a type.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct ParseError(&'static str);

impl ParseError {
    /// The text breaks `rule`: "must be …".
    pub(crate) const fn new(rule: &'static str) -> Self {
        Self(rule)
    }

    /// The rule that the text breaks, human-readable.
    #[must_use]
    pub const fn rule(self) -> &'static str {
        self.0
    }
}

/// Implements `FromStr` by `parse`, which needs no import.
macro_rules! from_str {
    ($($type:ident: $error:ty,)+) => {$(
        impl FromStr for $type {
            type Err = $error;

            fn from_str(text: &str) -> Result<Self, $error> {
                Self::parse(text)
            }
        }
    )+};
}

from_str! {
    BlobKey: ParseError,
    Email: ParseError,
    EntityTag: ParseError,
    IdempotencyKey: ParseError,
    JobKind: ParseError,
    LinkToken: ParseError,
    MediaType: ParseError,
    MultipartUploadId: ParseError,
    Name: NameError,
    RefreshToken: ParseError,
    RequestId: ParseError,
    Scope: ParseError,
    SearchText: SearchTextError,
    Sha256: ParseError,
    StoreName: ParseError,
    Username: ParseError,
}

/// Implements `FromStr` by a `parse` that takes any text.
macro_rules! from_any_str {
    ($($type:ident,)+) => {$(
        impl FromStr for $type {
            type Err = Infallible;

            fn from_str(text: &str) -> Result<Self, Infallible> {
                Ok(Self::parse(text))
            }
        }
    )+};
}

from_any_str! {
    ChangeKind,
    LoginIdentifier,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn values_are_parsed_from_text_and_say_what_is_wrong_with_it() {
        assert_eq!("disk".parse(), StoreName::parse("disk"));
        assert_eq!(" Ann ".parse::<LoginIdentifier>(), Ok(LoginIdentifier::Username("ann".to_owned())));
        assert_eq!("a/b".parse::<Name>(), Err(NameError::Separator));
        let error: Box<dyn std::error::Error> = "a".parse::<Username>().unwrap_err().into();
        assert_eq!(error.to_string(), "must be 3 to 32 of A–Z a–z 0–9 _ . -");
    }
}
