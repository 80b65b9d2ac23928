//! Colours of other profiles as sRGB.

use image::RgbImage;
use moxcms::{ColorProfile, DataColorSpace, Layout, TransformOptions};

/// The largest profile that is looked at, in bytes.
const MAX_PROFILE: usize = 4 << 20;

/// Turns the colours of a photo, which are those of `profile`, into sRGB. They stay as they are when the profile is none, or is
/// of other channels than the decoder gave.
pub(crate) fn to_srgb(photo: &mut RgbImage, profile: &[u8]) {
    if let Some(converted) = converted(photo, profile) {
        *photo = converted;
    }
}

fn converted(photo: &RgbImage, profile: &[u8]) -> Option<RgbImage> {
    let profile = ColorProfile::new_from_slice(profile.get(..profile.len().min(MAX_PROFILE))?).ok()?;
    let (layout, samples) = match profile.color_space {
        DataColorSpace::Rgb => (Layout::Rgb, photo.as_raw().clone()),
        // Of a grey picture all three channels are the same.
        DataColorSpace::Gray => (Layout::Gray, photo.pixels().map(|pixel| pixel.0[0]).collect()),
        _ => return None,
    };
    let options = TransformOptions::default();
    let transform = profile.create_transform_8bit(layout, &ColorProfile::new_srgb(), Layout::Rgb, options).ok()?;
    let mut converted = RgbImage::new(photo.width(), photo.height());
    transform.transform(&samples, &mut converted).ok()?;
    Some(converted)
}
