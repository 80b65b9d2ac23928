use serde::{Deserialize, Serialize};

/// `POST /profile_photo` as `multipart/form-data`.
#[derive(Clone, Debug, Deserialize, Serialize)]
#[cfg_attr(feature = "openapi", derive(utoipa::ToSchema))]
pub struct PhotoForm {
    /// A JPEG, PNG, WebP, GIF or JPEG XL image (HEIC if the server supports it) of at most 5 MiB.
    #[cfg_attr(feature = "openapi", schema(format = Binary, content_media_type = "image/*"))]
    pub photo: String,
}
