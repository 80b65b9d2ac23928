//! Conformance suite for [`PhotoMaker`].
#![expect(clippy::unwrap_used, clippy::panic, reason = "a suite fails by a panic")]

use std::io::Cursor;

use bytes::Bytes;
use clouddrive_domain::Error;
use clouddrive_domain::error::Refused;
use clouddrive_domain::port::PhotoMaker;
use image::codecs::jpeg::JpegEncoder;
use image::{DynamicImage, ExtendedColorType, ImageEncoder, ImageFormat, Rgb, RgbImage};

use crate::case::suite;

suite! {
    $ photos(photos: &dyn PhotoMaker) (photos)

    self of "`PhotoMaker::make`: Crops a JPEG, PNG, WebP, GIF or JPEG XL (detected by content) to its centre square" {
        every_format_becomes_a_jpeg_of_400_by_400,
        any_shape_becomes_a_square,
        the_middle_is_kept,
    }

    self of "`PhotoMaker::make`: upright and in sRGB" {
        photos_are_upright,
        colours_of_a_profile_become_srgb,
    }

    self of "`PhotoMaker::make`: without any metadata of the original" {
        nothing_else_of_the_original_is_kept,
    }

    self of "`PhotoMaker::make`: if it is none of these, broken or too large" {
        other_formats_are_refused,
        broken_pictures_are_refused,
    }

    self of "`PhotoMaker::make`: A JPEG truncated at its end is accepted." {
        a_jpeg_may_break_off_at_its_end,
    }

    self of "`PhotoMaker::make`: The number of pixels MUST be checked before decoding." {
        pictures_that_claim_too_many_pixels_are_refused,
    }
}

const RED: Rgb<u8> = Rgb([220, 20, 20]);
const GREEN: Rgb<u8> = Rgb([20, 200, 20]);
const BLUE: Rgb<u8> = Rgb([20, 20, 220]);
const GREY: Rgb<u8> = Rgb([128, 128, 128]);
const FORMATS: [ImageFormat; 4] = [ImageFormat::Jpeg, ImageFormat::Png, ImageFormat::WebP, ImageFormat::Gif];

fn encoded(picture: &RgbImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    DynamicImage::ImageRgb8(picture.clone()).write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

/// A picture that no format compresses to a few bytes.
fn noise(width: u32, height: u32) -> RgbImage {
    let mut state = 1u32;
    RgbImage::from_fn(width, height, |_, _| {
        state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
        let [_, red, green, blue] = state.to_le_bytes();
        Rgb([red, green, blue])
    })
}

async fn made(photos: &dyn PhotoMaker, picture: Vec<u8>) -> RgbImage {
    let photo = photos.make(Bytes::from(picture)).await.unwrap();
    let photo = image::load_from_memory_with_format(&photo, ImageFormat::Jpeg).unwrap();
    assert_eq!((photo.width(), photo.height()), (400, 400));
    photo.to_rgb8()
}

async fn assert_refused(photos: &dyn PhotoMaker, picture: Vec<u8>, what: &str) {
    let answer = photos.make(Bytes::from(picture)).await;
    assert!(matches!(answer, Err(Error::Refused(Refused::Image(_)))), "{what} was answered {answer:?}");
}

fn assert_colour(photo: &RgbImage, (x, y): (u32, u32), expected: Rgb<u8>, what: &str) {
    let actual = photo.get_pixel(x, y);
    let near = actual.0.iter().zip(expected.0).all(|(one, other)| one.abs_diff(other) < 40);
    assert!(near, "{what}: {actual:?} at {x}, {y} instead of {expected:?}");
}

/// Each of the `FORMATS` is detected by its bytes and keeps its colours.
async fn every_format_becomes_a_jpeg_of_400_by_400(photos: &dyn PhotoMaker) {
    for format in FORMATS {
        let photo = made(photos, encoded(&RgbImage::from_pixel(500, 500, BLUE), format)).await;
        assert_colour(&photo, (200, 200), BLUE, &format!("{format:?}"));
    }
}

/// Wide, tall, small and large pictures.
async fn any_shape_becomes_a_square(photos: &dyn PhotoMaker) {
    for (width, height) in [(1, 1), (2, 900), (900, 2), (399, 401), (400, 400), (2500, 1700)] {
        let photo = made(photos, encoded(&RgbImage::from_pixel(width, height, GREEN), ImageFormat::Png)).await;
        for corner in [(0, 0), (399, 0), (0, 399), (399, 399)] {
            assert_colour(&photo, corner, GREEN, &format!("{width}×{height}"));
        }
    }
}

/// The photo is cropped to the middle square.
async fn the_middle_is_kept(photos: &dyn PhotoMaker) {
    let stripe = |at| match at {
        0..600 => RED,
        600..1200 => GREEN,
        _ => BLUE,
    };
    for picture in [RgbImage::from_fn(1800, 600, |x, _| stripe(x)), RgbImage::from_fn(600, 1800, |_, y| stripe(y))] {
        let photo = made(photos, encoded(&picture, ImageFormat::Png)).await;
        for point in [(5, 5), (394, 5), (200, 200), (5, 394), (394, 394)] {
            assert_colour(&photo, point, GREEN, "the middle third");
        }
    }
}

/// All eight EXIF orientations are undone.
async fn photos_are_upright(photos: &dyn PhotoMaker) {
    // Expected: red above green on the left, blue above grey on the right.
    let quarters = [RED, BLUE, GREEN, GREY];
    let points = [(100, 100), (300, 100), (100, 300), (300, 300)];
    let upright = RgbImage::from_fn(64, 64, |x, y| match (x < 32, y < 32) {
        (true, true) => RED,
        (false, true) => BLUE,
        (true, false) => GREEN,
        (false, false) => GREY,
    });
    for orientation in 1..=8 {
        let photo = made(photos, photographed(&upright, orientation)).await;
        for (point, colour) in points.into_iter().zip(quarters) {
            assert_colour(&photo, point, colour, &format!("orientation {orientation}"));
        }
    }
}

/// `upright` as a JPEG from a camera that was held in this EXIF orientation.
fn photographed(upright: &RgbImage, orientation: u8) -> Vec<u8> {
    use image::imageops::{flip_horizontal, flip_vertical, rotate90, rotate180, rotate270};
    let stored = match orientation {
        2 => flip_horizontal(upright),
        3 => rotate180(upright),
        4 => flip_vertical(upright),
        5 => flip_horizontal(&rotate90(upright)),
        6 => rotate270(upright),
        7 => flip_horizontal(&rotate270(upright)),
        8 => rotate90(upright),
        _ => upright.clone(),
    };
    with_exif(&stored, &exif(orientation, b""))
}

/// A TIFF header with one entry, the orientation, followed by `more`.
fn exif(orientation: u8, more: &[u8]) -> Vec<u8> {
    let head = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0";
    [head.as_slice(), &[orientation], &[0; 6], more].concat()
}

fn with_exif(picture: &RgbImage, exif: &[u8]) -> Vec<u8> {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 95);
    encoder.set_exif_metadata(exif.to_vec()).unwrap();
    encoder.set_icc_profile(b"a profile of colours".to_vec()).unwrap();
    encoder.write_image(picture, picture.width(), picture.height(), ExtendedColorType::Rgb8).unwrap();
    jpeg
}

/// Metadata, colour profiles and trailing bytes are dropped.
async fn nothing_else_of_the_original_is_kept(photos: &dyn PhotoMaker) {
    let mut picture = with_exif(&RgbImage::from_pixel(64, 64, RED), &exif(1, b"a place on a map"));
    picture.extend(b"an appended note");
    let photo = photos.make(Bytes::from(picture)).await.unwrap();
    for secret in ["Exif", "a place on a map", "a profile of colours", "an appended note"] {
        let found = photo.windows(secret.len()).any(|window| window == secret.as_bytes());
        assert!(!found, "{secret:?} of the original stands in the photo");
    }
}

/// Other image formats and bytes that are no image are refused.
async fn other_formats_are_refused(photos: &dyn PhotoMaker) {
    let svg = "<svg xmlns='http://www.w3.org/2000/svg' width='9' height='9'><script>alert(1)</script></svg>";
    let bitmap = b"BM\x3a\0\0\0\0\0\0\0\x36\0\0\0\x28\0\0\0\x01\0\0\0\x01\0\0\0\x01\0\x18\0\0\0\0\0\x04\0\0\0\
        \0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\xff\xff\xff\0";
    for (what, bytes) in [
        ("nothing", &b""[..]),
        ("text", b"no picture"),
        ("SVG", svg.as_bytes()),
        ("BMP", bitmap),
        ("TIFF", b"II*\0\x08\0\0\0\0\0\0\0\0\0"),
        ("PDF", b"%PDF-1.7\n"),
        ("ICO", b"\0\0\x01\0\x01\0\x10\x10"),
        ("AVIF", b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"),
        ("another RIFF", b"RIFF\x24\0\0\0WAVEfmt "),
    ] {
        assert_refused(photos, bytes.to_vec(), what).await;
    }
}

/// A JPEG may lack a few bytes at its end.
async fn a_jpeg_may_break_off_at_its_end(photos: &dyn PhotoMaker) {
    let whole = encoded(&RgbImage::from_pixel(500, 500, GREEN), ImageFormat::Jpeg);
    for missing in [1, 2, 10] {
        let part = whole.iter().copied().take(whole.len() - missing).collect();
        assert_colour(&made(photos, part).await, (200, 100), GREEN, "a JPEG that breaks off");
    }
}

/// Colours are converted by the embedded profile, here one with red and green swapped.
async fn colours_of_a_profile_become_srgb(photos: &dyn PhotoMaker) {
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 95);
    encoder.set_icc_profile(swapped_profile()).unwrap();
    let picture = RgbImage::from_pixel(64, 64, RED);
    encoder.write_image(&picture, 64, 64, ExtendedColorType::Rgb8).unwrap();
    let photo = made(photos, jpeg).await;
    assert_colour(&photo, (200, 200), Rgb([20, 220, 20]), "a profile whose red is green");
}

/// An ICC profile (version 2, matrix, gamma 2.2) with the sRGB primaries, red and green swapped.
fn swapped_profile() -> Vec<u8> {
    let fixed = |number: f64| ((number * 65_536.0).round() as i32).to_be_bytes();
    let xyz = |[x, y, z]: [f64; 3]| [b"XYZ \0\0\0\0".as_slice(), &fixed(x), &fixed(y), &fixed(z)].concat();
    let curve = [b"curv\0\0\0\0\0\0\0\x01\x02\x33".as_slice(), &[0, 0]].concat();
    let white = [0.9642, 1.0, 0.8249];
    let (red, green, blue) = ([0.4361, 0.2225, 0.0139], [0.3851, 0.7169, 0.0971], [0.1431, 0.0606, 0.7141]);
    let tags: [(&[u8; 4], Vec<u8>); 7] = [
        (b"wtpt", xyz(white)),
        (b"rXYZ", xyz(green)),
        (b"gXYZ", xyz(red)),
        (b"bXYZ", xyz(blue)),
        (b"rTRC", curve.clone()),
        (b"gTRC", curve.clone()),
        (b"bTRC", curve),
    ];
    let (mut table, mut data) = (7_u32.to_be_bytes().to_vec(), Vec::new());
    for (name, tag) in tags {
        let offset = 128 + 4 + 7 * 12 + data.len() as u32;
        table.extend(name);
        table.extend(offset.to_be_bytes());
        table.extend((tag.len() as u32).to_be_bytes());
        data.extend(tag);
    }
    let size = (128 + table.len() + data.len()) as u32;
    let mut profile = [&size.to_be_bytes()[..], &[0; 4], &[2, 0x40, 0, 0], b"mntrRGB XYZ "].concat();
    profile.resize(36, 0);
    profile.extend(b"acsp");
    profile.resize(68, 0);
    profile.extend([fixed(0.9642), fixed(1.0), fixed(0.8249)].concat());
    profile.resize(128, 0);
    [profile, table, data].concat()
}

/// Truncated pictures, and garbage after a valid signature.
async fn broken_pictures_are_refused(photos: &dyn PhotoMaker) {
    for format in FORMATS {
        let whole = encoded(&noise(120, 120), format);
        made(photos, whole.clone()).await;
        let beginnings = [4, 12, 16, 30, whole.len() / 4, whole.len() / 2, whole.len() * 9 / 10];
        // A JPEG truncated within its scan is decoded as far as it goes.
        let some = if format == ImageFormat::Jpeg { 4 } else { beginnings.len() };
        for length in beginnings.into_iter().take(some) {
            let part = whole.iter().copied().take(length).collect();
            assert_refused(photos, part, &format!("{length} bytes of a {format:?}")).await;
        }
    }
    let garbage = [b"\x89PNG\r\n\x1a\n".as_slice(), &[0xA5; 500]].concat();
    assert_refused(photos, garbage, "garbage after the signature of a PNG").await;
}

/// A few bytes that would decode to gigabytes of pixels.
async fn pictures_that_claim_too_many_pixels_are_refused(photos: &dyn PhotoMaker) {
    // 60,000×60,000, with a valid checksum.
    let png = b"\x89PNG\r\n\x1a\n\0\0\0\x0dIHDR\0\0\xea\x60\0\0\xea\x60\x08\x02\0\0\0\x0f\xb0\xe2\x15\0\0\0\0IDAT";
    assert_refused(photos, png.to_vec(), "a PNG").await;
    let one = RgbImage::from_pixel(8, 8, RED);
    // 65,500×65,500, in the frame header that begins with FF C0.
    let mut jpeg = encoded(&one, ImageFormat::Jpeg);
    overwrite(&mut jpeg, b"\xff\xc0\0\x11\x08", &[0xFF, 0xDC, 0xFF, 0xDC]);
    assert_refused(photos, jpeg, "a JPEG").await;
    // 65,535×65,535, for both the screen and the frame.
    let mut gif = encoded(&one, ImageFormat::Gif);
    overwrite(&mut gif, b"GIF89a", &[0xFF; 4]);
    overwrite(&mut gif, b",\0\0\0\0", &[0xFF; 4]);
    assert_refused(photos, gif, "a GIF").await;
    // 16,384×16,384, after the signature of a lossless frame.
    let mut webp = encoded(&one, ImageFormat::WebP);
    let at = webp.windows(4).position(|name| name == b"VP8L").unwrap();
    let signature: Vec<u8> = webp.iter().copied().skip(at).take(9).collect();
    overwrite(&mut webp, &signature, &[0xFF, 0xFF, 0xFF, 0x0F]);
    assert_refused(photos, webp, "a WebP").await;
}

/// Overwrites the bytes after the first `mark` with `value`.
fn overwrite(bytes: &mut [u8], mark: &[u8], value: &[u8]) {
    let Some(at) = bytes.windows(mark.len()).position(|window| window == mark) else {
        panic!("the encoder wrote no {mark:?}");
    };
    let place = bytes.iter_mut().skip(at + mark.len());
    place.zip(value).for_each(|(byte, new)| *byte = *new);
}
