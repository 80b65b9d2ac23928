use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

/// Makes profile photos of pictures that people send.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PhotoMaker: Send + Sync {
    /// The middle square of a JPEG, PNG, WebP or GIF (by its bytes), upright, as a JPEG of 400×400 pixels that carries
    /// nothing else of the original. How many pixels there are MUST be checked before they are decoded.
    ///
    /// # Errors
    /// [`Image`](crate::error::Refused::Image) when it is none of these, broken or too large;
    /// [`Unavailable`](crate::Error::Unavailable) when too many wait already.
    async fn make(&self, picture: Bytes) -> Result<Bytes>;
}
