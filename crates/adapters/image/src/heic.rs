//! HEIC. The decoder is still young, so only the usual picture sizes of phones are accepted.

use image::{DynamicImage, RgbImage};

use crate::picture::{BROKEN, Picture, check_size};

/// The maximum number of pixels: each takes 15 bytes while decoding.
const MAX_PIXELS: usize = 25_000_000;

const TOO_LARGE: &str = "as HEIC it must have at most 25,000,000 pixels";

/// Whether a picture is a HEIC, by the brand of its container.
pub(crate) fn is_heic(picture: &[u8]) -> bool {
    const BRANDS: [&[u8]; 4] = [b"heic", b"heix", b"heim", b"heis"];
    let brand = picture.get(4..12).and_then(|header| header.strip_prefix(b"ftyp"));
    brand.is_some_and(|brand| BRANDS.contains(&brand))
}

/// Decodes a HEIC. The decoder rotates it upright by itself.
pub(crate) fn decode(picture: &[u8]) -> Result<Picture, &'static str> {
    let info = heic_decoder::probe(picture).map_err(|_| BROKEN)?;
    for (width, height) in [(info.width, info.height), (info.coded_width, info.coded_height)] {
        let side = |side: usize| u32::try_from(side).unwrap_or(u32::MAX);
        check_size(side(width), side(height))?;
        if width.saturating_mul(height) > MAX_PIXELS {
            return Err(TOO_LARGE);
        }
    }
    let decoded = heic_decoder::decode(picture).map_err(|_| BROKEN)?;
    let rgb = decoded.to_rgb8().map_err(|_| BROKEN)?;
    let (width, height) = (u32::try_from(rgb.width), u32::try_from(rgb.height));
    let pixels = match (width, height) {
        (Ok(width), Ok(height)) => RgbImage::from_raw(width, height, rgb.data).ok_or(BROKEN)?,
        _ => return Err(BROKEN),
    };
    Ok(Picture { pixels: DynamicImage::ImageRgb8(pixels), orientation: None, profile: decoded.metadata.icc_profile })
}
