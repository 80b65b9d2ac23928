//! Large JPEGs, decoded at a fraction of their size.

use image::{DynamicImage, GrayImage, RgbImage};
use jpeg_decoder::{CodingProcess, Decoder, PixelFormat};

use crate::square::DETAIL;

/// The maximum number of scans, those of embedded previews included. The decoder passes over all blocks for each scan,
/// even if it has no data.
const MAX_SEQUENTIAL_SCANS: usize = 5;
const MAX_PROGRESSIVE_SCANS: usize = 20;

const START_OF_SCAN: [u8; 2] = [0xFF, 0xDA];

/// Decodes a JPEG at the smallest of an eighth, a quarter or half of its size that has as many pixels as a photo needs.
///
/// Returns `None` if all have too few, and for pictures that this decoder reads worse than the one for all sizes:
/// truncated and broken ones, and those with other than one or three components of eight bits.
pub(crate) fn decode_scaled(jpeg: &[u8], width: u32, height: u32) -> Option<DynamicImage> {
    let mut decoder = Decoder::new(jpeg);
    decoder.read_info().ok()?;
    let info = decoder.info()?;
    // The limits were checked for the size that the other decoder has found.
    if (u32::from(info.width), u32::from(info.height)) != (width, height) {
        return None;
    }
    let max_scans = match info.coding_process {
        CodingProcess::DctSequential => MAX_SEQUENTIAL_SCANS,
        CodingProcess::DctProgressive => MAX_PROGRESSIVE_SCANS,
        CodingProcess::Lossless => return None,
    };
    let mut decoder = Decoder::new(up_to_scan(jpeg, max_scans)?);
    let enough = u16::try_from(DETAIL).ok()?;
    // To the decoder one side suffices, so the longer one asks for more than it can have.
    let (least_width, least_height) = if width < height { (enough, u16::MAX) } else { (u16::MAX, enough) };
    let scaled = decoder.scale(least_width, least_height).ok()?;
    if scaled == (info.width, info.height) {
        return None;
    }
    let (width, height) = (u32::from(scaled.0), u32::from(scaled.1));
    match info.pixel_format {
        PixelFormat::L8 => GrayImage::from_raw(width, height, decoder.decode().ok()?).map(DynamicImage::ImageLuma8),
        PixelFormat::RGB24 => RgbImage::from_raw(width, height, decoder.decode().ok()?).map(DynamicImage::ImageRgb8),
        PixelFormat::L16 | PixelFormat::CMYK32 => None,
    }
}

/// The part of a JPEG before the first scan too many.
fn up_to_scan(jpeg: &[u8], max: usize) -> Option<&[u8]> {
    let scans = jpeg.windows(2).enumerate().filter(|(_, marker)| *marker == START_OF_SCAN);
    jpeg.get(..scans.map(|(at, _)| at).nth(max).unwrap_or(jpeg.len()))
}
