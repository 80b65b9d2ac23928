use serde::{Deserialize, Serialize};

use crate::Time;

/// `POST /profile_photo` as `multipart/form-data`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoForm {
    /// A JPEG, PNG, WebP or GIF of at most 5 MiB.
    #[cfg_attr(feature = "openapi", schema(format = Binary, content_media_type = "image/*"))]
    pub photo: String,
}

/// Where a profile photo can be fetched for a short while: a JPEG of 400×400 pixels.
#[derive(Clone, Serialize, Deserialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoUrl {
    /// The URL.
    #[cfg_attr(
        feature = "openapi",
        schema(
            example = "http://127.0.0.1:8000/blob/00112233445566778899aabbccddeeff?expires=1795327920&signature=c2ln"
        )
    )]
    pub url: String,
    /// When it expires.
    pub expires_at: Time,
}
