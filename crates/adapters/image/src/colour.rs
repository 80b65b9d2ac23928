//! Colour conversion to sRGB.

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// The maximum number of bytes read of a profile.
const MAX_PROFILE: usize = 4 << 20;

/// Converts a photo from `profile` to sRGB. Leaves it unchanged if the profile is invalid or has other channels than
/// the decoder returned.
pub(crate) fn to_srgb(photo: &mut RgbImage, profile: &[u8]) {
    if let Some(converted) = converted(photo, profile) {
        *photo = converted;
    }
}

fn converted(photo: &RgbImage, profile: &[u8]) -> Option<RgbImage> {
    let profile = ColorProfile::new_from_slice(profile.get(..profile.len().min(MAX_PROFILE))?).ok()?;
    let (layout, samples) = match profile.color_space {
        DataColorSpace::Rgb => (Layout::Rgb, photo.as_raw().clone()),
        // In a grey picture all three channels are equal.
        DataColorSpace::Gray => (Layout::Gray, photo.pixels().map(|pixel| pixel.0[0]).collect()),
        _ => return None,
    };
    let options = TransformOptions::default();
    let transform = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()?;
    let mut converted = RgbImage::new(photo.width(), photo.height());
    transform.transform(&samples, &mut converted).ok()?;
    Some(converted)
}
