//! Cropping to the centre square, and resizing.

use image::imageops::{FilterType, resize, thumbnail};
use image::{DynamicImage, GenericImageView, Rgb, RgbImage};

/// The side of a photo, in pixels.
const SIDE: u32 = 400;

/// The side of a square that has all the detail a photo can show.
pub(crate) const DETAIL: u32 = 2 * SIDE;

/// A view of the centre square of a picture on white, without copying.
pub(crate) struct Square<'a> {
    picture: &'a DynamicImage,
    left: u32,
    top: u32,
    side: u32,
}

impl<'a> Square<'a> {
    pub(crate) fn centre_of(picture: &'a DynamicImage) -> Self {
        let (width, height) = picture.dimensions();
        let side = width.min(height);
        Self { picture, left: (width - side) / 2, top: (height - side) / 2, side }
    }
}

impl GenericImageView for Square<'_> {
    type Pixel = Rgb<u8>;

    fn dimensions(&self) -> (u32, u32) {
        (self.side, self.side)
    }

    fn get_pixel(&self, x: u32, y: u32) -> Rgb<u8> {
        let [red, green, blue, alpha] = self.picture.get_pixel(self.left + x, self.top + y).0;
        let on_white = |value: u8| {
            let (value, alpha) = (u32::from(value), u32::from(alpha));
            // At most 255 × 255 + 127, which is less than 256 × 255: the quotient is a byte.
            ((value * alpha + 255 * (255 - alpha) + 127) / 255) as u8
        };
        Rgb([on_white(red), on_white(green), on_white(blue)])
    }
}

/// Resizes the square to the size of a photo.
///
/// Large squares are first averaged down: the better filter's cost is proportional to its input.
pub(crate) fn shrink(square: &Square<'_>) -> RgbImage {
    if square.side > 2 * DETAIL {
        resize(&thumbnail(square, DETAIL, DETAIL), SIDE, SIDE, FilterType::Lanczos3)
    } else {
        resize(square, SIDE, SIDE, FilterType::Lanczos3)
    }
}
