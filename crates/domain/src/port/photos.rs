use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

/// Makes profile photos of pictures that people send.
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PhotoMaker: Send + Sync {
    /// The middle square of a JPEG, PNG, WebP, GIF or JPEG XL (by its bytes), upright and in the colours of sRGB, as a JPEG of
    /// 400×400 pixels that carries nothing else of the original. A JPEG whose last bytes are missing is taken. How many pixels there are MUST be checked before they are decoded.
    ///
    /// # Errors
    /// [`Image`](crate::error::Refused::Image) when it is none of these, broken or too large;
    /// [`Unavailable`](crate::Error::Unavailable) when too many wait already.
    async fn make(&self, picture: Bytes) -> Result<Bytes>;
}
