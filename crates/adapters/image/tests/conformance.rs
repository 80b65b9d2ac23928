//! Runs the conformance suite of the port that this crate implements.

use clouddrive_conformance::photos;
use clouddrive_image::SquarePhotos;

#[tokio::test]
async fn square_photos() {
    photos::suite(&SquarePhotos::new(2, 64)).await;
}
