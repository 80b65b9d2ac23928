use async_trait::async_trait;
use bytes::Bytes;

use crate::error::Result;

/// Converts uploaded pictures to profile photos.
///
/// ```
/// use clouddrive_domain::bytes::Bytes;
/// use clouddrive_domain::error::Refused;
/// use clouddrive_domain::port::PhotoMaker;
/// use clouddrive_domain::{Error, Result};
///
/// /// The photo; none if the picture is not an accepted one.
/// async fn photo(maker: &dyn PhotoMaker, picture: Bytes) -> Result<Option<Bytes>> {
///     match maker.make(picture).await {
///         Err(Error::Refused(Refused::Image(_))) => Ok(None),
///         made => made.map(Some),
///     }
/// }
/// ```
#[cfg_attr(any(test, feature = "mock"), mockall::automock)]
#[async_trait]
pub trait PhotoMaker: Send + Sync {
    /// Crops a JPEG, PNG, WebP, GIF or JPEG XL (detected by content) to its centre square and returns it, upright and
    /// in sRGB, as a JPEG of 400×400 pixels without any metadata of the original. A JPEG truncated at its end is
    /// accepted. The number of pixels MUST be checked before decoding.
    ///
    /// # Errors
    /// [`Image`](crate::error::Refused::Image) if it is none of these, broken or too large;
    /// [`Unavailable`](crate::Error::Unavailable) if too many calls are already waiting.
    async fn make(&self, picture: Bytes) -> Result<Bytes>;
}
