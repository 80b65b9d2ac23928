use std::io::Cursor;
use std::sync::mpsc;

use image::{ExtendedColorType, ImageBuffer, ImageEncoder, ImageFormat, Luma, Rgb, RgbImage, Rgba, RgbaImage};

use super::*;

fn encoded(picture: &DynamicImage, format: ImageFormat) -> Vec<u8> {
    let mut bytes = Cursor::new(Vec::new());
    picture.write_to(&mut bytes, format).unwrap();
    bytes.into_inner()
}

fn made(picture: &[u8]) -> DynamicImage {
    let photo = make(picture).unwrap();
    image::load_from_memory_with_format(&photo, ImageFormat::Jpeg).unwrap()
}

#[track_caller]
fn assert_refused(picture: &[u8], why: &'static str) {
    match make(picture) {
        Err(Error::Refused(Refused::Image(reason))) => assert!(reason.contains(why), "{reason}"),
        other => panic!("{other:?}"),
    }
}

#[track_caller]
fn assert_colour(photo: &DynamicImage, x: u32, y: u32, expected: [u8; 3]) {
    let actual = photo.to_rgb8().get_pixel(x, y).0;
    let near = actual.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12);
    assert!(near, "{actual:?} at {x}, {y} instead of {expected:?}");
}

#[test]
fn transparency_becomes_white() {
    let clear = RgbaImage::from_fn(600, 600, |x, _| match x {
        0..200 => Rgba([0, 0, 0, 0]),
        200..400 => Rgba([0, 0, 0, 128]),
        _ => Rgba([0, 0, 0, 255]),
    });
    let clear = DynamicImage::ImageRgba8(clear);
    for format in [ImageFormat::Png, ImageFormat::WebP] {
        let photo = made(&encoded(&clear, format));
        assert_colour(&photo, 60, 200, [255, 255, 255]);
        assert_colour(&photo, 200, 200, [127, 127, 127]);
        assert_colour(&photo, 340, 200, [0, 0, 0]);
    }
}

#[test]
fn deep_and_grey_pictures_keep_their_colours() {
    let deep = ImageBuffer::from_pixel(50, 50, Rgba([65_535u16, 32_768, 0, 65_535]));
    let photo = made(&encoded(&DynamicImage::ImageRgba16(deep), ImageFormat::Png));
    assert_colour(&photo, 200, 200, [255, 128, 0]);
    let grey = DynamicImage::ImageLuma8(ImageBuffer::from_pixel(50, 50, Luma([90])));
    assert_colour(&made(&encoded(&grey, ImageFormat::Jpeg)), 200, 200, [90, 90, 90]);
}

#[test]
fn large_small_and_narrow_pictures() {
    for (width, height) in [(1, 1), (1, 5000), (399, 401), (400, 400), (1601, 1600), (5000, 1700), (20_000, 3)] {
        let picture = DynamicImage::ImageRgba8(RgbaImage::from_pixel(width, height, Rgba([10, 200, 30, 255])));
        let photo = made(&encoded(&picture, ImageFormat::Png));
        assert_eq!((photo.width(), photo.height()), (400, 400), "{width}×{height}");
        for at in [0, 199, 399] {
            assert_colour(&photo, at, at, [10, 200, 30]);
        }
    }
}

#[test]
fn a_side_or_an_area_beyond_the_limit_is_refused_unread() {
    // The header and the start of the data: a decoder that went on would report a broken file.
    for (width, height) in [(60_000, 60_000), (20_001, 1), (1, 20_001), (20_000, 2_001)] {
        let mut png = encoded(&DynamicImage::new_luma8(1, 1), ImageFormat::Png);
        png.truncate(41);
        png[16..20].copy_from_slice(&u32::to_be_bytes(width));
        png[20..24].copy_from_slice(&u32::to_be_bytes(height));
        let sum = crc32(&png[12..29]);
        png[29..33].copy_from_slice(&sum.to_be_bytes());
        assert_refused(&png, "pixels");
    }
}

fn crc32(bytes: &[u8]) -> u32 {
    !bytes.iter().fold(u32::MAX, |sum, byte| {
        (0..8).fold(sum ^ u32::from(*byte), |sum, _| if sum & 1 == 1 { sum >> 1 ^ 0xEDB8_8320 } else { sum >> 1 })
    })
}

/// Exif data, a TIFF header and one entry: orientation 6, rotate 90° clockwise.
const ROTATED: &[u8] = b"II*\0\x08\0\0\0\x01\0\x12\x01\x03\0\x01\0\0\0\x06\0\0\0\0\0\0\0";

#[test]
fn the_orientation_of_every_format_is_applied() {
    let half = RgbaImage::from_fn(40, 40, |x, _| Rgba([if x < 20 { 255 } else { 0 }, 0, 0, 255]));
    let exif = ROTATED.to_vec();
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_exif_metadata(exif.clone()).unwrap();
    encoder.write_image(&half, 40, 40, ExtendedColorType::Rgba8).unwrap();
    let mut webp = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(exif.clone()).unwrap();
    encoder.write_image(&half, 40, 40, ExtendedColorType::Rgba8).unwrap();
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new(&mut jpeg);
    encoder.set_exif_metadata(exif).unwrap();
    let opaque = DynamicImage::ImageRgba8(half).to_rgb8();
    encoder.write_image(&opaque, 40, 40, ExtendedColorType::Rgb8).unwrap();
    for picture in [png, webp, jpeg] {
        let photo = made(&picture);
        assert_colour(&photo, 200, 50, [255, 0, 0]);
        assert_colour(&photo, 200, 350, [0, 0, 0]);
    }
}

#[test]
fn a_webp_whose_frame_is_larger_than_it_says_is_refused_unread() {
    let mut webp = b"RIFF\x2e\0\0\0WEBPVP8X\x0a\0\0\0\0\0\0\0\x09\0\0\x09\0\0VP8 \x0a\0\0\0".to_vec();
    webp.extend(b"\x10\0\0\x9d\x01\x2a\xff\x3f\xff\x3f");
    assert_refused(&webp, "pixels");
}

#[test]
fn a_webp_that_claims_gigabytes_of_metadata_takes_none() {
    let mut webp = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_exif_metadata(b"II*\0".to_vec()).unwrap();
    encoder.write_image(&[255, 0, 0], 1, 1, ExtendedColorType::Rgb8).unwrap();
    let at = webp.windows(4).position(|name| name == b"EXIF").unwrap();
    webp[at + 4..at + 8].copy_from_slice(&0xFFFF_FFF0u32.to_le_bytes());
    assert_colour(&made(&webp), 200, 200, [255, 0, 0]);
}

#[test]
fn a_picture_without_pixels_is_refused() {
    assert_refused(b"GIF89a\0\0\0\0\0\0\0,\0\0\0\0\0\0\0\0\0\x02\0;", "broken");
}

#[test]
fn a_jpeg_may_carry_more_after_its_end() {
    let mut jpeg = encoded(&DynamicImage::new_rgb8(30, 30), ImageFormat::Jpeg);
    jpeg.extend(b"what some cameras append");
    assert_colour(&made(&jpeg), 200, 200, [0, 0, 0]);
}

#[test]
fn a_jpeg_whose_last_bytes_are_missing_is_shown_as_far_as_it_goes() {
    let half =
        RgbaImage::from_fn(
            400,
            400,
            |_, y| if y < 300 { Rgba([10, 200, 30, 255]) } else { Rgba([y as u8, 0, 9, 255]) },
        );
    let jpeg = encoded(&DynamicImage::ImageRgb8(DynamicImage::ImageRgba8(half).to_rgb8()), ImageFormat::Jpeg);
    for missing in [1, 2, 3, 10, 50] {
        let photo = made(&jpeg[..jpeg.len() - missing]);
        assert_colour(&photo, 200, 100, [10, 200, 30]);
    }
    // No truncation panics; without a scan it is refused.
    for length in (3..jpeg.len()).step_by(jpeg.len() / 20) {
        let _ = make(&jpeg[..length]);
    }
    for length in [3, 20, 100] {
        assert_refused(&jpeg[..length], "broken");
    }
}

/// An ICC profile with red and green swapped.
fn swapped() -> Vec<u8> {
    let mut profile = moxcms::ColorProfile::new_srgb();
    std::mem::swap(&mut profile.red_colorant, &mut profile.green_colorant);
    profile.cicp = None;
    profile.encode().unwrap()
}

#[test]
fn colours_of_another_profile_become_those_of_srgb() {
    let red = RgbaImage::from_pixel(40, 40, Rgba([255, 0, 0, 255]));
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_icc_profile(swapped()).unwrap();
    encoder.write_image(&red, 40, 40, ExtendedColorType::Rgba8).unwrap();
    let mut webp = Vec::new();
    let mut encoder = image::codecs::webp::WebPEncoder::new_lossless(&mut webp);
    encoder.set_icc_profile(swapped()).unwrap();
    encoder.write_image(&red, 40, 40, ExtendedColorType::Rgba8).unwrap();
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new(&mut jpeg);
    encoder.set_icc_profile(swapped()).unwrap();
    let opaque = DynamicImage::ImageRgba8(red).to_rgb8();
    encoder.write_image(&opaque, 40, 40, ExtendedColorType::Rgb8).unwrap();
    for picture in [png, webp, jpeg] {
        assert_colour(&made(&picture), 200, 200, [0, 255, 0]);
    }
}

#[test]
fn colours_of_display_p3_are_more_saturated_in_srgb() {
    let picture = RgbaImage::from_pixel(40, 40, Rgba([200, 100, 100, 255]));
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_icc_profile(moxcms::ColorProfile::new_display_p3().encode().unwrap()).unwrap();
    encoder.write_image(&picture, 40, 40, ExtendedColorType::Rgba8).unwrap();
    // By the matrices of CSS Color 4: color(display-p3 0.784 0.392 0.392) is rgb(214 95 97).
    assert_colour(&made(&png), 200, 200, [214, 95, 97]);
}

#[test]
fn a_profile_that_is_none_changes_nothing() {
    let picture = RgbaImage::from_pixel(40, 40, Rgba([10, 200, 30, 255]));
    for profile in [b"no profile".to_vec(), vec![0; 200], swapped()[..100].to_vec()] {
        let mut png = Vec::new();
        let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
        encoder.set_icc_profile(profile).unwrap();
        encoder.write_image(&picture, 40, 40, ExtendedColorType::Rgba8).unwrap();
        assert_colour(&made(&png), 200, 200, [10, 200, 30]);
    }
}

#[test]
fn phone_pictures_fit_and_larger_ones_are_refused() {
    // 8,160 by 6,120: 49.9 megapixels.
    let grey = ImageBuffer::from_pixel(8_160, 6_120, Luma([90_u8]));
    let jpeg = encoded(&DynamicImage::ImageLuma8(grey), ImageFormat::Jpeg);
    assert!(jpeg.len() < 5 << 20);
    assert_colour(&made(&jpeg), 200, 200, [90, 90, 90]);
    let mut more = encoded(&DynamicImage::new_rgb8(8, 8), ImageFormat::Jpeg);
    let at = more.windows(4).position(|mark| mark == b"\xff\xc0\0\x11").unwrap();
    // 8,160 by 6,251.
    more[at + 5..at + 9].copy_from_slice(&[0x18, 0x6B, 0x1F, 0xE0]);
    assert_refused(&more, "pixels");
}

#[test]
fn a_large_jpeg_becomes_the_same_photo_as_other_formats_even_without_its_last_bytes() {
    let (width, height) = (4_799, 3_601);
    let picture = RgbImage::from_fn(width, height, |x, y| {
        let wave = (x % 600).abs_diff(300) * 255 / 300;
        Rgb([(x * 255 / width) as u8, (y * 255 / height) as u8, wave as u8])
    });
    let mut png = Vec::new();
    let mut encoder = image::codecs::png::PngEncoder::new(&mut png);
    encoder.set_exif_metadata(ROTATED.to_vec()).unwrap();
    encoder.set_icc_profile(swapped()).unwrap();
    encoder.write_image(&picture, width, height, ExtendedColorType::Rgb8).unwrap();
    let mut jpeg = Vec::new();
    let mut encoder = JpegEncoder::new_with_quality(&mut jpeg, 90);
    encoder.set_exif_metadata(ROTATED.to_vec()).unwrap();
    encoder.set_icc_profile(swapped()).unwrap();
    encoder.write_image(&picture, width, height, ExtendedColorType::Rgb8).unwrap();
    let expected = made(&png).to_rgb8();
    for missing in [0, 1, 2, 50] {
        let photo = made(&jpeg[..jpeg.len() - missing]).to_rgb8();
        let differences = photo.iter().zip(expected.iter()).map(|(a, b)| u32::from(a.abs_diff(*b)));
        let mean = f64::from(differences.clone().sum::<u32>()) / f64::from(400 * 400 * 3);
        let largest = differences.max().unwrap();
        assert!(mean < 1.5 && largest < 15, "{missing} bytes missing: {mean}, {largest}");
    }
}

#[test]
fn bare_jpeg_xl_is_accepted_with_any_channels() {
    use zune_core::bit_depth::BitDepth;
    use zune_core::colorspace::ColorSpace;
    use zune_core::options::EncoderOptions;

    for (space, pixel, expected) in [
        (ColorSpace::RGB, &[10, 200, 30][..], [10, 200, 30]),
        (ColorSpace::RGBA, &[10, 200, 30, 0], [255, 255, 255]),
        (ColorSpace::RGBA, &[10, 200, 30, 255], [10, 200, 30]),
        (ColorSpace::Luma, &[90], [90, 90, 90]),
    ] {
        let pixels = pixel.repeat(60 * 50);
        let options = EncoderOptions::new(60, 50, space, BitDepth::Eight);
        let mut jxl = Vec::new();
        zune_jpegxl::JxlSimpleEncoder::new(&pixels, options).encode(&mut jxl).unwrap();
        assert_colour(&made(&jxl), 200, 200, expected);
        for length in [2, 5, jxl.len() / 2, jxl.len() - 1] {
            assert_refused(&jxl[..length], "");
        }
    }
}

#[test]
fn the_error_names_the_accepted_formats() {
    for picture in [&b"\0\0\0\x1cftypavif\0\0\0\0avifmif1miaf"[..], b"BM", b"no picture"] {
        assert_refused(picture, "JPEG, PNG, WebP, GIF");
        assert_refused(picture, "JPEG XL");
    }
}

/// The result of a future that must be ready at once.
async fn at_once<T>(answer: impl Future<Output = T>) -> T {
    tokio::select! {
        biased;
        answer = answer => answer,
        () = std::future::ready(()) => panic!("it waits"),
    }
}

#[tokio::test]
async fn past_the_queue_callers_are_turned_away_at_once() {
    let photos = SquarePhotos::new(1, 1);
    let (release, held) = mpsc::channel::<()>();
    let running = photos.run(move || Ok(held.recv().is_ok()));
    let picture = Bytes::from(encoded(&DynamicImage::new_rgb8(3, 3), ImageFormat::Png));
    let waiting = photos.make(picture.clone());
    let turned_away = async {
        let refused = at_once(photos.make(picture.clone())).await;
        assert!(matches!(refused, Err(Error::Unavailable { part: "image processing", .. })), "{refused:?}");
        release.send(()).unwrap();
    };
    // Polled in this order: the first takes the only turn, the second the only place in the queue.
    let (running, waiting, ()) = tokio::join!(biased; running, waiting, turned_away);
    assert!(running.unwrap());
    assert!(waiting.is_ok());
    photos.make(picture).await.unwrap();
}

#[tokio::test]
async fn a_decoder_that_panics_refuses_the_picture_and_makes_room() {
    let photos = SquarePhotos::new(1, 0);
    for _ in 0..2 {
        let refused = photos.run(|| -> Result<()> { panic!("as a decoder would") }).await;
        assert!(matches!(refused, Err(Error::Refused(Refused::Image(BROKEN)))), "{refused:?}");
    }
}
