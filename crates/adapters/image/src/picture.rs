//! Decoded pictures, and the limits on them.

use image::DynamicImage;
use image::metadata::Orientation;

/// The maximum number of pixels.
pub(crate) const MAX_PIXELS: u64 = 40_000_000;

/// The maximum side length in pixels.
pub(crate) const MAX_SIDE: u32 = 20_000;

pub(crate) const BROKEN: &str = "it is broken";
pub(crate) const TOO_LARGE: &str =
    "it has more than 40,000,000 pixels (51,000,000 as a JPEG), or more than 20,000 on a side";

/// A decoded picture.
pub(crate) struct Picture {
    /// Its first frame.
    pub(crate) pixels: DynamicImage,
    /// The rotation that turns it upright, if any.
    pub(crate) orientation: Option<Orientation>,
    /// The ICC profile; `None` for sRGB.
    pub(crate) profile: Option<Vec<u8>>,
}

/// Checks the size limits that apply to all formats.
pub(crate) fn check_size(width: u32, height: u32) -> Result<(), &'static str> {
    check_area(width, height, MAX_PIXELS)
}

pub(crate) fn check_area(width: u32, height: u32, max: u64) -> Result<(), &'static str> {
    if width == 0 || height == 0 {
        return Err(BROKEN);
    }
    let fits = width.max(height) <= MAX_SIDE && u64::from(width) * u64::from(height) <= max;
    if fits { Ok(()) } else { Err(TOO_LARGE) }
}
