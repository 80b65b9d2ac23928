//! Decoding within limits.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::picture::{BROKEN, MAX_PIXELS, MAX_SIDE, Picture, TOO_LARGE, check_area, check_size};
use crate::{container, jpeg, jxl};

/// The maximum number of pixels of a JPEG: enough for phones. At full size each takes three bytes, and six more while
/// decoding a progressive one.
const MAX_JPEG_PIXELS: u64 = 51_000_000;

/// JPEGs of more pixels are decoded at a fraction of their size. Smaller ones need little memory at full size, and that
/// decoder also shows the broken ones.
const MAX_FULL_JPEG_PIXELS: u64 = 16_000_000;

/// The bytes that a decoder may allocate besides the pixels it returns: as many pixels again, at the largest depth.
const MAX_ALLOC: u64 = 8 * MAX_PIXELS;

#[cfg(not(feature = "heic"))]
const UNSUPPORTED: &str = "it must be a JPEG, PNG, WebP, GIF or JPEG XL";
#[cfg(feature = "heic")]
const UNSUPPORTED: &str = "it must be a JPEG, PNG, WebP, GIF, JPEG XL or HEIC";

/// Decodes the first frame of a picture, its orientation and its profile.
pub(crate) fn decode(picture: &[u8]) -> Result<Picture, &'static str> {
    use ImageFormat::{Gif, Jpeg, Png, WebP};
    if jxl::is_jxl(picture) {
        return jxl::decode(picture);
    }
    #[cfg(feature = "heic")]
    if crate::heic::is_heic(picture) {
        return crate::heic::decode(picture);
    }
    let format = image::guess_format(picture).ok().filter(|format| matches!(format, Jpeg | Png | WebP | Gif));
    let format = format.ok_or(UNSUPPORTED)?;
    if format == WebP {
        // The decoder would check this only after decoding the frame.
        container::webp_lossy_frame_sizes(picture).try_for_each(|(width, height)| check_size(width, height))?;
    }
    let mut reader = ImageReader::with_format(Cursor::new(picture), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    check_area(width, height, if format == Jpeg { MAX_JPEG_PIXELS } else { MAX_PIXELS })?;
    let (orientation, profile) = match format {
        // The decoder would allocate whatever length the metadata claims.
        WebP => {
            let exif = container::webp_chunk(picture, *b"EXIF").and_then(Orientation::from_exif_chunk);
            (exif, container::webp_chunk(picture, *b"ICCP").map(<[u8]>::to_vec))
        }
        _ => (decoder.orientation().ok(), decoder.icc_profile().ok().flatten()),
    };
    let large = format == Jpeg && u64::from(width) * u64::from(height) > MAX_FULL_JPEG_PIXELS;
    let pixels = match large.then(|| jpeg::decode_scaled(picture, width, height)).flatten() {
        Some(pixels) => pixels,
        // The missing rest of a truncated JPEG is grey, as in browsers.
        None => DynamicImage::from_decoder(decoder).map_err(reason)?,
    };
    Ok(Picture { pixels, orientation, profile })
}

fn reason(error: ImageError) -> &'static str {
    if matches!(error, ImageError::Limits(_)) { TOO_LARGE } else { BROKEN }
}
