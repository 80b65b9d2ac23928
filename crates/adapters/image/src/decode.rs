//! Bytes into pixels, within limits.

use std::io::Cursor;

use image::metadata::Orientation;
use image::{DynamicImage, ImageDecoder, ImageError, ImageFormat, ImageReader, Limits};

use crate::container;

/// The most pixels that are decoded.
const MAX_PIXELS: u64 = 40_000_000;

/// The longest side that is decoded, in pixels.
const MAX_SIDE: u32 = 20_000;

/// What a decoder may allocate beside the pixels it returns, in bytes: as many pixels again, of the deepest kind.
const MAX_ALLOC: u64 = 8 * MAX_PIXELS;

pub(crate) const BROKEN: &str = "it is broken";
const FOREIGN: &str = "it must be a JPEG, PNG, WebP or GIF";
const LARGE: &str = "it has more than 40,000,000 pixels, or more than 20,000 on a side";

/// The first frame of a picture, and how it must be turned to be upright.
pub(crate) fn decode(picture: &[u8]) -> Result<(DynamicImage, Orientation), &'static str> {
    use ImageFormat::{Gif, Jpeg, Png, WebP};
    let format = image::guess_format(picture).ok().filter(|format| matches!(format, Jpeg | Png | WebP | Gif));
    let format = format.ok_or(FOREIGN)?;
    match format {
        // The decoder would paint what is missing grey.
        Jpeg if !container::jpeg_is_whole(picture) => return Err(BROKEN),
        // The decoder would find out only after it has decoded the frame.
        WebP => container::webp_frames(picture).try_for_each(|(width, height)| check_size(width, height))?,
        _ => {}
    }
    let mut reader = ImageReader::with_format(Cursor::new(picture), format);
    let mut limits = Limits::default();
    limits.max_image_width = Some(MAX_SIDE);
    limits.max_image_height = Some(MAX_SIDE);
    limits.max_alloc = Some(MAX_ALLOC);
    reader.limits(limits);
    let mut decoder = reader.into_decoder().map_err(reason)?;
    let (width, height) = decoder.dimensions();
    check_size(width, height)?;
    let orientation = match format {
        // The decoder would allocate whatever length the metadata claims.
        WebP => container::webp_exif(picture).and_then(Orientation::from_exif_chunk),
        _ => decoder.orientation().ok(),
    };
    let decoded = DynamicImage::from_decoder(decoder).map_err(reason)?;
    Ok((decoded, orientation.unwrap_or(Orientation::NoTransforms)))
}

fn check_size(width: u32, height: u32) -> Result<(), &'static str> {
    if width == 0 || height == 0 {
        return Err(BROKEN);
    }
    let fits = width.max(height) <= MAX_SIDE && u64::from(width) * u64::from(height) <= MAX_PIXELS;
    if fits { Ok(()) } else { Err(LARGE) }
}

fn reason(error: ImageError) -> &'static str {
    if matches!(error, ImageError::Limits(_)) { LARGE } else { BROKEN }
}
