//! HEIC: accepted with the feature, refused by name without it.

use bytes::Bytes;
use clouddrive_domain::port::PhotoMaker;
use clouddrive_image::SquarePhotos;

const TWO_HALVES: &[u8] = include_bytes!("pictures/two-halves.heic");

#[cfg(feature = "heic")]
#[tokio::test]
async fn a_heic_keeps_its_colours() {
    let photo = SquarePhotos::new(1, 1).make(Bytes::from_static(TWO_HALVES)).await.unwrap();
    let photo = image::load_from_memory_with_format(&photo, image::ImageFormat::Jpeg).unwrap().to_rgb8();
    assert_eq!(photo.dimensions(), (400, 400));
    for (x, expected) in [(100, [200_u8, 40, 30]), (300, [20, 60, 200])] {
        let actual = photo.get_pixel(x, 200).0;
        let near = actual.iter().zip(expected).all(|(a, b)| a.abs_diff(b) < 12);
        assert!(near, "{actual:?} at {x} instead of {expected:?}");
    }
}

#[cfg(not(feature = "heic"))]
#[tokio::test]
async fn a_heic_is_refused_unless_it_is_built_in() {
    use clouddrive_domain::Error;
    use clouddrive_domain::error::Refused;

    let refused = SquarePhotos::new(1, 1).make(Bytes::from_static(TWO_HALVES)).await;
    let expected = "it must be a JPEG, PNG, WebP, GIF or JPEG XL";
    assert!(matches!(refused, Err(Error::Refused(Refused::Image(reason))) if reason == expected), "{refused:?}");
}
